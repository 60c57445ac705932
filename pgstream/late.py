"""Late columns: rows that are named but not gathered until somebody asks for a column of them.

A join names many more rows than survive what comes after it, and most of what comes after it looks at few of their
columns (Abadi et al., "Materialization Strategies in a Column-Oriented DBMS", ICDE 2007).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Column: TypeAlias = pa.Array
Columns: TypeAlias = tuple[Column, ...]
Indices: TypeAlias = NDArray[np.int64]
Gather: TypeAlias = Callable[[int, Indices], Column]
"""A column, by its position, of the rows that some picks name."""


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Rows of one origin: `picks` name them, and `gather` makes their columns."""

    picks: Indices
    gather: Gather


class Late(Sequence[Column]):
    """The columns at `places`: of which selection, and at which position of it. Each is gathered once."""

    def __init__(self, places: Iterable[tuple[Selection, int]]) -> None:
        self._places = tuple(places)
        self._made: dict[int, Column] = {}

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Column: ...
    @overload
    def __getitem__(self, index: slice) -> Columns: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        index = range(len(self))[index]
        if index not in self._made:
            selection, position = self._places[index]
            self._made[index] = selection.gather(position, selection.picks)
        return self._made[index]

    def __iter__(self) -> Iterator[Column]:
        return (self[index] for index in range(len(self)))

    def __add__(self, other: object) -> Any:
        if isinstance(other, tuple):
            other = at_hand(other)
        if not isinstance(other, Late):
            return NotImplemented
        both = Late((*self._places, *other._places))
        both._made.update(self._made)
        both._made.update((len(self) + i, column) for i, column in other._made.items())
        return both

    def __radd__(self, other: object) -> Any:
        return at_hand(other) + self if isinstance(other, tuple) else NotImplemented

    def take(self, indices: Indices) -> Columns:
        """The columns of the rows at `indices`."""
        moved = {id(s): Selection(s.picks[indices], s.gather) for s, _ in self._places}
        return as_columns(Late((moved[id(selection)], position) for selection, position in self._places))

    def select(self, positions: Iterable[int]) -> Columns:
        """The columns at `positions`; what was gathered stays so."""
        chosen = tuple(positions)
        found = Late(self._places[position] for position in chosen)
        found._made.update((i, self._made[p]) for i, p in enumerate(chosen) if p in self._made)
        return as_columns(found)


def at_hand(columns: Columns) -> Late:
    """Columns that are there already, to stand beside late ones."""
    rows = np.arange(len(columns[0]) if columns else 0)
    whole = Selection(rows, lambda position, picks: columns[position].take(pa.array(picks)))
    late = Late((whole, position) for position in range(len(columns)))
    late._made.update(enumerate(columns))
    return late


def as_columns(late: Late) -> Columns:
    """`late` for those who read columns by position, add them up or walk over them, as they do with a tuple."""
    return cast(Columns, late)


def selected(picks: Indices, gather: Gather, positions: Iterable[int]) -> Columns:
    """The columns at `positions` of the rows that `picks` name, late."""
    selection = Selection(picks, gather)
    return as_columns(Late((selection, position) for position in positions))
