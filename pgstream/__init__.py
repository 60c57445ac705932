"""A streaming database that every Postgres client already knows how to use."""

__version__ = "0.1.0"
