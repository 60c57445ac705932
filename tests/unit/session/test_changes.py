"""Changes of one tick as subscriptions tell them: diffs, upserts, Debezium's before and after."""

from typing import Any

import numpy as np
import pyarrow as pa

from pgstream.delta import Delta
from pgstream.session.changes import Piece, Teller
from pgstream.sql.bind.statements import ChangeShape
from pgstream.storage.order import OrderColumn
from pgstream.types.definition import SqlType

TYPES = (SqlType("int4"), SqlType("text"))


def delta(*rows: tuple[int, str | None, int]) -> Delta:
    keys, values, weights = zip(*rows, strict=True)
    return Delta((pa.array(keys, pa.int32()), pa.array(values, pa.string())), np.array(weights))


def told(shape: ChangeShape, *rows: tuple[int, str | None, int]) -> list[tuple[Any, ...]]:
    piece = Teller(TYPES, shape).piece(delta(*rows), 5)
    return [] if piece is None else rows_of(piece)


def rows_of(piece: Piece) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in piece.rows), strict=True))


def test_retractions_come_first_and_what_cancels_is_left_out() -> None:
    found = told(ChangeShape(), (1, "a", 1), (2, "b", -1), (3, "c", 1), (3, "c", -1), (1, "a", 2), (4, "d", -3))
    assert found == [("5", -1, 2, "b"), ("5", -3, 4, "d"), ("5", 3, 1, "a")]
    assert told(ChangeShape(), (3, "c", 1), (3, "c", -1)) == []


def test_order_within_the_timestamp() -> None:
    shape = ChangeShape(order=(OrderColumn(2, True), OrderColumn(0)))
    found = told(shape, (1, "x", 1), (2, "y", 1), (1, "y", -1), (3, None, 1))
    assert [row[1:] for row in found] == [(-1, 1, "y"), (1, 2, "y"), (1, 1, "x"), (1, 3, None)]


def test_upsert() -> None:
    shape = ChangeShape("upsert", key=(0,))
    found = told(shape, (4, "new", 1), (1, "now", 1), (1, "then", -1), (2, "gone", -1), (3, "x", 1), (3, "y", 1))
    assert found == [
        ("5", "upsert", 1, "now"),
        ("5", "delete", 2, None),
        ("5", "key_violation", 3, None),
        ("5", "upsert", 4, "new"),
    ]
    assert told(shape, (1, "twice", 2)) == [("5", "key_violation", 1, None)]


def test_debezium() -> None:
    shape = ChangeShape("debezium", progress=True, key=(1,))
    found = told(shape, (4, "new", 1), (1, "k", 1), (7, "k", -1), (2, "gone", -1), (3, "x", 1), (4, "x", 1))
    assert found == [
        ("5", False, "delete", "gone", 2, None),
        ("5", False, "upsert", "k", 7, 1),
        ("5", False, "insert", "new", None, 4),
        ("5", False, "key_violation", "x", None, None),
    ]


def test_ops_are_of_single_rows() -> None:
    rows = ((4, "d", 1), (1, "b", 1), (1, "a", -1), (3, "c", -1))
    assert told(ChangeShape("ops", key=(0,)), *rows) == [
        (1, "a", "UpdateDelete", 5),
        (1, "b", "UpdateInsert", 5),
        (3, "c", "Delete", 5),
        (4, "d", "Insert", 5),
    ]
    assert [row[2] for row in told(ChangeShape("ops"), *rows)] == ["Delete", "Delete", "Insert", "Insert"]
    assert told(ChangeShape("ops"), (1, "twice", 2)) == [(1, "twice", "Insert", 5)] * 2
    stock = Teller(TYPES, ChangeShape("ops")).piece(delta((1, "a", 1)), 5, stock=True)
    assert stock is not None
    assert rows_of(stock) == [(1, "a", "Insert", None)]


def test_a_key_may_be_null() -> None:
    shape = ChangeShape("upsert", key=(1,))
    assert told(shape, (1, None, 1), (2, None, -1)) == [("5", "upsert", None, 1)]


def test_progress_says_only_when() -> None:
    for envelope in ("diffs", "upsert", "debezium"):
        piece = Teller(TYPES, ChangeShape(envelope, True, (0,))).progress(9)
        (row,) = rows_of(piece)
        assert row[:2] == ("9", True)
        assert set(row[2:]) == {None}


def test_pieces_are_cut() -> None:
    piece = Teller(TYPES, ChangeShape()).piece(delta((1, "a", 1), (2, "b", 1), (3, "c", 1)), 5)
    assert piece is not None
    first, rest = piece.cut(2)
    assert (first.count, rest.count) == (2, 1)
    assert rows_of(first) + rows_of(rest) == rows_of(piece)
