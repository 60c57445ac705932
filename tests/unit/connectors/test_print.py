"""Print: what it shows, and when."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pgstream.connectors import Changes, create_sink
from pgstream.delta import Delta
from pgstream.formats.format import Field
from pgstream.types.definition import SqlType
from pgstream.world import RealWorld

FIELDS = (Field("id", SqlType("int4")), Field("v", SqlType("text")))


def changes(*rows: tuple[int, str | None, int]) -> Changes:
    ids, texts, weights = zip(*rows, strict=True)
    return Changes([(1, Delta((pa.array(ids, pa.int32()), pa.array(texts, pa.string())), np.array(weights, np.int64)))])


def printed(options: dict[str, str], given: Changes, capsys: pytest.CaptureFixture[str]) -> str:
    sink = create_sink(options, FIELDS, None, world=RealWorld(), created_us=0, directory=Path())
    cursor = sink.prepare(given)
    assert capsys.readouterr().out == ""
    sink.publish(cursor)
    sink.publish(cursor)
    return capsys.readouterr().out


def test_changes_as_flink_prints_them(capsys: pytest.CaptureFixture[str]) -> None:
    given = changes((2, None, 1), (1, "a", -1), (3, "b", 2))
    assert printed({"connector": "print"}, given, capsys) == "-D[1, a]\n+I[2, null]\n+I[3, b]\n+I[3, b]\n"
    named = {"connector": "print", "print-identifier": "x"}
    assert printed(named, changes((1, "a", 1)), capsys) == "x> +I[1, a]\n"


def test_rows_in_a_format(capsys: pytest.CaptureFixture[str]) -> None:
    given = changes((1, "a", 1))
    assert printed({"connector": "stdout"}, given, capsys) == '{"id":1,"v":"a"}\n'
    shown = printed({"connector": "stdout", "format": "debezium_json"}, changes((1, "a", -1)), capsys)
    assert '"op":"d"' in shown
