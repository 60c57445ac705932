"""Sinks show the committed changes exactly once, wherever a crash falls between prepare, commit and publish."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from pgstream.connectors import Changes, Cursor, Sink, create_sink
from pgstream.delta import Delta
from pgstream.errors import FeatureNotSupported, InvalidParameterValue, IoError, WrongObjectType
from tests.unit.connectors.sources import StillWorld, fields_of

FIELDS = fields_of(id="int8", word="text")


def sink_at(path: str, cursor: Cursor | None = None, connector: str = "filesystem", **options: str) -> Sink:
    given = {"connector": connector, **({"path": path} if path else {}), **options}
    return create_sink(given, FIELDS, cursor, world=StillWorld(), created_us=0)


def changes(*rows: tuple[int, str, int], tick: int = 1) -> Changes:
    ids, words, weights = zip(*rows, strict=True) if rows else ((), (), ())
    columns = (pa.array(ids, pa.int64()), pa.array(words, pa.string()))
    return Changes([(tick, Delta(columns, np.array(weights, np.int64)))])


def shown(path: Path) -> list[int]:
    """The ids that somebody who reads the sink's files sees."""
    files = sorted(path.glob("[!.]*")) if path.is_dir() else [path]
    found = []
    for file in files:
        if file.suffix == ".parquet":
            found += parquet.read_table(file).column("id").to_pylist()
        else:
            found += [json.loads(line)["id"] for line in file.read_text().splitlines()]
    return found


CRASHES = ["", "prepared", "committed", "published", "torn"]
PLACES = [("out.jsonl", "json"), ("out/", "json"), ("out/", "parquet")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(PLACES),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(CRASHES)), max_size=12),
    st.randoms(),
)
def test_crashes_neither_lose_nor_repeat(tmp_path_factory, place, steps, random) -> None:  # type: ignore[no-untyped-def]
    name, form = place
    root = tmp_path_factory.mktemp("sink")
    path = f"{root}/{name}"
    cursor: Cursor | None = None
    sink = sink_at(path, cursor, format=form)
    expected: list[int] = []
    number = 0
    for count, crash in steps:
        rows = [(number + i, "w", 1) for i in range(count)]
        number += count
        prepared = sink.prepare(changes(*rows))
        assert shown(Path(path)) == expected
        if crash != "prepared":
            cursor = prepared
            expected += [row[0] for row in rows]
        if crash == "torn" and Path(path).is_file():
            with Path(path).open("ab") as file:
                file.write(b'{"id": 1, "wo'[: random.randrange(13)])
        if crash in ("", "published"):
            sink.publish(prepared)
            assert shown(Path(path)) == expected
        if crash:
            sink.close()
            sink = sink_at(path, cursor, format=form)
            if cursor is not None:
                assert shown(Path(path)) == expected
    sink.close()


def test_json_of_every_kind(tmp_path: Path) -> None:
    types = fields_of(
        i="int4", f="float8", n="numeric", b="bool", t="timestamp", s="text", j="jsonb", a="_text", d="date"
    )
    values = {
        "i": ["1", None],
        "f": ["1.5", "NaN"],
        "n": ["1.50", "Infinity"],
        "b": ["t", None],
        "t": ["2020-01-01 00:00:00.5", None],
        "s": ['say "hi"\n\\', ""],
        "j": ['{"k": [1]}', None],
        "a": ['{"a,b",NULL}', "{}"],
        "d": ["2020-02-29", None],
    }
    columns = tuple(f.type.definition.parse(pa.array(values[f.name], pa.string()), -1) for f in types)
    path = tmp_path / "x.jsonl"
    sink = create_sink({"connector": "filesystem", "path": str(path)}, types, None, world=StillWorld(), created_us=0)
    sink.publish(sink.prepare(Changes([(1, Delta.of(columns))])))
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert first == {
        "i": 1, "f": 1.5, "n": 1.50, "b": True, "t": "2020-01-01 00:00:00.5", "s": 'say "hi"\n\\', "j": {"k": [1]},
        "a": ["a,b", None], "d": "2020-02-29",
    }  # fmt: skip
    assert second == {
        "i": None, "f": "NaN", "n": "Infinity", "b": None, "t": None, "s": "", "j": None, "a": [], "d": None
    }  # fmt: skip
    assert '"n":1.50' in path.read_text()


def test_csv_is_quoted_as_copy_quotes(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    sink = sink_at(str(path), header="true")
    words = pa.array(["plain", 'a "b", c', "", None, "two\nlines"], pa.string())
    sink.publish(sink.prepare(Changes([(1, Delta.of((pa.array(range(5), pa.int64()), words)))])))
    assert path.read_text() == 'id,word\n0,plain\n1,"a ""b"", c"\n2,""\n3,\n4,"two\nlines"\n'


def test_retractions_need_a_changelog(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    plain = sink_at(str(path))
    assert plain.append_only
    with pytest.raises(FeatureNotSupported, match="cannot write a retraction"):
        plain.prepare(changes((1, "a", -1)))
    log = sink_at(str(path), envelope="changelog")
    log.publish(log.prepare(changes((1, "a", 2), (2, "b", -1), tick=7)))
    records = [json.loads(line) for line in path.read_text().splitlines()]
    written = [(r["pgstream_op"], r["pgstream_tick"], r["id"]) for r in records]
    assert written == [("delete", 7, 2), ("insert", 7, 1), ("insert", 7, 1)]


def test_a_file_that_lost_committed_bytes_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    sink = sink_at(str(path))
    cursor = b""
    for number in range(2):
        cursor = sink.prepare(changes((number, "a", 1)))
        sink.publish(cursor)
    path.write_bytes(b"")
    with pytest.raises(IoError, match="is shorter than what was committed"):
        sink_at(str(path), cursor)


def test_the_blackhole_counts() -> None:
    sink = sink_at("", connector="blackhole")
    cursor = sink.prepare(changes((1, "a", 3), (2, "b", -2)))
    sink.publish(cursor)
    again = sink_at("", cursor, connector="blackhole")
    assert (again.inserted, again.deleted) == (3, 2)  # type: ignore[attr-defined]


def test_wrong_directions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongObjectType, match='connector "nexmark" cannot be written to'):
        create_sink({"connector": "nexmark", "table": "bid"}, FIELDS, None, world=StillWorld(), created_us=0)
    with pytest.raises(InvalidParameterValue, match='a sink of format "parquet" needs a directory'):
        sink_at(str(tmp_path / "x.parquet"))
