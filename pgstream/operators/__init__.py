"""The physical operators of the dataflow, one a file; everything else is algebra over them (`derived.py`)."""
