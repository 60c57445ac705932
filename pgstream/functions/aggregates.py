"""count, sum, avg, min, max and the boolean aggregates: those that are sums over rows, or ends of an order."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.functions.maintained import Extreme, Linear
from pgstream.functions.registry import aggregate
from pgstream.functions.vector import booleans, column_of, numbers, valid
from pgstream.kernels.quotient import divide_decimals
from pgstream.types.buffers import string_column
from pgstream.types.numeric import EXACT, numeric_text

Ints = NDArray[np.int64]


def _ones(count: int) -> tuple[Ints, ...]:
    return (np.ones(count, np.int64),)


def _present(column: Column) -> tuple[Ints, ...]:
    return (valid(column).astype(np.int64),)


def _counted(count: Ints) -> Column:
    return column_of(count, pa.int64())


aggregate(
    "count() -> int8",
    Linear(1, _ones, _counted),
    strict=False,
    doc="The number of rows: count(*).",
    examples={"count(*)": "3"},
)
aggregate(
    "count(any) -> int8",
    Linear(1, _present, _counted),
    doc="The number of rows where the argument is not NULL.",
    examples={"count(NULL::int4)": "0"},
)


def _zeroed(column: Column) -> tuple[Ints, Ints]:
    """The values with 0 for NULL, and 1 where there is a value."""
    values = numbers(column).astype(np.int64)
    present = valid(column).astype(np.int64)
    return (values * present if column.null_count else values), present


def _halves(column: Column) -> tuple[Ints, Ints, Ints]:
    """int8 values as value >> 32 and the low 32 bits, whose sums cannot overflow; and 1 where there is a value."""
    values, present = _zeroed(column)
    return values >> 32, values & 0xFFFFFFFF, present


def _sum_to_bigint(total: Ints, present: Ints) -> Column:
    return column_of(total, pa.int64(), present <= 0)


def _joined(high: Ints, low: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """The sums of halves as int64, and where they do not fit."""
    carried = high + (low >> 32)
    wide = (carried < -(2**30)) | (carried >= 2**30)
    return (np.where(wide, 0, carried) << 32) + (low & 0xFFFFFFFF), wide


FEW_SUMS = 64
"""So few are printed by Python in less time than Arrow needs to begin."""


def _sum_to_numeric(high: Ints, low: Ints, present: Ints) -> Column:
    if len(high) <= FEW_SUMS:
        sums = zip(high.tolist(), low.tolist(), present.tolist(), strict=True)
        return pa.array([str((h << 32) + lo) if count > 0 else None for h, lo, count in sums], pa.string())
    total, wide = _joined(high, low)
    nulls = present <= 0
    made = column_of(total, pa.int64(), nulls).cast(pa.string())
    if not wide.any():
        return made
    exact = [str((int(h) << 32) + int(lo)) for h, lo in zip(high[wide], low[wide], strict=True)]
    return _replaced(made, wide & ~nulls, np.flatnonzero(wide), exact)


def _replaced(column: Column, where: NDArray[np.bool_], rows: Ints, texts: list[str]) -> Column:
    """`column` with `texts` (for `rows`) at the rows where `where` holds."""
    index = np.arange(len(column))
    index[rows] = len(column) + np.arange(len(rows))
    picks = np.where(where, index, np.arange(len(column)))
    return pa.concat_arrays([column, pa.array(texts, pa.string())]).take(pa.array(picks))


def average_of_integers(total: Ints, present: Ints) -> Column:
    """total / present as numerics with the scale of PostgreSQL's avg; NULL where present is 0."""
    zeros = np.zeros(len(total), np.int64)
    nulls = present <= 0
    safe = np.where(nulls, 1, present)
    offsets, content, done = divide_decimals(np.ascontiguousarray(total), zeros, safe, zeros)
    made = string_column(offsets, content)
    assert done.all()
    return _nulled(made, nulls) if nulls.any() else made


def _nulled(column: Column, nulls: NDArray[np.bool_]) -> Column:
    bits = pa.py_buffer(np.packbits(~nulls, bitorder="little"))
    return pa.Array.from_buffers(column.type, len(column), [bits, *column.buffers()[1:]])


def _average_of_halves(high: Ints, low: Ints, present: Ints) -> Column:
    from pgstream.functions.numerics import quotient

    total, wide = _joined(high, low)
    made = average_of_integers(total, present)
    if not wide.any():
        return made
    rows = np.flatnonzero(wide)
    exact = [
        numeric_text(
            quotient(EXACT.create_decimal((int(high[i]) << 32) + int(low[i])), EXACT.create_decimal(int(present[i])))
        )
        for i in rows
    ]
    return _replaced(made, wide & (present > 0), rows, exact)


for _type in ("int2", "int4"):
    aggregate(
        f"sum({_type}) -> int8",
        Linear(2, _zeroed, _sum_to_bigint),
        doc="The sum of the values that are not NULL; NULL where there are none.",
        examples={f"sum(1::{_type})": "3"},
    )
    aggregate(
        f"avg({_type}) -> numeric",
        Linear(2, _zeroed, average_of_integers),
        doc="The mean of the values that are not NULL; NULL where there are none.",
        examples={f"avg(2::{_type})": "2.0000000000000000"},
    )
aggregate(
    "sum(int8) -> numeric",
    Linear(3, _halves, _sum_to_numeric),
    doc="The sum of the values that are not NULL; NULL where there are none.",
    examples={"sum(9223372036854775807)": "27670116110564327421"},
)
aggregate(
    "avg(int8) -> numeric",
    Linear(3, _halves, _average_of_halves),
    doc="The mean of the values that are not NULL; NULL where there are none.",
    examples={"avg(2::int8)": "2.0000000000000000"},
)


def _flags(column: Column) -> tuple[Ints, Ints]:
    return booleans(column).astype(np.int64), valid(column).astype(np.int64)


def _all_true(true: Ints, present: Ints) -> Column:
    return column_of(true == present, pa.bool_(), present <= 0)


def _any_true(true: Ints, present: Ints) -> Column:
    return column_of(true > 0, pa.bool_(), present <= 0)


for _name, _finish, _doc in (
    ("bool_and", _all_true, "Whether all values that are not NULL are true."),
    ("every", _all_true, "Whether all values that are not NULL are true."),
    ("bool_or", _any_true, "Whether one of the values is true."),
):
    aggregate(f"{_name}(bool) -> bool", Linear(2, _flags, _finish), doc=_doc, examples={f"{_name}(true)": "t"})

ORDERED = {
    "int2": "1",
    "int4": "1",
    "int8": "1",
    "oid": "1",
    "float4": "1.5",
    "float8": "1.5",
    "numeric": "1.50",
    "text": "a",
    "bpchar": "a",
    "date": "2024-01-31",
    "time": "01:02:03",
    "timestamp": "2024-01-31 01:02:03",
    "timestamptz": "2024-01-31 01:02:03+00",
    "timetz": "01:02:03+02",
    "interval": "1 day",
    "pg_lsn": "16/B374D848",
    "inet": "10.1.2.3/24",
    "tswindow": '("2024-01-31 00:00:00","2024-02-01 00:00:00")',
    "tstzwindow": '("2024-01-31 00:00:00+00","2024-02-01 00:00:00+00")',
    "anyarray": "{1,2}",
}
"""The types min and max take, with a value of each."""

for _type, _sample in ORDERED.items():
    _literal = f"'{_sample}'::{'int4[]' if _type == 'anyarray' else _type}"
    for _name, _descending, _doc in (("min", False, "least"), ("max", True, "greatest")):
        aggregate(
            f"{_name}({_type}) -> {_type}",
            Extreme(_descending),
            doc=f"The {_doc} value that is not NULL.",
            examples={f"{_name}({_literal})": _sample},
        )
