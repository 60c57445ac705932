"""Datagen: made-up rows for the declared columns, as RisingWave has it.

    WITH (connector = 'datagen', fields.v.kind = 'sequence', fields.v.start = '1', fields.v.end = '10',
          fields.w.kind = 'random', fields.w.min = '0', fields.w.max = '99', datagen.rows.per.second = '10')

A sequence column ends the source at its end. Random columns are functions of the seed and the row's number.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pgstream.connectors.connector import Connector, Opening, declare
from pgstream.connectors.paced import PacedSource, pace
from pgstream.connectors.source import Rows
from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue, InvalidTableDefinition
from pgstream.formats.format import Field
from pgstream.formats.options import known_options, option, parse_options, read_duration_us, refuse_unknown
from pgstream.formats.sheet import null_column
from pgstream.kernels.nexmark import random_numbers, random_units

RANGES = {"int2": (0, 2**15 - 1), "int4": (0, 2**31 - 1), "int8": (0, 2**63 - 1)}
TIMES = frozenset(("timestamp", "timestamptz"))
LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", np.uint8)


@dataclass(frozen=True, kw_only=True)
class DatagenOptions:
    """WITH options of `connector = 'datagen'`."""

    rows_per_second: float | None = option(
        "datagen.rows.per.second", "rows_per_second", "rows-per-second", default=None, minimum=0.001,
        doc="Rows a second; as fast as possible where not given.",
    )  # fmt: skip
    count: int | None = option(
        "datagen.rows", "count", "message_count", "number-of-rows", default=None, minimum=0, doc="How many rows."
    )
    splits: int = option("datagen.split.num", default=1, doc="Accepted, without effect.")
    fields: dict[str, str] = option(  # noqa: RUF009 (it is a field)
        prefix="fields.", doc="fields.<column>.<what>: see FieldOptions."
    )


@dataclass(frozen=True, kw_only=True)
class FieldOptions:
    """What `fields.<column>.` may say."""

    kind: str = option("kind", default="random", choices=("sequence", "random"), doc="How values are chosen.")
    start: int = option("start", default=0, doc="First value of a sequence.")
    end: int | None = option("end", default=None, doc="Last value of a sequence; the source ends with it.")
    min: float | None = option("min", default=None, doc="Least random number.")
    max: float | None = option("max", default=None, doc="Greatest random number.")
    length: int = option("length", default=10, minimum=0, doc="Letters of a random text.")
    seed: int = option("seed", default=0, doc="Another seed gives other values.")
    max_past: int = option("max_past", default=86_400_000_000, read=read_duration_us, doc="How old random times are.")


Maker = Callable[[int, int], Column]


def per_column(options: Mapping[str, str], fields: tuple[Field, ...]) -> dict[str, FieldOptions]:
    """The options of each column. Raises InvalidParameterValue for one that is not there."""
    grouped: dict[str, dict[str, str]] = {item.name: {} for item in fields}
    for name, value in options.items():
        column, _, what = name.rpartition(".")
        if column not in grouped:
            raise InvalidParameterValue(
                f'unrecognized option "fields.{name}"', hint=f"Columns are: {', '.join(grouped)}."
            )
        grouped[column][what] = value
    parsed = {}
    for column, given in grouped.items():
        parsed[column], rest = parse_options(FieldOptions, given)
        refuse_unknown({f"fields.{column}.{what}": "" for what in rest}, known_options(FieldOptions))
    return parsed


def maker(item: Field, options: FieldOptions, stream: int, created_us: int) -> Maker:
    """What makes the values of a column. Raises InvalidTableDefinition for a type that is not made up."""
    kind, storage, seed = item.type.name, item.type.storage, options.seed * 64 + stream
    if options.kind == "sequence":
        if kind not in (*RANGES, "float4", "float8", "numeric", "text", "varchar"):
            raise InvalidTableDefinition(f'column "{item.name}" of type {item.type} cannot be a sequence')
        return lambda first, count: numbered(np.arange(first, first + count) + options.start, storage)
    if kind in RANGES:
        low, high = RANGES[kind]
        low = low if options.min is None else int(options.min)
        high = high if options.max is None else int(options.max)
        return lambda first, count: numbered(random_numbers(seed, first, count, low, high), storage)
    if kind in ("float4", "float8", "numeric"):
        least, greatest = options.min or 0.0, 1.0 if options.max is None else options.max
        return lambda first, count: floated(least + random_units(seed, first, count) * (greatest - least), storage)
    if kind == "bool":
        return lambda first, count: pa.array(random_numbers(seed, first, count, 0, 1) == 1)
    if kind in TIMES:
        return lambda first, count: pa.array(created_us - random_numbers(seed, first, count, 0, options.max_past)).cast(
            storage
        )
    if kind in ("text", "varchar"):
        return lambda first, count: worded(seed, first, count, options.length)
    raise InvalidTableDefinition(f'column "{item.name}" of type {item.type} cannot be made up')


def numbered(values: np.ndarray, storage: pa.DataType) -> Column:
    """Whole numbers as a column."""
    return pa.array(values.astype(np.int64)).cast(storage)


def floated(values: np.ndarray, storage: pa.DataType) -> Column:
    """Fractions as a column; as numeric they have six digits."""
    if storage == pa.string():
        return pa.array([f"{value:.6f}" for value in values], pa.string())
    return pa.array(values).cast(storage)


def worded(seed: int, first: int, count: int, length: int) -> Column:
    """Random texts of `length` letters and digits."""
    picks = random_numbers(seed, first * length, count * length, 0, len(LETTERS) - 1)
    offsets = (np.arange(count + 1) * length).astype(np.int32)
    return pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(LETTERS[picks])])


def open_source(options: DatagenOptions, opening: Opening) -> PacedSource:
    """Rows of the declared columns."""
    if not opening.fields:
        raise InvalidTableDefinition("a column definition list is required for datagen")
    fields = opening.fields
    parsed = per_column(options.fields, fields)
    makers = [maker(item, parsed[item.name], c, opening.created_us) for c, item in enumerate(fields)]
    ends = [o.end - o.start + 1 for o in parsed.values() if o.kind == "sequence" and o.end is not None]
    limits = [*ends, *([options.count] if options.count is not None else [])]

    def make(first: int, count: int, needed: frozenset[int]) -> Rows:
        columns = (
            makers[c](first, count) if c in needed else null_column(item.type.storage, count)
            for c, item in enumerate(fields)
        )
        return Rows(tuple(columns), count)

    return PacedSource(
        fields=fields,
        make=make,
        total=max(0, min(limits)) if limits else None,
        **pace(options.rows_per_second),
        world=opening.world,
        created_us=opening.created_us,
        passed_over=opening.passed_over,
        row_bytes=16 * len(fields),
    )


DATAGEN = declare(Connector(name="datagen", doc="Makes up rows.", options=DatagenOptions, source=open_source))
