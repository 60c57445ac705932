"""Sums and means of numerics, kept by group without its rows.

A group's state is 32 bytes: how many values have the group's display scale, that scale, and their sum as high and low
halves of integers. What has another scale, more than 18 digits, or is no number stands behind them as text: how many
values of each other scale there are, and their sum. Values of one column mostly have one scale.
"""

from decimal import Decimal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.functions.maintained import Fold, Recompute
from pgstream.functions.numerics import NAN, fast_form, quotient, scale_of
from pgstream.functions.recomputed import numeric_average, numeric_sum
from pgstream.functions.registry import aggregate
from pgstream.functions.stretches import Totals, divided, texts, with_nulls
from pgstream.functions.vector import valid
from pgstream.kernels.grouping import weighted_sums
from pgstream.types.numeric import EXACT, pack

Ints = NDArray[np.int64]
WIDTH = 32
LOW_32 = 0xFFFFFFFF
SCALES = 32
"""More than a number of 18 digits has."""
SPECIAL = ("NaN", "Infinity", "-Infinity")
COUNT, SCALE, HIGH, LOW = range(4)

Others = dict[str, tuple[int, int]]
"""By scale (or NaN, Infinity, -Infinity) how many values there are that are not in the sum, and what they add up to."""

Rest = dict[int, Others]
"""The others of groups by number."""


def _decoded(states: Column) -> tuple[Ints, Rest]:
    """The numbers of each group, 0 where it has no state, and what is not in them."""
    numbers = np.zeros((len(states), 4), np.int64)
    rest: Rest = {}
    there = np.flatnonzero(valid(states))
    if not len(there):
        return numbers, rest
    offsets = np.frombuffer(states.buffers()[1], np.int32, len(states) + 1, states.offset * 4).astype(np.int64)
    starts, ends = offsets[there], offsets[there + 1]
    content = np.frombuffer(states.buffers()[2], np.uint8)
    cells = content[starts[:, None] + np.arange(WIDTH)]
    numbers[there] = np.ascontiguousarray(cells).view(np.int64)
    for row in np.flatnonzero(ends - starts > WIDTH).tolist():
        tail = content[starts[row] + WIDTH : ends[row]].tobytes().decode()
        parts = (part.split("*") for part in tail.split())
        rest[int(there[row])] = {kind: (int(count), int(total, 16)) for kind, count, total in parts}
    return numbers, rest


def _encoded(numbers: Ints, rest: Rest) -> Column:
    plain = np.ascontiguousarray(numbers).view(np.uint8).reshape(-1)
    if not any(rest.values()):
        ends = (np.arange(len(numbers) + 1) * WIDTH).astype(np.int32)
        return pa.Array.from_buffers(pa.binary(), len(numbers), [None, pa.py_buffer(ends), pa.py_buffer(plain)])
    parts = [plain[i * WIDTH : (i + 1) * WIDTH].tobytes() for i in range(len(numbers))]
    for group, others in rest.items():
        there = ((kind, count, total) for kind, (count, total) in sorted(others.items()) if count)
        parts[group] += " ".join(f"{kind}*{count}*{total:x}" for kind, count, total in there).encode()
    return pa.array(parts, pa.binary())


def _advanced(states: Column, args: tuple[Column, ...], weights: Ints, ids: Ints) -> Column:
    """The state of each group after rows of weights came and went."""
    numbers, rest = _decoded(states)
    fast = fast_form(args[0])
    scales = fast.scale.astype(np.int64)
    _choose_scales(numbers, rest, np.where(fast.ok, scales, -1), ids)
    inside = fast.ok & (scales == numbers[ids, SCALE])
    sums = _sums(fast.unscaled, weights * inside, ids, len(numbers))
    for part, change in zip((COUNT, HIGH, LOW), sums, strict=True):
        numbers[:, part] += change
    others = fast.ok & ~inside
    if others.any():
        pairs, places = np.unique(ids[others] * SCALES + scales[others], return_inverse=True)
        sums = _sums(fast.unscaled[others], weights[others], places, len(pairs))
        for pair, count, high, low in zip(pairs.tolist(), *(part.tolist() for part in sums), strict=True):
            _put(rest, pair // SCALES, str(pair % SCALES), count, (high << 32) + low)
    wide = np.flatnonzero(~fast.ok)
    for group, weight, text in zip(ids[wide].tolist(), weights[wide].tolist(), _texts_at(args[0], wide), strict=True):
        value = Decimal(text)
        if value.is_finite():
            scale = scale_of(value)
            _put(rest, group, str(scale), weight, int(value.scaleb(scale, EXACT)) * weight)
        else:
            _put(rest, group, text, weight, 0)
    return _encoded(numbers, rest)


def _sums(unscaled: Ints, weights: Ints, ids: Ints, groups: int) -> list[Ints]:
    """Of each group how many values there are, and the high and low halves of what they add up to."""
    parts = (np.ones(len(ids), np.int64), unscaled >> 32, unscaled & LOW_32)
    return [weighted_sums(part, weights, ids, groups) for part in parts]


def _texts_at(column: Column, rows: Ints) -> list[str]:
    texts: list[str] = column.take(pa.array(rows)).to_pylist() if len(rows) else []
    return texts


def _put(rest: Rest, group: int, kind: str, count: int, total: int) -> None:
    """Adds values that are not in the sum. What is not there any more is dropped when all have been added."""
    others = rest.setdefault(group, {})
    had = others.get(kind, (0, 0))
    others[kind] = had[0] + count, had[1] + total


def _choose_scales(numbers: Ints, rest: Rest, scales: Ints, ids: Ints) -> None:
    """Gives groups that hold nothing the scale of their first row (-1: of none). While anything stands behind the sum
    its scale stays, so that what goes is taken from where it was put."""
    empty = numbers[:, COUNT] == 0
    empty[list(rest)] = False
    unset = np.flatnonzero((scales >= 0) & empty[ids])
    groups, first = np.unique(ids[unset], return_index=True)
    numbers[groups, SCALE] = scales[unset[first]]
    numbers[groups, HIGH] = numbers[groups, LOW] = 0


def _totals(numbers: Ints) -> Totals | None:
    """The sums as int64; None where one does not fit."""
    carried = numbers[:, HIGH] + (numbers[:, LOW] >> 32)
    if (np.abs(carried) >= 2**27).any():
        return None
    return Totals((carried << 32) + (numbers[:, LOW] & LOW_32), np.ascontiguousarray(numbers[:, SCALE]))


def _exact(numbers: Ints, rest: Rest) -> list[tuple[int, Decimal]]:
    """How many values each group has, and their exact sum at the largest scale."""
    found = []
    for group, (count, scale, high, low) in enumerate(numbers.tolist()):
        total = Decimal((high << 32) + low).scaleb(-scale, EXACT) if count else Decimal(0)
        others = rest.get(group, {})
        for kind, (times, unscaled) in others.items():
            count += times
            if kind not in SPECIAL:
                total = EXACT.add(total, Decimal(unscaled).scaleb(-int(kind), EXACT))
        special = {kind for kind in others if kind in SPECIAL}
        if special:
            total = Decimal(special.pop()) if len(special) == 1 else NAN
        found.append((count, total))
    return found


def _sum(states: Column) -> Column:
    numbers, rest = _decoded(states)
    totals = None if rest else _totals(numbers)
    if totals is not None:
        return with_nulls(pack(totals.unscaled, totals.scale.astype(np.int32)), numbers[:, COUNT] <= 0)
    return texts(total if count else None for count, total in _exact(numbers, rest))


def _average(states: Column) -> Column:
    numbers, rest = _decoded(states)
    totals = None if rest else _totals(numbers)
    made = None if totals is None else divided(totals, numbers[:, COUNT])
    if made is not None:
        return made
    return texts(quotient(total, Decimal(count)) if count else None for count, total in _exact(numbers, rest))


aggregate(
    "sum(numeric) -> numeric",
    Fold(_advanced, _sum, Recompute(numeric_sum, spans=True)),
    bound=True,
    doc="The exact sum of the values that are not NULL.",
    examples={"sum(1.50)": "4.50", "sum(i::numeric / 4)": "1.50000000000000000000", "sum(round(1.25, i - 1))": "3.55"},
)
for _name in ("avg", "mean"):
    aggregate(
        f"{_name}(numeric) -> numeric",
        Fold(_advanced, _average, Recompute(numeric_average, spans=True)),
        bound=True,
        doc="The mean of the values that are not NULL.",
        examples={f"{_name}(1.50)": "1.5000000000000000", f"{_name}(i::numeric)": "2.0000000000000000"},
    )
