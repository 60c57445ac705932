"""How aggregates are kept up to date: as sums, as ends of an order, as states that rows join and leave, or anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pgstream.delta import Column

if TYPE_CHECKING:
    from pgstream.functions.registry import BoundCall


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """An aggregate that is a sum over its rows, so an insertion adds and a retraction subtracts.

    `contribute(*arguments)` gives, for one copy of each row, int64 arrays of row length (NULL arguments must
    contribute 0); the state of a group is the weighted sum of each. For an aggregate of no arguments (count(*))
    `contribute` is given the number of rows, an int. `finish(*states)` turns int64 arrays, one value
    a group, into the result column. Overflow of int64 in a state must be impossible for < 2**31 rows a group, so
    64-bit inputs are split into two 32-bit halves.
    """

    states: int
    contribute: Callable[..., tuple[NDArray[np.int64], ...]]
    finish: Callable[..., Column]


@dataclass(frozen=True, slots=True, eq=False)
class Extreme:
    """min and max: read from the end of the group's ordered run."""

    descending: bool


@dataclass(frozen=True, slots=True, eq=False)
class Foremost:
    """The first argument's value in one row of the group: the first (or `last`) in the call's ORDER BY, or the one
    with the least (`descending`: greatest) value of argument number `by`, which is not NULL there."""

    by: int | None = None
    descending: bool = False
    last: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Recompute:
    """Any other aggregate: computed anew for each touched group.

    `finish(call, arguments, offsets)`: argument columns hold the rows of all touched groups, group after group, each
    row as often as its weight says, in the aggregate's ORDER BY; group g is rows offsets[g]:offsets[g+1]. NULLs are
    included unless `strict`. Gives one value a group. With `spans` it takes, in place of offsets, where each stretch of
    rows starts and ends; stretches may overlap, as frames of windows do.
    """

    finish: Callable[..., Column]
    spans: bool = False

    def over_groups(self, call: BoundCall, arguments: tuple[Column, ...], offsets: NDArray[np.int64]) -> Column:
        """The value of each group of rows that stand group after group."""
        bounds = (offsets[:-1], offsets[1:]) if self.spans else (offsets,)
        return self.finish(call, arguments, *bounds)


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """An aggregate with a state that rows are added to and taken from, though it is no sum of integers.

    `advance(states, arguments, weights, ids)` gives the states of groups, a bytea each, from those they had (NULL:
    none) and the rows that came or went: the argument columns without NULLs, how often each, and the number of its
    group. `finish(states)` makes the result of them. Frames of windows are computed by `whole`.
    """

    advance: Callable[[Column, tuple[Column, ...], NDArray[np.int64], NDArray[np.int64]], Column]
    finish: Callable[[Column], Column]
    whole: Recompute
