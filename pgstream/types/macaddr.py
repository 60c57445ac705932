"""macaddr and macaddr8: addresses of network cards, of 6 and 8 bytes. Python form, and what is stored: those bytes."""

import re

import pyarrow as pa

from pgstream.errors import InvalidTextRepresentation, NumericValueOutOfRange
from pgstream.types.definition import SqlType, TypeDefinition, declare
from pgstream.types.one_value import of_width, same_value, value_codecs

_H = "([0-9a-fA-F]+)"
_PAIR, _TRIPLE, _QUAD = "([0-9a-fA-F]{2})", "([0-9a-fA-F]{2})" * 3, "([0-9a-fA-F]{2})" * 2
SHORT_FORMS = tuple(
    re.compile(rf"\s*{form}\s*", re.ASCII)
    for form in (
        ":".join([_H] * 6),
        "-".join([_H] * 6),
        f"{_TRIPLE}:{_TRIPLE}",
        f"{_TRIPLE}-{_TRIPLE}",
        rf"{_QUAD}\.{_QUAD}\.{_QUAD}",
        f"{_QUAD}-{_QUAD}-{_QUAD}",
        _PAIR * 6,
    )
)


def card_of(text: str) -> bytes:
    """The 6 bytes that `text` spells."""
    for form in SHORT_FORMS:
        found = form.fullmatch(text)
        if found is not None:
            octets = [int(part, 16) for part in found.groups()]
            if max(octets) > 255:
                raise NumericValueOutOfRange(f'invalid octet value in "macaddr" value: "{text}"')
            return bytes(octets)
    raise InvalidTextRepresentation(f'invalid input syntax for type macaddr: "{text}"')


def long_card_of(text: str) -> bytes:
    """The 8 bytes that `text` spells, FF and FE between the halves of 6."""
    digits = re.sub("[:.-]", "", text.strip())
    separators = set(re.findall("[:.-]", text))
    pieces = re.split("[:.-]", text.strip())
    whole = all(len(piece) % 2 == 0 and piece for piece in pieces) and len(separators) <= 1
    if not whole or len(digits) not in (12, 16) or re.fullmatch("[0-9a-fA-F]+", digits) is None:
        raise InvalidTextRepresentation(f'invalid input syntax for type macaddr8: "{text}"')
    octets = bytes.fromhex(digits)
    return lengthened(octets) if len(octets) == 6 else octets


def lengthened(octets: bytes) -> bytes:
    """A card's 6 bytes as 8."""
    return octets[:3] + b"\xff\xfe" + octets[3:]


def _declared(name: str, oid: int, array_oid: int, width: int, samples: tuple[str, ...]) -> SqlType:
    return declare(
        TypeDefinition(
            name=name,
            sql_name=name,
            oid=oid,
            array_oid=array_oid,
            category="U",
            length=width,
            samples=samples,
            **value_codecs(
                pa.binary(),
                card_of if width == 6 else long_card_of,
                lambda octets: octets.hex(":"),
                (lambda content: of_width(content, 6)) if width == 6 else received_long,
                same_value,
                same_value,
            ),
        )
    )


def received_long(content: bytes) -> bytes:
    """Binary input of 6 or 8 bytes."""
    return lengthened(content) if len(content) == 6 else of_width(content, 8)


MACADDR = _declared("macaddr", 829, 1040, 6, ("08:00:2b:01:02:03", "00-00-00-00-00-00", "FFFF.FFFF.ffff"))
MACADDR8 = _declared("macaddr8", 774, 775, 8, ("08:00:2b:01:02:03:04:05", "08002b010203", "ffffffffffffffff"))
