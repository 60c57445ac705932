"""One client's connection: what it prepared, its transaction and settings, and how results become bytes."""
