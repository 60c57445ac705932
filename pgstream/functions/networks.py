"""Operators, functions and casts of network addresses: inet, cidr, macaddr and macaddr8."""

from collections.abc import Callable
from operator import and_, or_

from pgstream.errors import InvalidParameterValue, NumericValueOutOfRange
from pgstream.functions.registry import ASSIGNMENT, IMPLICIT, binary_cast, cast, function
from pgstream.types.macaddr import lengthened
from pgstream.types.network import Address, address_text, host_text, whole_text

binary_cast("cidr -> inet", IMPLICIT)


def _network(value: Address) -> Address:
    return value._replace(number=value.number & value.mask)


cast("inet -> cidr", ASSIGNMENT, rowwise=True)(_network)
for _target in ("text", "varchar", "bpchar"):
    cast(f"inet -> {_target}", ASSIGNMENT, rowwise=True)(whole_text)
    cast(f"cidr -> {_target}", ASSIGNMENT, rowwise=True)(whole_text)


def _within(left: Address, right: Address) -> bool:
    return right.contains(left)


for _name, _operator, _test, _doc, _shown in (
    ("sub", "<<", lambda a, b: b.contains(a) and a.length > b.length, "is in the second network", "t"),
    ("subeq", "<<=", _within, "is in the second network, or is it", "t"),
    ("sup", ">>", lambda a, b: a.contains(b) and b.length > a.length, "contains the second", "f"),
    ("supeq", ">>=", Address.contains, "contains the second, or is it", "f"),
    ("overlap", "&&", lambda a, b: a.contains(b) or b.contains(a), "contains the second or is in it", "t"),
):
    function(
        f"network_{_name}(inet, inet) -> bool",
        operator=_operator,
        rowwise=True,
        doc=f"Whether the first {_doc}.",
        examples={f"'10.1.2.3'::inet {_operator} '10.1.0.0/16'::inet": _shown},
    )(_test)


def _combining(word: str, operation: Callable[[int, int], int]) -> Callable[[Address, Address], Address]:
    def kernel(left: Address, right: Address) -> Address:
        if left.family != right.family:
            raise InvalidParameterValue(f"cannot {word} inet values of different sizes")
        return Address(left.family, max(left.length, right.length), operation(left.number, right.number))

    return kernel


function(
    "inetand(inet, inet) -> inet",
    operator="&",
    rowwise=True,
    doc="Bit by bit AND.",
    examples={"'10.1.2.3'::inet & '255.255.0.0'": "10.1.0.0"},
)(_combining("AND", and_))
function(
    "inetor(inet, inet) -> inet",
    operator="|",
    rowwise=True,
    doc="Bit by bit OR.",
    examples={"'10.1.2.3'::inet | '0.0.0.255'": "10.1.2.255"},
)(_combining("OR", or_))


@function("inetnot(inet) -> inet", operator="~", rowwise=True, examples={"~ '10.1.2.3'::inet": "245.254.253.252"})
def address_not(value: Address) -> Address:
    """The address with every bit turned around."""
    return value._replace(number=value.number ^ ((1 << value.width) - 1))


def _moved(value: Address, count: int) -> Address:
    number = value.number + count
    if not 0 <= number < 1 << value.width:
        raise NumericValueOutOfRange("result is out of range")
    return value._replace(number=number)


function(
    "inetpl(inet, int8) -> inet",
    operator="+",
    rowwise=True,
    doc="The address so much further.",
    examples={"'10.1.2.3/24'::inet + 300": "10.1.3.47/24"},
)(_moved)
function(
    "int8pl_inet(int8, inet) -> inet",
    operator="+",
    rowwise=True,
    doc="The address so much further.",
    examples={"300 + '10.1.2.3'::inet": "10.1.3.47"},
)(lambda count, value: _moved(value, count))
function(
    "inetmi_int8(inet, int8) -> inet",
    operator="-",
    rowwise=True,
    doc="The address so much before.",
    examples={"'10.1.3.47'::inet - 300": "10.1.2.3"},
)(lambda value, count: _moved(value, -count))


@function(
    "inetmi(inet, inet) -> int8", operator="-", rowwise=True, examples={"'10.1.3.47'::inet - '10.1.2.3'::inet": "300"}
)
def addresses_between(left: Address, right: Address) -> int:
    """How far the first address is after the second."""
    if left.family != right.family:
        raise InvalidParameterValue("cannot subtract inet values of different sizes")
    made = left.number - right.number
    if not -(2**63) <= made < 2**63:
        raise NumericValueOutOfRange("result is out of range")
    return made


def _abbreviated(value: Address) -> str:
    """A network without the octets at its end that are all host."""
    if value.family == 6:
        return f"{_abbreviated_6(value) if value.length else '::'}/{value.length}"
    octets = value.number.to_bytes(4)[: max((value.length + 7) // 8, 1)]
    return f"{'.'.join(map(str, octets))}/{value.length}"


def _abbreviated_6(value: Address) -> str:
    """The words of the network, its longest stretch of zeros as two colons (inet_cidr_ntop_ipv6)."""
    count = max((value.length + 15) // 16, 2)
    words = [value.number >> (112 - 16 * place) & 0xFFFF for place in range(count)]
    start, length = _longest_zeros(words)
    dotted = start == 0 and length != count and (length == 6 or (length == 5 and words[5] == 0xFFFF))
    shown = ""
    for place, word in enumerate(words):
        if start <= place < start + length:
            shown += ":" * ((place == start) + (place == count - 1))
        elif dotted and place > 5:
            low = f".{word & 255}" if place != 7 or value.length > 120 else ""
            shown += f"{':' if place == 6 else '.'}{word >> 8}{low}"
        else:
            shown += f"{':' if shown else ''}{word:x}"
    return shown


def _longest_zeros(words: list[int]) -> tuple[int, int]:
    """Where the longest stretch of zeros starts, and its length; a shorter one before another runs on into it."""
    best, run = (0, 0), (0, 0)
    for place, word in enumerate(words):
        if word == 0:
            run = (run[0] if run[1] else place, run[1] + 1)
        elif run[1] > best[1]:
            best, run = run, (0, 0)
    return run if run[1] > best[1] else best


def _netmask(value: Address) -> Address:
    return value._replace(length=value.width, number=value.mask)


for _call, _result, _shown, _doc, _kernel in (
    ("host", "text", "10.1.2.3", "The address alone.", host_text),
    ("text", "text", "10.1.2.3/24", "The address and the length of its network's.", whole_text),
    ("abbrev", "text", "10.1.2.3/24", "The shortest text.", address_text),
    ("family", "int4", "4", "4 or 6.", lambda value: value.family),
    ("masklen", "int4", "24", "How many bits name the network.", lambda value: value.length),
    ("netmask", "inet", "255.255.255.0", "The bits that name the network.", _netmask),
    ("network", "cidr", "10.1.2.0/24", "The network that the address is in.", _network),
    (
        "hostmask",
        "inet",
        "0.0.0.255",
        "The bits that name a host.",
        lambda value: value._replace(length=value.width, number=value.hosts),
    ),
    (
        "broadcast",
        "inet",
        "10.1.2.255/24",
        "The address of all hosts in the network.",
        lambda value: value._replace(number=value.number | value.hosts),
    ),
):
    function(
        f"{_call}(inet) -> {_result}", rowwise=True, doc=_doc, examples={f"{_call}('10.1.2.3/24'::inet)": _shown}
    )(_kernel)  # fmt: skip
function(
    "abbrev(cidr) -> text",
    rowwise=True,
    doc="The shortest text.",
    examples={"abbrev('10.1.0.0/16'::cidr)": "10.1/16"},
)(_abbreviated)


@function(
    "set_masklen(inet, int4) -> inet", rowwise=True, examples={"set_masklen('10.1.2.3/24'::inet, 16)": "10.1.2.3/16"}
)
def with_length(value: Address, length: int) -> Address:
    """The address in a network of another size; -1 is the whole address."""
    wanted = value.width if length == -1 else length
    if not 0 <= wanted <= value.width:
        raise InvalidParameterValue(f"invalid mask length: {length}")
    return value._replace(length=wanted)


function(
    "set_masklen(cidr, int4) -> cidr",
    rowwise=True,
    doc="The network of another size; -1 is the whole address.",
    examples={"set_masklen('10.1.2.0/24'::cidr, 16)": "10.1.0.0/16"},
)(lambda value, length: _network(with_length(value, length)))


@function(
    "inet_same_family(inet, inet) -> bool", rowwise=True, examples={"inet_same_family('::1'::inet, '10.1.2.3')": "f"}
)
def same_family(left: Address, right: Address) -> bool:
    """Whether both are of one family."""
    return left.family == right.family


@function(
    "inet_merge(inet, inet) -> cidr",
    rowwise=True,
    examples={"inet_merge('192.168.1.5/24', '192.168.2.5/24')": "192.168.0.0/22"},
)
def merged(left: Address, right: Address) -> Address:
    """The smallest network that contains both."""
    if left.family != right.family:
        raise InvalidParameterValue("cannot merge addresses from different families")
    differing = (left.number ^ right.number).bit_length()
    return _network(left._replace(length=min(left.length, right.length, left.width - differing)))


cast("macaddr -> macaddr8", IMPLICIT, rowwise=True)(lengthened)


@cast("macaddr8 -> macaddr", IMPLICIT, rowwise=True)
def shortened(octets: bytes) -> bytes:
    """The 6 bytes around FF and FE."""
    if octets[3:5] != b"\xff\xfe":
        raise NumericValueOutOfRange(
            "macaddr8 data out of range to convert to macaddr",
            hint="Only addresses that have FF and FE as values in the 4th and 5th bytes from the left, for example "
            "xx:xx:xx:ff:fe:xx:xx:xx, are eligible to be converted from macaddr8 to macaddr.",
        )
    return octets[:3] + octets[5:]


def _bytewise(operation: Callable[[int, int], int]) -> Callable[[bytes, bytes], bytes]:
    return lambda left, right: bytes(operation(a, b) for a, b in zip(left, right, strict=True))


for _type, _card in (("macaddr", "08:00:2b:01:02:03"), ("macaddr8", "08:00:2b:01:02:03:04:05")):
    _rest = ":00" * (3 if _type == "macaddr" else 5)
    function(
        f"trunc({_type}) -> {_type}",
        rowwise=True,
        doc="The maker's part of the address, zeros after it.",
        examples={f"trunc('{_card}'::{_type})": f"08:00:2b{_rest}"},
    )(lambda octets: octets[:3].ljust(len(octets), b"\0"))
    function(
        f"{_type}_not({_type}) -> {_type}",
        operator="~",
        rowwise=True,
        doc="Every bit turned around.",
        examples={f"~ '08:00:2b{_rest}'::{_type}": f"f7:ff:d4{_rest.replace('00', 'ff')}"},
    )(lambda octets: bytes(255 - octet for octet in octets))
    for _name, _operator, _operation, _shown in (("and", "&", and_, "08:00:00"), ("or", "|", or_, "ff:ff:2b")):
        function(
            f"{_type}_{_name}({_type}, {_type}) -> {_type}",
            operator=_operator,
            rowwise=True,
            doc=f"Bit by bit {_name.upper()}.",
            examples={f"'08:00:2b{_rest}'::{_type} {_operator} 'ff:ff:00{_rest}'": f"{_shown}{_rest}"},
        )(_bytewise(_operation))


@function(
    "macaddr8_set7bit(macaddr8) -> macaddr8",
    rowwise=True,
    examples={"macaddr8_set7bit('08:00:2b:01:02:03'::macaddr8)": "0a:00:2b:ff:fe:01:02:03"},
)
def modified(octets: bytes) -> bytes:
    """The address with the bit set that says it is of EUI-64's modified form."""
    return bytes([octets[0] | 2]) + octets[1:]
