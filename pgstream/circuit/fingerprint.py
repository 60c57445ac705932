"""Structural identity: a digest that equal computations share, and that a restart finds again.

Python equality will not do: Decimal("1.0") == Decimal("1.00") and 0.0 == -0.0, though they print differently, and
NaN != NaN. Nor does `hash()` survive the process. So operators are digested field by field.
"""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache, lru_cache
from hashlib import blake2b
from typing import Any

from pgstream.functions.registry import Aggregate, Function, WindowFunction
from pgstream.plan.expressions import Ref
from pgstream.types.definition import SqlType, is_description

Take = Callable[[bytes], None]


def fingerprint(value: Any) -> bytes:
    """16 bytes that are equal exactly where the trees of dataclasses, tuples and literals are."""
    parts: list[bytes] = []
    _feed(value, parts.append)
    return blake2b(b"".join(parts), digest_size=16).digest()


@cache
def _shape(kind: type) -> tuple[bytes, tuple[str, ...]] | None:
    """How values of a dataclass begin, and their fields; None for what is no dataclass."""
    if not is_dataclass(kind):
        return None
    return f"\x00d{kind.__name__}".encode(), tuple(field.name for field in fields(kind))


@cache
def _called(function: Function | Aggregate | WindowFunction) -> bytes:
    return f"\x00f{type(function).__name__}\x00{function.name}({','.join(function.arguments)})".encode()


@lru_cache(16384)
def _leaf(value: SqlType | Ref) -> bytes:
    """Small values that come again and again, and are equal only where they look the same."""
    parts: list[bytes] = []
    if isinstance(value, SqlType) and is_description(value.name) and value.definition.identity:
        value = SqlType(value.definition.identity, value.typmod)
    _feed_fields(value, parts.append)
    return b"".join(parts)


def _feed(value: Any, take: Take) -> None:
    kind = type(value)
    if kind is Ref or kind is SqlType:
        take(_leaf(value))
    elif kind is int or kind is str or kind is bool:
        take(_literal(kind, value))
    elif kind is tuple or isinstance(value, (tuple, list)):
        take(b"\x00t%d" % len(value))
        for item in value:
            if type(item) is SqlType:
                take(_leaf(item))
            else:
                _feed(item, take)
    elif kind is Function or kind is Aggregate or kind is WindowFunction:
        take(_called(value))
    elif not _feed_fields(value, take):
        take(_literal(kind, value))


def _literal(kind: type, value: Any) -> bytes:
    literal = repr(value)
    return f"\x00v{kind.__name__}\x00{len(literal)}\x00{literal}".encode(errors="surrogatepass")


def _feed_fields(value: Any, take: Take) -> bool:
    kind: type = type(value)
    shape = _shape(kind)
    if shape is None:
        return False
    take(shape[0])
    for name in shape[1]:
        _feed(getattr(value, name), take)
    return True
