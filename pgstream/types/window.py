"""tswindow and tstzwindow: a window of event time, a row of the fields `start` and `end`. Python form: `Window`.

Stored as 16 bytes that numpy reads as `RECORD` (two moments in microseconds). Printed as PostgreSQL prints a row of two
timestamps, and clients are told that it is one: a record needs nobody to know this type.
"""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import InvalidBinaryRepresentation, InvalidTextRepresentation
from pgstream.types.binary import receive_fixed
from pgstream.types.buffers import number_column, numbers, records_column, valid_rows
from pgstream.types.composite import RECORD_OID
from pgstream.types.definition import Settings, SqlType, TypeDefinition, declare
from pgstream.types.integer import plain_value
from pgstream.types.record import field_text
from pgstream.types.timestamp import TIMESTAMP
from pgstream.types.timestamptz import TIMESTAMPTZ

STORAGE = pa.binary(16)
RECORD = np.dtype([("start", "<i8"), ("end", "<i8")])
EPOCH_2000_US = 946_684_800_000_000


class Window(NamedTuple):
    """Microseconds since 1970 of the first moment, and of the first one after."""

    start: int
    end: int


def window_column(start: NDArray[np.int64], end: NDArray[np.int64], like: Column | None = None) -> Column:
    """The windows between these moments, NULL where `like` is."""
    rows = np.empty(len(start), RECORD)
    rows["start"], rows["end"] = start, end
    return number_column(STORAGE, rows, like)


def moments(column: Column, field: str, type: SqlType) -> Column:
    """The field `start` or `end` of windows, as a column of `type`."""
    return number_column(type.storage, numbers(column, RECORD)[field], column)


def _text_parts(word: str, name: str) -> tuple[str, str]:
    """The two fields of `(start,end)`, each in quotes or not."""
    parts = [part.strip().removeprefix('"').removesuffix('"') for part in word.strip()[1:-1].split(",")]
    if not (word.strip().startswith("(") and word.strip().endswith(")")) or len(parts) != 2 or not all(parts):
        raise InvalidTextRepresentation(f'malformed record literal: "{word}"', detail=f"A {name} has two moments.")
    return parts[0], parts[1]


def _parser(name: str, moment: SqlType) -> Any:
    def parse_at(text: Column, typmod: int, settings: Settings, now_us: int) -> Column:
        pairs = [None if word is None else _text_parts(word, name) for word in text.to_pylist()]
        fields = []
        for index in range(2):
            words = pa.array([None if pair is None else pair[index] for pair in pairs], pa.string())
            read = moment.definition.parse_at
            assert read is not None
            fields.append(numbers(read(words, -1, settings, now_us), np.dtype(np.int64)))
        return window_column(fields[0], fields[1], text)

    return parse_at


def _formatter(moment: SqlType) -> Any:
    def format_windows(column: Column, settings: Settings) -> Column:
        ends = [
            moment.definition.format(moments(column, field, moment), settings).to_pylist() for field in ("start", "end")
        ]
        shown = [
            None if start is None else f"({field_text(start)},{field_text(end)})"
            for start, end in zip(*ends, strict=True)
        ]
        return pa.array(shown, pa.string())

    return format_windows


_FIELD = (("oid", ">i4"), ("length", ">i4"), ("value", ">i8"))
WIRE = np.dtype([("count", ">i4"), *((f"{what}{i}", kind) for i in (1, 2) for what, kind in _FIELD)])
"""A record of two fields on the wire: their number, and of each its type, length and value."""


def _sender(oid: int) -> Any:
    def send(column: Column) -> Column:
        rows = numbers(column, RECORD)
        wire = np.empty(len(rows), WIRE)
        wire["count"] = 2
        for i, field in ((1, "start"), (2, "end")):
            wire[f"oid{i}"], wire[f"length{i}"] = oid, 8
            wire[f"value{i}"] = rows[field] - EPOCH_2000_US
        return records_column(wire, column)

    return send


def _receiver(oid: int) -> Any:
    def receive(content: Column, typmod: int) -> Column:
        wire = receive_fixed(content, f"V{WIRE.itemsize}").view(WIRE)
        known = valid_rows(content)
        if ((wire["count"] != 2) | (wire["oid1"] != oid) | (wire["oid2"] != oid))[known].any():
            raise InvalidBinaryRepresentation("wrong number or types of columns in a window")
        starts, ends = (wire[name].astype(np.int64) + EPOCH_2000_US for name in ("value1", "value2"))
        return window_column(starts, ends, content)

    return receive


def order_key(column: Column) -> Column:
    """Keys by start, then end."""
    pairs = numbers(column, RECORD).view(np.uint64).reshape(-1, 2) ^ np.uint64(1 << 63)
    return records_column(pairs.astype(">u8"))


def to_python(plain: object) -> Window | None:
    """The two moments."""
    content = plain_value(plain)
    return None if content is None else Window(*np.frombuffer(content, np.int64).tolist())


def from_python(value: Window | None) -> bytes | None:
    """The stored form."""
    return None if value is None else np.array(value, np.int64).tobytes()


def _declared(name: str, oid: int, moment: SqlType, samples: tuple[str, ...]) -> SqlType:
    parse_at = _parser(name, moment)
    return declare(
        TypeDefinition(
            name=name,
            sql_name=name,
            oid=oid,
            array_oid=oid + 1,
            category="U",
            storage=STORAGE,
            length=16,
            parse=lambda text, typmod: parse_at(text, typmod, {}, 0),
            format=_formatter(moment),
            receive=_receiver(moment.oid),
            send=_sender(moment.oid),
            order_key=order_key,
            to_python=to_python,
            from_python=from_python,
            parse_at=parse_at,
            align="d",
            told_oid=RECORD_OID,
            samples=samples,
        )
    )


TSWINDOW = _declared(
    "tswindow",
    8192,
    TIMESTAMP,
    (
        '("2024-01-01 10:00:00","2024-01-01 10:05:00")',
        '("1969-12-31 23:59:00","1970-01-01 00:00:00")',
        '("2024-01-01 10:00:00","2024-01-01 10:04:00")',
    ),
)
TSTZWINDOW = _declared(
    "tstzwindow",
    8194,
    TIMESTAMPTZ,
    (
        '("2024-01-01 10:00:00+00","2024-01-01 10:05:00+00")',
        '("1969-12-31 23:59:00+00","1970-01-01 00:00:00+00")',
    ),
)
WINDOW_TYPES = {"timestamp": TSWINDOW, "timestamptz": TSTZWINDOW}
"""The type of the windows over a type of moments."""

MOMENT_TYPES = {TSWINDOW.name: TIMESTAMP, TSTZWINDOW.name: TIMESTAMPTZ}
"""The type of a window type's fields."""
