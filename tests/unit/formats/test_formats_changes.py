"""Formats of changes and of whole documents: what each record gives, and what is wrong with a bad one."""

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

import pgstream.types  # noqa: F401
from pgstream.errors import InvalidTableDefinition
from pgstream.formats.format import Chunk, Decoded, Field
from pgstream.formats.formats import FORMATS
from pgstream.formats.options import parse_options
from pgstream.types.definition import SqlType

FIELDS = (Field("id", SqlType("int4")), Field("v", SqlType("text")))
EVERY = frozenset((0, 1))


def rows_of(decoded: Decoded) -> list[tuple[object, ...]]:
    assert all(len(column) == decoded.count for column in decoded.columns)
    return list(zip(*(column.to_pylist() for column in decoded.columns), strict=True))


def in_lines(name: str, lines: Sequence[bytes], fields: tuple[Field, ...] = FIELDS, **options: str) -> Decoded:
    form = FORMATS[name]
    settings, _ = parse_options(form.options, {n.replace("__", "."): v for n, v in options.items()})
    chunk = Chunk.of(b"\n".join([*lines, b""]))
    return form.decoder(fields, settings).decode(chunk, frozenset(range(len(fields))))  # type: ignore[union-attr, misc]


def in_messages(name: str, values: Sequence[bytes], fields: tuple[Field, ...] = FIELDS, **options: str) -> Decoded:
    form = FORMATS[name]
    settings, _ = parse_options(form.options, {n.replace("__", "."): v for n, v in options.items()})
    return form.messages(fields, settings).decode(values, frozenset(range(len(fields))))  # type: ignore[union-attr, misc]


def change(op: str | None, before: object = None, after: object = None) -> bytes:
    return json.dumps({"before": before, "after": after, "source": {"x": [1, "}"]}, "op": op, "ts_ms": 1}).encode()


CHANGES = [
    change("c", None, {"id": 1, "v": "a"}),
    change("u", {"id": 1, "v": "a"}, {"id": 1, "v": "b"}),
    b"nonsense",
    change("x", None, {"id": 2, "v": "c"}),
    change("d", {"id": 1, "v": None}),
    change("d"),
    change("r", None, {"id": "seven", "v": "d"}),
    change(None, None, {"id": 3, "v": "e"}),
    change("r", None, {"id": 4, "v": 'f"\n'}),
]


def test_debezium_records_are_writes_by_key() -> None:
    decoded = in_lines("debezium_json", CHANGES)
    assert rows_of(decoded) == [(1, "a"), (1, "b"), (1, None), (4, 'f"\n')]
    assert decoded.deletes is not None
    assert decoded.deletes.tolist() == [False, False, True, False]
    starts = np.cumsum([0, *(len(line) + 1 for line in CHANGES)]).tolist()
    assert [(starts.index(r.start), r.raw == CHANGES[starts.index(r.start)]) for r in decoded.rejects] == [
        (number, True) for number in (2, 3, 5, 6, 7)
    ]
    assert [reject.message for reject in decoded.rejects[1:]] == [
        'operation "x" of a Debezium record is none of c, r, u and d',
        'a Debezium record of operation "d" has no "before"',
        'column "id": invalid input syntax for type integer: "seven"',
        'a Debezium record has no "op"',
    ]


def test_debezium_payloads_beside_their_schema() -> None:
    wrapped = [b'{"schema": {"type": "struct"}, "payload": %b}' % CHANGES[i] for i in (0, 3, 4, 6, 8)]
    mixed = [wrapped[0], CHANGES[1], b"{", *wrapped[1:]]
    decoded = in_lines("debezium_json", mixed)
    assert rows_of(decoded) == [(1, "a"), (1, "b"), (1, None), (4, 'f"\n')]
    assert decoded.deletes is not None
    assert decoded.deletes.tolist() == [False, False, True, False]
    assert [reject.raw for reject in decoded.rejects] == [b"{", wrapped[1], wrapped[3]]


def test_messages_keep_their_numbers() -> None:
    values = [b'{"id":1}', b"", b'{"id":\n 2,\r\n "v": "x"}\n', b"{}}", b" ", b'{"id":"z"}', b"{}"]
    decoded = in_messages("json", values)
    assert rows_of(decoded) == [(1, None), (2, "x"), (None, None)]
    assert [reject.start for reject in decoded.rejects] == [1, 3, 4, 5]
    assert decoded.rejects[1].raw == b"{}}"
    assert decoded.rejects[0].message == "the message is empty"
    changed = in_messages("debezium_json", CHANGES)
    assert rows_of(changed) == [(1, "a"), (1, "b"), (1, None), (4, 'f"\n')]
    assert [reject.start for reject in changed.rejects] == [2, 3, 5, 6, 7]
    separated = in_messages("csv", [b"1,a\n", b'2,"b\nc"', b"x,y"])
    assert rows_of(separated) == [(1, "a")]
    assert [reject.start for reject in separated.rejects] == [1, 2]


@pytest.mark.parametrize("type", ["jsonb", "json", "text"])
def test_unstructured_json(type: str) -> None:
    column = (Field("value", SqlType(type)),)
    values = [b'{"b": 1,  "a": [1]}', b"", b"[1, 2", b'"x"', b"\xff", b"17"]
    decoded = in_lines("json", values, column, json__unstructured="true")
    first = '{"a": [1], "b": 1}' if type == "jsonb" else '{"b": 1,  "a": [1]}'
    assert rows_of(decoded) == [(first,), ('"x"',), ("17",)]
    assert [reject.raw for reject in decoded.rejects] == [b"[1, 2", b"\xff"]
    with pytest.raises(InvalidTableDefinition):
        in_lines("json", values, FIELDS, json__unstructured="true")


def test_raw_text_and_bytes() -> None:
    text = in_messages("raw_string", [b"a\nb", b"", b"\xff", b"c\0"], (Field("value", SqlType("text")),))
    assert rows_of(text) == [("a\nb",), ("",)]
    assert [reject.start for reject in text.rejects] == [2, 3]
    column = (Field("value", SqlType("bytea")),)
    raw = in_messages("bytes", [b"a\nb", b"", b"\xff"], column)
    assert rows_of(raw) == [(b"a\nb",), (b"",), (b"\xff",)]
    assert rows_of(in_lines("raw_bytes", [b"a", b"\xff\0"], column)) == [(b"a",), (b"\xff\0",)]
    with pytest.raises(InvalidTableDefinition):
        in_messages("raw_bytes", [], FIELDS)


@pytest.mark.parametrize("name", ["json", "csv", "debezium_json"])
def test_what_is_written_is_read_again(name: str) -> None:
    form = FORMATS[name]
    settings, _ = parse_options(form.options, {})
    columns = (pa.array([1, 2], pa.int32()), pa.array(['a"', "b,"], pa.string()))
    messages = form.encoder(FIELDS, settings).messages(columns, 2)  # type: ignore[union-attr, misc]
    assert len(messages) == 2
    assert rows_of(in_messages(name, messages)) == [(1, 'a"'), (2, "b,")]
