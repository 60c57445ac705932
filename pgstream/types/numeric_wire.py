"""The binary wire format of numeric, read one distinct value at a time (`kernels/numeric_keys.py` writes it)."""

import struct

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidBinaryRepresentation, ProtocolViolation
from pgstream.types.lift import over_distinct

SPECIALS = {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}


def numeric_of_wire(content: bytes) -> str:
    """The stored form of one binary numeric."""
    if len(content) < 8:
        raise ProtocolViolation("insufficient data left in message")
    count, weight, sign, scale = struct.unpack_from(">HhHH", content)
    if sign in SPECIALS:
        return SPECIALS[sign]
    if sign not in (0, 0x4000):
        raise InvalidBinaryRepresentation('invalid sign in external "numeric" value')
    if scale > 0x3FFF:
        raise InvalidBinaryRepresentation('invalid scale in external "numeric" value')
    if len(content) < 8 + 2 * count:
        raise ProtocolViolation("insufficient data left in message")
    if len(content) > 8 + 2 * count:
        raise InvalidBinaryRepresentation("incorrect binary data format")
    groups = struct.unpack_from(f">{count}H", content, 8)
    if any(group > 9999 for group in groups):
        raise InvalidBinaryRepresentation('invalid digit in external "numeric" value')
    return assembled(groups, weight, sign != 0, scale)


def assembled(groups: tuple[int, ...], weight: int, negative: bool, scale: int) -> str:
    """The text of base-10000 digits `groups`, the first of weight `weight`, cut to `scale` digits."""
    digits = "".join(f"{group:04d}" for group in groups)
    whole_length = 4 * (weight + 1)
    if whole_length <= 0:
        whole, fraction = "0", "0" * -whole_length + digits
    else:
        whole, fraction = digits[:whole_length].ljust(whole_length, "0"), digits[whole_length:]
    fraction = fraction[:scale].ljust(scale, "0")
    whole = whole.lstrip("0") or "0"
    nonzero = whole != "0" or fraction.strip("0")
    return ("-" if negative and nonzero else "") + (f"{whole}.{fraction}" if scale else whole)


def receive(content: Column) -> Column:
    """Binary input, before the typmod."""
    return over_distinct(content, pa.string(), numeric_of_wire)
