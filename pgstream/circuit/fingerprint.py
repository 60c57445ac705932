"""Structural identity: a digest that equal computations share, and that a restart finds again.

Python equality will not do: Decimal("1.0") == Decimal("1.00") and 0.0 == -0.0, though they print differently, and
NaN != NaN. Nor does `hash()` survive the process. So operators are digested field by field.
"""

from dataclasses import fields, is_dataclass
from hashlib import blake2b
from typing import Any

from pgstream.functions.registry import Aggregate, Function, WindowFunction


def fingerprint(value: Any) -> bytes:
    """16 bytes that are equal exactly where the trees of dataclasses, tuples and literals are."""
    digest = blake2b(digest_size=16)
    _feed(value, digest.update)
    return digest.digest()


def _feed(value: Any, update: Any) -> None:
    if isinstance(value, Function | Aggregate | WindowFunction):
        update(f"\x00f{type(value).__name__}\x00{value.name}({','.join(value.arguments)})".encode())
    elif isinstance(value, tuple | list):
        update(f"\x00t{len(value)}".encode())
        for item in value:
            _feed(item, update)
    elif is_dataclass(value) and not isinstance(value, type):
        update(f"\x00d{type(value).__name__}".encode())
        for field in fields(value):
            _feed(getattr(value, field.name), update)
    else:
        literal = repr(value)
        update(f"\x00v{type(value).__name__}\x00{len(literal)}\x00{literal}".encode(errors="surrogatepass"))
