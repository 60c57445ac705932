"""What inet and cidr share: addresses of the two families, with how many of their bits name the network.

Python form: `Address`. Stored as the family's byte (4 or 6), the byte of the length, and the bytes of the address.
"""

import ipaddress
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pyarrow as pa

from pgstream.errors import InvalidBinaryRepresentation, InvalidTextRepresentation
from pgstream.types.integer import plain_value
from pgstream.types.one_value import value_codecs

OCTETS = re.compile(r"[0-9]+(?:\.[0-9]+){0,3}", re.ASCII)
LENGTH = re.compile(r"[0-9]{1,3}", re.ASCII)
FAMILY_OF_WIRE = {2: 4, 3: 6}
WIDTHS = {4: 32, 6: 128}


class Address(NamedTuple):
    """A family (4 or 6), how many bits name the network, and the address as a number."""

    family: int
    length: int
    number: int

    @property
    def width(self) -> int:
        """How many bits an address of the family has."""
        return WIDTHS[self.family]

    @property
    def mask(self) -> int:
        """The bits that name the network."""
        return (1 << self.width) - (1 << (self.width - self.length))

    @property
    def hosts(self) -> int:
        """The bits that name a host in it."""
        return (1 << (self.width - self.length)) - 1

    def contains(self, other: "Address") -> bool:
        """Whether `other` is of this network, or is it."""
        same = self.family == other.family and self.length <= other.length
        return same and not (self.number ^ other.number) & self.mask


def stored(value: Address) -> bytes:
    """The bytes that are stored."""
    return bytes((value.family, value.length)) + value.number.to_bytes(value.width // 8)


def unstored(content: bytes) -> Address:
    """The value that was stored."""
    return Address(content[0], content[1], int.from_bytes(content[2:]))


def address_of(text: str) -> Address | None:
    """The address that `text` spells whole; None where it spells none."""
    bare, slash, tail = text.partition("/")
    if slash and LENGTH.fullmatch(tail) is None:
        return None
    try:
        if ":" in bare and "%" not in bare:
            found = Address(6, 128, int(ipaddress.IPv6Address(bare)))
        else:
            found = Address(4, 32, int(ipaddress.IPv4Address(_unpadded(bare + _missing(bare, tail)))))
    except ValueError:
        return None
    if slash and int(tail) > found.width:
        return None
    return found._replace(length=int(tail)) if slash else found


def _missing(dotted: str, length: str) -> str:
    """The octets that may be left out, where those that are there name the whole network."""
    given = dotted.count(".") + 1
    return ".0" * (4 - given) if length and given * 8 >= int(length) else ""


def _unpadded(dotted: str) -> str:
    """Octets without the zeros before them, which PostgreSQL takes."""
    return ".".join(part.lstrip("0") or part[-1:] for part in dotted.split("."))


def network_of(text: str) -> Address | None:
    """The network that `text` spells; of the address family 4, octets at its end may be left out."""
    bare, slash, tail = text.partition("/")
    if ":" in bare or OCTETS.fullmatch(bare) is None:
        return address_of(text)
    octets = [int(part) for part in bare.split(".")]
    if slash and (LENGTH.fullmatch(tail) is None or int(tail) > 32):
        return None
    length = int(tail) if slash else _classful(octets)
    if max(octets) > 255:
        return None
    padded = [*octets, 0, 0, 0][:4]
    return Address(4, length, int.from_bytes(bytes(padded)))


def _classful(octets: list[int]) -> int:
    """How many bits named the network when that followed from the first octet, or all octets that are given."""
    first = octets[0]
    named = next(bits for limit, bits in ((240, 32), (224, 8), (192, 24), (128, 16), (0, 8)) if first >= limit)
    length = max(named, 8 * len(octets))
    return 4 if length == 8 and first == 224 else length


def host_text(value: Address) -> str:
    """The address alone."""
    if value.family == 4:
        return str(ipaddress.IPv4Address(value.number))
    address = ipaddress.IPv6Address(value.number)
    high, low = value.number >> 32, ipaddress.IPv4Address(value.number & 0xFFFFFFFF)
    if high == 0xFFFF:
        return f"::ffff:{low}"
    if high == 0 and value.number > 0xFFFF:
        return f"::{low}"
    return str(address)


def whole_text(value: Address) -> str:
    """The address and the length."""
    return f"{host_text(value)}/{value.length}"


def address_text(value: Address) -> str:
    """The address, and the length where not all bits name the network."""
    return host_text(value) if value.length == value.width else whole_text(value)


def order_key(content: bytes) -> bytes:
    """Keys by family, network bit by bit (a network before those it contains), and the whole address."""
    value = unstored(content)
    bits = f"{value.number:0{value.width}b}"[: value.length]
    return bytes([value.family, *(1 + (bit == "1") for bit in bits), 0]) + content[2:]


def reading(name: str, spelled: Callable[[str], Address | None]) -> Callable[[str], bytes]:
    """Input."""

    def read(text: str) -> bytes:
        found = spelled(text)
        if found is None:
            raise InvalidTextRepresentation(f'invalid input syntax for type {name}: "{text}"')
        if name == "cidr" and found.number & found.hosts:
            raise InvalidTextRepresentation(
                f'invalid cidr value: "{text}"', detail="Value has bits set to right of mask."
            )
        return stored(found)

    return read


def receiving(name: str) -> Callable[[bytes], bytes]:
    """Binary input: family, length, whether a network, how many bytes, and those."""

    def receive(content: bytes) -> bytes:
        family = FAMILY_OF_WIRE.get(content[0]) if content else None
        if family is None:
            raise InvalidBinaryRepresentation(f'invalid address family in external "{name}" value')
        if len(content) < 2 or content[1] > WIDTHS[family]:
            raise InvalidBinaryRepresentation(f'invalid bits in external "{name}" value')
        if len(content) != 4 + WIDTHS[family] // 8:
            raise InvalidBinaryRepresentation(f'invalid length in external "{name}" value')
        found = Address(family, content[1], int.from_bytes(content[4:]))
        if name == "cidr" and found.number & found.hosts:
            raise InvalidBinaryRepresentation(
                'invalid external "cidr" value', detail="Value has bits set to right of mask."
            )
        return stored(found)

    return receive


def sending(is_network: int) -> Callable[[bytes], bytes]:
    """Binary output."""

    def send(content: bytes) -> bytes:
        wire = 2 if content[0] == 4 else 3
        return bytes((wire, content[1], is_network, len(content) - 2)) + content[2:]

    return send


def to_python(plain: object) -> Address | None:
    """The address."""
    content = plain_value(plain)
    return None if content is None else unstored(content)


def address_codecs(
    name: str, spelled: Callable[[str], Address | None], show: Callable[[Address], str]
) -> dict[str, Any]:
    """The codec fields of either type."""
    return {
        **value_codecs(
            pa.binary(),
            reading(name, spelled),
            lambda content: show(unstored(content)),
            receiving(name),
            sending(int(name == "cidr")),
            order_key,
        ),
        "to_python": to_python,
        "from_python": lambda value: None if value is None else stored(value),
        "category": "I",
        "length": -1,
        "toast": "m",
    }
