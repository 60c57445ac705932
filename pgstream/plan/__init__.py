"""The logical algebra: bound expressions, relations over them, their evaluation and their rewriting."""
