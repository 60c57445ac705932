"""The process's memory: freed blocks are kept and used again, and mapped pages can be given back."""

import ctypes
import mmap
from pathlib import Path

import numpy as np
import pyarrow as pa

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
MADV_DONTNEED = 4
PAGE_BYTES = mmap.PAGESIZE
_LIBC = ctypes.CDLL(None)
KEPT_BYTES = 1 << 30
LARGEST_HEAP_BLOCK = 32 << 20  # what glibc accepts for M_MMAP_THRESHOLD on 64-bit machines


def keep_freed_memory(bytes_max: int = KEPT_BYTES) -> bool:
    """Tells malloc to give the system nothing back until about `bytes_max` are free; whether it listened.

    Touching a fresh page costs a fault, ten times what copying it does, and arrays of a few megabytes come and go in
    every tick. To be called once, at the start of the process.
    """
    if not hasattr(_LIBC, "mallopt"):
        return False
    kept = min(bytes_max, KEPT_BYTES)
    done = _LIBC.mallopt(M_MMAP_THRESHOLD, min(LARGEST_HEAP_BLOCK, max(kept // 16, 1 << 20)))
    done = done and _LIBC.mallopt(M_TRIM_THRESHOLD, kept)
    return bool(done and _LIBC.mallopt(M_TOP_PAD, min(64 << 20, kept // 16)))


def anonymous_bytes() -> int:
    """Bytes of this process's memory that no file backs: its heap."""
    resident, shared = Path("/proc/self/statm").read_text().split()[1:3]
    return (int(resident) - int(shared)) * PAGE_BYTES


def return_freed_memory() -> None:
    """Gives what malloc and Arrow keep back to the system."""
    pa.default_memory_pool().release_unused()
    if hasattr(_LIBC, "malloc_trim"):
        _LIBC.malloc_trim(ctypes.c_size_t(0))


def forget_pages(address: int, size: int) -> None:
    """Drops the whole pages of a file mapping from this process; they are read again when touched."""
    start, count = _whole_pages(address, size)
    if count:
        _LIBC.madvise(ctypes.c_void_p(start), ctypes.c_size_t(count * PAGE_BYTES), MADV_DONTNEED)


def resident_bytes(address: int, size: int) -> int:
    """Bytes of a mapping's whole pages that this process has touched and not dropped."""
    start, count = _whole_pages(address, size)
    with Path("/proc/self/pagemap").open("rb", buffering=0) as pagemap:
        pagemap.seek(start // PAGE_BYTES * 8)
        entries = np.frombuffer(pagemap.read(count * 8), np.uint64)
    return int((entries >> np.uint64(63)).sum()) * PAGE_BYTES


def _whole_pages(address: int, size: int) -> tuple[int, int]:
    start = -(-address // PAGE_BYTES) * PAGE_BYTES
    return start, max((address + size - start) // PAGE_BYTES, 0)
