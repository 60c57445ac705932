"""Formats: what the bytes of a record mean. One file per format; connectors know none of them by name."""
