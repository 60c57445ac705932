"""Range types: stretches of an order, with or without their ends. Python form: `Range`.

Stored as a byte of flags and the bounds that there are: 8 bytes each, or for numeric 4 bytes of length and the text.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any, NamedTuple

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import DatetimeFieldOverflow, InvalidBinaryRepresentation, NumericValueOutOfRange, SqlError
from pgstream.types.date import DATE
from pgstream.types.date import INFINITY as LAST_DATE
from pgstream.types.date import MINUS_INFINITY as FIRST_DATE
from pgstream.types.definition import Settings, SqlType, TypeDefinition, declare
from pgstream.types.int4 import INT4
from pgstream.types.int8 import INT8
from pgstream.types.integer import plain_value
from pgstream.types.lift import over_distinct
from pgstream.types.numeric import NUMERIC_TYPE
from pgstream.types.range_text import Ends, ends_of, range_text
from pgstream.types.timestamp import TIMESTAMP
from pgstream.types.timestamptz import TIMESTAMPTZ
from pgstream.types.values import column_of, parse_text, values_of

EMPTY_FLAG, LOWER_INC, UPPER_INC, LOWER_INF, UPPER_INF = 1, 2, 4, 8, 16
Place = tuple[Any, ...]
WIDE = Context(prec=200_000)
"""Takes every numeric as it is."""


class UnfitRange(SqlError):
    """Bounds, or a result, that no range can have: PostgreSQL's error class 22."""

    sqlstate = "22000"


class Range(NamedTuple):
    """What lies from `lower` to `upper` (None: without end), each included or not; or nothing at all."""

    lower: Any
    upper: Any
    lower_inc: bool
    upper_inc: bool
    empty: bool = False

    @property
    def start(self) -> Place:
        """Where it starts; places compare with each other, and with `place_of` a value."""
        if self.lower is None:
            return (-1,)
        return (0, *ranked(self.lower), 0 if self.lower_inc else 1)

    @property
    def end(self) -> Place:
        """Where it ends."""
        if self.upper is None:
            return (1,)
        return (0, *ranked(self.upper), 0 if self.upper_inc else -1)


EMPTY = Range(None, None, False, False, True)


def ranked(value: Any) -> tuple[int, Any]:
    """A key of Python's order for SQL's: NaN is above all numbers."""
    if isinstance(value, Decimal) and value.is_nan():
        return (1, 0)
    return (0, value)


def place_of(value: Any) -> Place:
    """Where a value lies."""
    return (0, *ranked(value), 0)


@dataclass(frozen=True, slots=True)
class RangeKind:
    """A range type, what it is over, and how its next value is found where it has one."""

    name: str
    subtype: SqlType
    oid: int
    array_oid: int
    multirange: str
    multirange_oid: int
    multirange_array_oid: int
    after: Callable[[int], int] | None = None

    @property
    def type(self) -> SqlType:
        return SqlType(self.name)

    def made(self, lower: Any, upper: Any, lower_inc: bool, upper_inc: bool) -> Range:
        """The range of these bounds in its canonical form. Raises where they stand the wrong way round."""
        lower_inc, upper_inc = lower_inc and lower is not None, upper_inc and upper is not None
        if lower is not None and upper is not None:
            if ranked(lower) > ranked(upper):
                raise UnfitRange("range lower bound must be less than or equal to range upper bound")
            if ranked(lower) == ranked(upper) and not (lower_inc and upper_inc):
                return EMPTY
        if self.after is None:
            return Range(lower, upper, lower_inc, upper_inc)
        if lower is not None and not lower_inc and not self.endless(lower):
            lower, lower_inc = self.after(lower), True
        if upper is not None and upper_inc and not self.endless(upper):
            upper, upper_inc = self.after(upper), False
        if lower is not None and lower == upper and not (lower_inc and upper_inc):
            return EMPTY
        return Range(lower, upper, lower_inc, upper_inc)

    def endless(self, value: int) -> bool:
        """Whether a value is an infinite date, which no date follows."""
        return self.subtype == DATE and value in (FIRST_DATE, LAST_DATE)

    def stored(self, value: Range) -> bytes:
        """The bytes that are stored."""
        if value.empty:
            return bytes([EMPTY_FLAG])
        flags = value.lower_inc * LOWER_INC | value.upper_inc * UPPER_INC
        flags |= (value.lower is None) * LOWER_INF | (value.upper is None) * UPPER_INF
        return bytes([flags]) + b"".join(self._packed(end) for end in (value.lower, value.upper) if end is not None)

    def _packed(self, end: Any) -> bytes:
        if self.subtype != NUMERIC_TYPE:
            return struct.pack("<q", end)
        text = str(self.subtype.definition.from_python(end)).encode()
        return struct.pack("<i", len(text)) + text

    def unstored(self, content: bytes, at: int = 0) -> tuple[Range, int]:
        """The range that is stored at `at`, and where its bytes end."""
        flags = content[at]
        at += 1
        if flags & EMPTY_FLAG:
            return EMPTY, at
        lower = upper = None
        if not flags & LOWER_INF:
            lower, at = self._unpacked(content, at)
        if not flags & UPPER_INF:
            upper, at = self._unpacked(content, at)
        return Range(lower, upper, bool(flags & LOWER_INC), bool(flags & UPPER_INC)), at

    def _unpacked(self, content: bytes, at: int) -> tuple[Any, int]:
        if self.subtype != NUMERIC_TYPE:
            return struct.unpack_from("<q", content, at)[0], at + 8
        (length,) = struct.unpack_from("<i", content, at)
        return self.subtype.definition.to_python(content[at + 4 : at + 4 + length].decode()), at + 4 + length

    def same(self, value: Range) -> Range:
        """The representative of what is equal: numbers without the zeros at their ends."""
        ends = [end.normalize(WIDE) if isinstance(end, Decimal) else end for end in value[:2]]
        return value._replace(lower=ends[0], upper=ends[1])

    # Several ranges at once: their bounds go through the subtype's codecs as one column.

    def from_texts(self, spelled: list[Ends], settings: Settings, now_us: int) -> list[Range]:
        """The ranges of bounds as texts."""
        words = [word for ends in spelled for word in (ends.lower, ends.upper)]
        column = parse_text(self.subtype, pa.array(words, pa.string()), settings, now_us)
        values = values_of(self.subtype, column)
        return [
            EMPTY if ends.empty else self.made(lower, upper, ends.lower_inc, ends.upper_inc)
            for ends, lower, upper in zip(spelled, values[::2], values[1::2], strict=True)
        ]

    def _through(self, ranges: list[Range], codec: Callable[[Column], Column]) -> list[Any]:
        """What `codec` makes of each lower and each upper bound."""
        bounds = [bound for value in ranges for bound in value[:2]]
        return codec(column_of(self.subtype, bounds)).to_pylist()  # type: ignore[no-any-return]

    def to_texts(self, ranges: list[Range], settings: Settings) -> list[str]:
        """The texts of ranges."""
        texts = self._through(ranges, lambda column: self.subtype.definition.format(column, settings))
        return [
            range_text(Ends(lower, upper, value.lower_inc, value.upper_inc, value.empty))
            for value, lower, upper in zip(ranges, texts[::2], texts[1::2], strict=True)
        ]

    def sent(self, ranges: list[Range]) -> list[bytes]:
        """Binary output: the flags, and each bound with its length."""
        parts = self._through(ranges, self.subtype.definition.send)
        made = []
        for value, lower, upper in zip(ranges, parts[::2], parts[1::2], strict=True):
            bounds = [part for part in (lower, upper) if part is not None]
            made.append(self.stored(value)[:1] + b"".join(struct.pack(">i", len(part)) + part for part in bounds))
        return made

    def received(self, contents: list[bytes]) -> list[Range]:
        """Binary input."""
        split = [_split(content) for content in contents]
        parts = [part for _, lower, upper in split for part in (lower, upper)]
        values = values_of(self.subtype, self.subtype.definition.receive(pa.array(parts, pa.binary()), -1))
        return [
            EMPTY if flags & EMPTY_FLAG else self.made(lower, upper, bool(flags & LOWER_INC), bool(flags & UPPER_INC))
            for (flags, _, _), lower, upper in zip(split, values[::2], values[1::2], strict=True)
        ]

    def keys(self, ranges: list[Range]) -> list[bytes]:
        """Order keys: the empty range, then by where they start, then by where they end."""
        order = self.subtype.definition.order_key
        assert order is not None
        bounds = [bound for value in ranges for bound in value[:2]]
        known = iter(order(column_of(self.subtype, [bound for bound in bounds if bound is not None])).to_pylist())
        made = []
        for value in ranges:
            if value.empty:
                made.append(b"\0")
                continue
            start = b"\0" if value.lower is None else b"\1" + next(known) + bytes([not value.lower_inc])
            end = b"\2" if value.upper is None else b"\1" + next(known) + bytes([value.upper_inc])
            made.append(b"\1" + start + end)
        return made


def _split(content: bytes) -> tuple[int, bytes | None, bytes | None]:
    """The flags and the bounds of a range on the wire."""
    try:
        flags, at = content[0], 1
        found: list[bytes | None] = []
        for absent in (LOWER_INF, UPPER_INF):
            if flags & (EMPTY_FLAG | absent):
                found.append(None)
                continue
            (length,) = struct.unpack_from(">i", content, at)
            found.append(content[at + 4 : at + 4 + length])
            at += 4 + length
    except (IndexError, struct.error):
        raise InvalidBinaryRepresentation("insufficient data left in message") from None
    if at != len(content):
        raise InvalidBinaryRepresentation("incorrect binary data format")
    return flags, found[0], found[1]


def _integer_after(last: int, name: str) -> Callable[[int], int]:
    def after(value: int) -> int:
        if value == last:
            raise NumericValueOutOfRange(f"{name} out of range")
        return value + 1

    return after


def _day_after(value: int) -> int:
    if value >= LAST_DAY:
        raise DatetimeFieldOverflow("date out of range")
    return value + 1


LAST_DAY = 2145031948
"""5874897-12-31, the last date there is."""

KINDS = {
    kind.name: kind
    for kind in (
        RangeKind("int4range", INT4, 3904, 3905, "int4multirange", 4451, 6150, _integer_after(2**31 - 1, "integer")),
        RangeKind("numrange", NUMERIC_TYPE, 3906, 3907, "nummultirange", 4532, 6151),
        RangeKind("tsrange", TIMESTAMP, 3908, 3909, "tsmultirange", 4533, 6152),
        RangeKind("tstzrange", TIMESTAMPTZ, 3910, 3911, "tstzmultirange", 4534, 6153),
        RangeKind("daterange", DATE, 3912, 3913, "datemultirange", 4535, 6155, _day_after),
        RangeKind("int8range", INT8, 3926, 3927, "int8multirange", 4536, 6157, _integer_after(2**63 - 1, "bigint")),
    )
}


def each_at_once(column: Column, storage: pa.DataType, codec: Callable[[list[Any]], list[Any]]) -> Column:
    """What `codec` makes of the values of `column` that are not NULL, all at once."""
    if column.null_count == len(column):
        return pa.nulls(len(column), storage)
    encoded = column.dictionary_encode()
    return pa.array(codec(encoded.dictionary.to_pylist()), storage).take(encoded.indices)


@dataclass(frozen=True, slots=True)
class ManyAtOnce:
    """How a range type, or the multirange type of it, reads and writes many values at once, and stores one."""

    read: Callable[[list[str], Settings, int], list[Any]]
    show: Callable[[list[Any], Settings], list[str]]
    receive: Callable[[list[bytes]], list[Any]]
    send: Callable[[list[Any]], list[bytes]]
    keys: Callable[[list[Any]], list[bytes]]
    same: Callable[[Any], Any]
    store: Callable[[Any], bytes]
    load: Callable[[bytes], Any]

    def loaded(self, contents: list[bytes]) -> list[Any]:
        """The values that are stored."""
        return [self.load(content) for content in contents]

    def stored(self, values: list[Any]) -> list[bytes]:
        """The bytes that are stored."""
        return [self.store(value) for value in values]

    def codecs(self, kind: RangeKind) -> dict[str, Any]:
        """The fields of a TypeDefinition over `kind`."""
        storage = pa.binary()

        def parse_at(text: Column, typmod: int, settings: Settings, now_us: int) -> Column:
            return each_at_once(text, storage, lambda words: self.stored(self.read(words, settings, now_us)))

        def to_python(plain: object) -> Any:
            content = plain_value(plain)
            return None if content is None else self.load(content)

        def representatives(column: Column) -> Column:
            return over_distinct(column, storage, lambda raw: self.store(self.same(self.load(raw))))

        return {
            "category": "R",
            "storage": storage,
            "length": -1,
            "parse": lambda text, typmod: parse_at(text, typmod, {}, 0),
            "parse_at": parse_at,
            "format": lambda column, settings: each_at_once(
                column, pa.string(), lambda raw: self.show(self.loaded(raw), settings)
            ),
            "receive": lambda content, typmod: each_at_once(
                content, storage, lambda raw: self.stored(self.receive(raw))
            ),
            "send": lambda column: each_at_once(column, storage, lambda raw: self.send(self.loaded(raw))),
            "order_key": lambda column: each_at_once(column, storage, lambda raw: self.keys(self.loaded(raw))),
            "equality_key": representatives if kind.subtype == NUMERIC_TYPE else None,
            "to_python": to_python,
            "from_python": lambda value: None if value is None else self.store(value),
            "align": "d" if kind.name in ("tsrange", "tstzrange", "int8range") else "i",
            "toast": "x",
        }


def _declared(kind: RangeKind) -> SqlType:
    many = ManyAtOnce(
        read=lambda words, settings, now_us: kind.from_texts([ends_of(word) for word in words], settings, now_us),
        show=kind.to_texts,
        receive=kind.received,
        send=kind.sent,
        keys=kind.keys,
        same=kind.same,
        store=kind.stored,
        load=lambda content: kind.unstored(content)[0],
    )
    low, middle, high = SAMPLES[kind.subtype.name]
    return declare(
        TypeDefinition(
            name=kind.name,
            sql_name=kind.name,
            oid=kind.oid,
            array_oid=kind.array_oid,
            samples=("empty", "(,)", f"[{low},{middle})", f"[{low},{high}]", f"({low},)", f"(,{middle}]"),
            **many.codecs(kind),
        )
    )


SAMPLES = {
    "int4": ("-1", "3", "7"),
    "int8": ("-1", "3", "7000000000"),
    "numeric": ("-1.5", "3.00", "7"),
    "date": ("2024-01-31", "2024-02-03", "2024-03-07"),
    "timestamp": ("2024-01-31 10:00", "2024-02-03 00:00:00.5", "2024-03-07"),
    "timestamptz": ("2024-01-31 10:00+00", "2024-02-03 00:00:00.5+00", "2024-03-07 00:00+00"),
}
"""Three texts of each subtype's values, in order."""

INT4RANGE, NUMRANGE, TSRANGE, TSTZRANGE, DATERANGE, INT8RANGE = (_declared(kind) for kind in KINDS.values())
