"""Multirange types: ranges that neither overlap nor touch, in order. Python form: tuple of `Range`.

Stored as the stored ranges, one after the other.
"""

import struct
from collections.abc import Iterable

from pgstream.errors import InvalidBinaryRepresentation
from pgstream.types.definition import Settings, SqlType, TypeDefinition, declare
from pgstream.types.range import KINDS, SAMPLES, ManyAtOnce, Range, RangeKind
from pgstream.types.range_text import ends_of, ranges_of

Ranges = tuple[Range, ...]


def touching(left: Range, right: Range) -> bool:
    """Whether the second starts where the first ends, nothing between them and nothing in both."""
    end, start = left.end, right.start
    return len(end) == len(start) == 4 and end[:3] == start[:3] and left.upper_inc != right.lower_inc


def united(ranges: Iterable[Range]) -> Ranges:
    """What lies in one of `ranges`, as few ranges in order."""
    made: list[Range] = []
    for value in sorted((one for one in ranges if not one.empty), key=lambda one: (one.start, one.end)):
        last = made[-1] if made else None
        if last is None or not (value.start <= last.end or touching(last, value)):
            made.append(value)
        elif value.end > last.end:
            made[-1] = last._replace(upper=value.upper, upper_inc=value.upper_inc)
    return tuple(made)


def stored(kind: RangeKind, value: Ranges) -> bytes:
    """The bytes that are stored."""
    return b"".join(map(kind.stored, value))


def unstored(kind: RangeKind, content: bytes) -> Ranges:
    """The value that was stored."""
    at, found = 0, []
    while at < len(content):
        value, at = kind.unstored(content, at)
        found.append(value)
    return tuple(found)


def _cut(flat: list[object], like: list[Ranges]) -> list[list[object]]:
    """`flat` in pieces as long as those of `like`."""
    at, made = 0, []
    for one in like:
        made.append(flat[at : at + len(one)])
        at += len(one)
    return made


def _received(content: bytes) -> list[bytes]:
    """The ranges on the wire: their number, and each with its length."""
    try:
        (count,) = struct.unpack_from(">i", content)
        at, found = 4, []
        for _ in range(count):
            (length,) = struct.unpack_from(">i", content, at)
            found.append(content[at + 4 : at + 4 + length])
            at += 4 + length
    except struct.error:
        raise InvalidBinaryRepresentation("insufficient data left in message") from None
    if at != len(content):
        raise InvalidBinaryRepresentation("incorrect binary data format")
    return found


def _sent(kind: RangeKind, values: list[Ranges]) -> list[bytes]:
    flat = list[object](kind.sent([one for value in values for one in value]))
    return [
        struct.pack(">i", len(parts)) + b"".join(struct.pack(">i", len(part)) + part for part in parts)  # type: ignore
        for parts in _cut(flat, values)
    ]


def _keys(kind: RangeKind, values: list[Ranges]) -> list[bytes]:
    flat = list[object](kind.keys([one for value in values for one in value]))
    return [b"".join(b"\1" + key for key in keys) + b"\0" for keys in _cut(flat, values)]  # type: ignore[operator]


def _texts(kind: RangeKind, values: list[Ranges], settings: Settings) -> list[str]:
    flat = list[object](kind.to_texts([one for value in values for one in value], settings))
    return ["{" + ",".join(map(str, texts)) + "}" for texts in _cut(flat, values)]


def _declared(kind: RangeKind) -> SqlType:
    def read(words: list[str], settings: Settings, now_us: int) -> list[Ranges]:
        lists = [[ends_of(part) for part in ranges_of(word)] for word in words]
        return [united(kind.from_texts(ends, settings, now_us)) for ends in lists]

    many = ManyAtOnce(
        read=read,
        show=lambda values, settings: _texts(kind, values, settings),
        receive=lambda contents: [united(kind.received(_received(content))) for content in contents],
        send=lambda values: _sent(kind, values),
        keys=lambda values: _keys(kind, values),
        same=lambda value: tuple(map(kind.same, value)),
        store=lambda value: stored(kind, value),
        load=lambda content: unstored(kind, content),
    )
    low, middle, high = SAMPLES[kind.subtype.name]
    return declare(
        TypeDefinition(
            name=kind.multirange,
            sql_name=kind.multirange,
            oid=kind.multirange_oid,
            array_oid=kind.multirange_array_oid,
            samples=("{}", "{(,)}", f"{{[{low},{middle}),({high},)}}", f"{{[{low},{high}]}}"),
            **many.codecs(kind),
        )
    )


MULTIRANGES = tuple(_declared(kind) for kind in KINDS.values())
"""The multirange type of each range type."""
