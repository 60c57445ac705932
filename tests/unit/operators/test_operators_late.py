"""Late columns: gathered once, and only those that are asked for."""

import numpy as np
import pyarrow as pa

from pgstream.delta import Delta, concat
from pgstream.late import Late, selected

ROWS = (pa.array([10, 20, 30, 40]), pa.array(["a", "b", "c", "d"]), pa.array([1.0, 2.0, 3.0, 4.0]))


def late_rows(picks: list[int], gathered: list[tuple[int, int]]) -> Delta:
    def gather(position: int, rows: np.ndarray) -> pa.Array:
        gathered.append((position, len(rows)))
        return ROWS[position].take(pa.array(rows))

    return Delta(selected(np.array(picks), gather, range(3)), np.ones(len(picks), np.int64))


def test_only_what_is_asked_for_is_gathered_and_once() -> None:
    gathered: list[tuple[int, int]] = []
    delta = late_rows([3, 1, 1], gathered)
    kept = delta.filter(np.array([True, False, True])).select([1, 0])
    assert gathered == []
    assert kept.columns[0].to_pylist() == ["d", "b"]
    assert kept.columns[0].to_pylist() == ["d", "b"]
    assert gathered == [(1, 2)]
    assert kept.select([0]).columns[0].to_pylist() == ["d", "b"]
    assert gathered == [(1, 2)]


def test_reads_as_a_tuple_does() -> None:
    columns = late_rows([0, 2], []).columns
    assert isinstance(columns, Late)
    assert len(columns) == 3
    assert [column.to_pylist() for column in columns[1:]] == [["a", "c"], [1.0, 3.0]]
    assert columns[-1].to_pylist() == [1.0, 3.0]
    both = columns + columns
    assert isinstance(both, Late)
    assert [column.to_pylist() for column in both][3] == [10, 30]
    assert len((ROWS[0], *columns)) == 4
    beside = (ROWS[0].slice(0, 2),) + columns  # noqa: RUF005 (adding is what is tested)
    assert isinstance(beside, Late)
    assert [column.to_pylist() for column in beside.take(np.array([1]))] == [[20], [30], ["c"], [3.0]]


def test_slices_and_sums() -> None:
    delta = late_rows([0, 1, 2, 3], [])
    assert delta.slice(1, 2).columns[0].to_pylist() == [20, 30]
    assert delta.slice(3, 5).columns[0].to_pylist() == [40]
    assert concat([delta, Delta(ROWS, -delta.weights)]).columns[1].to_pylist() == ["a", "b", "c", "d"] * 2
