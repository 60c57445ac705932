"""Loops over plain arrays that Numba compiles; no SQL is known here."""
