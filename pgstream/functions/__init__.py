"""SQL functions, operators, aggregates and casts: one file per family, registered as they are imported."""
