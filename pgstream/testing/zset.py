"""A Z-set as a dict from row tuples to weights: the slow, obvious model that operators are tested against."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pgstream.delta import Delta

Row = tuple[Any, ...]


class ZSet:
    """Rows with non-zero integer weights, as a value: the methods give new Z-sets."""

    def __init__(self, weights: Iterable[tuple[Row, int]] = ()) -> None:
        self._weights: dict[Row, int] = {}
        for row, weight in weights:
            total = self._weights.get(row, 0) + weight
            self._weights[row] = total
            if not total:
                del self._weights[row]

    @staticmethod
    def of(*rows: Row) -> "ZSet":
        """Each of `rows` once."""
        return ZSet((row, 1) for row in rows)

    @staticmethod
    def of_delta(delta: Delta) -> "ZSet":
        """The rows of `delta`, consolidated."""
        values = [column.to_pylist() for column in delta.columns]
        rows: Iterable[Row] = zip(*values, strict=True) if values else ((),) * len(delta)
        return ZSet((tuple(_hashable(v) for v in row), int(w)) for row, w in zip(rows, delta.weights, strict=True))

    def to_delta(self, storages: Sequence[pa.DataType]) -> Delta:
        """The delta of these rows, each with its weight."""
        rows = list(self._weights)
        columns = tuple(pa.array([row[i] for row in rows], storage) for i, storage in enumerate(storages))
        return Delta(columns, np.array(list(self._weights.values()), np.int64))

    def items(self) -> Iterator[tuple[Row, int]]:
        return iter(self._weights.items())

    def copies(self) -> list[Row]:
        """Every row as often as its weight says; no weight may be negative."""
        assert all(weight > 0 for weight in self._weights.values()), self
        return [row for row, weight in self._weights.items() for _ in range(weight)]

    def weight(self, row: Row) -> int:
        return self._weights.get(row, 0)

    def map(self, function: Callable[[Row], Row]) -> "ZSet":
        return ZSet((function(row), weight) for row, weight in self.items())

    def filter(self, keep: Callable[[Row], bool]) -> "ZSet":
        return ZSet((row, weight) for row, weight in self.items() if keep(row))

    def join(self, other: "ZSet", matches: Callable[[Row, Row], bool]) -> "ZSet":
        """Pairs of rows that match, as concatenated rows; weights multiply."""
        return ZSet((a + b, v * w) for a, v in self.items() for b, w in other.items() if matches(a, b))

    def groups(self, key: Callable[[Row], Row]) -> "dict[Row, ZSet]":
        """The rows by key."""
        found: dict[Row, list[tuple[Row, int]]] = {}
        for row, weight in self.items():
            found.setdefault(key(row), []).append((row, weight))
        return {key: ZSet(rows) for key, rows in found.items()}

    def __add__(self, other: "ZSet") -> "ZSet":
        return ZSet([*self.items(), *other.items()])

    def __sub__(self, other: "ZSet") -> "ZSet":
        return self + ZSet((row, -weight) for row, weight in other.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ZSet) and self._weights == other._weights

    def __hash__(self) -> int:
        return hash(frozenset(self._weights.items()))

    def __bool__(self) -> bool:
        return bool(self._weights)

    def __repr__(self) -> str:
        return f"ZSet({self._weights!r})"


def _hashable(value: Any) -> Any:
    return tuple(_hashable(item) for item in value) if isinstance(value, list) else value
