"""Loops over plain arrays that Numba compiles; no SQL is known here.

A kernel is written with `compiler.njit`. What is compiled is kept by `cache`, and `native` loads it at a kernel's first
call without importing Numba, which is wanted only where something must be compiled.
"""
