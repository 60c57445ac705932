"""Pipelines of one statement come as one message, which stands for those that it is made of."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgstream.errors import ProtocolViolation
from pgstream.wire.frontend import Connection
from pgstream.wire.messages import Executions, Message, Round

Values = list[bytes | None]


def typed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def counted(codes: list[int]) -> bytes:
    return struct.pack(f"!{len(codes) + 1}h", len(codes), *codes)


def execution(
    values: Values,
    statement: bytes = b"s1",
    formats: list[int] | None = None,
    results: list[int] | None = None,
    described: bool = True,
    wrong: int = 0,
) -> bytes:
    """The messages of one execution; the number of values is off by `wrong`."""
    body = b"\0" + statement + b"\0" + counted(formats or [1]) + struct.pack("!h", len(values) + wrong)
    body += b"".join(struct.pack("!i", -1) if v is None else struct.pack("!i", len(v)) + v for v in values)
    describe = typed(b"D", b"P\0") if described else b""
    return typed(b"B", body + counted(results or [])) + describe + typed(b"E", b"\0\0\0\0\0")


def unfolded(messages: list[Message]) -> list[Message]:
    found: list[Message] = []
    waiting = messages[::-1]
    while waiting:
        message = waiting.pop()
        if isinstance(message, Executions):
            waiting += reversed(message.unfolded())
        elif isinstance(message, Round):
            found += message.messages
        else:
            found.append(message)
    return found


def decoded(chunks: list[bytes]) -> tuple[list[Message], str | None]:
    """The messages of a started connection, and its violation."""
    connection = Connection()
    connection.started = True
    found: list[Message] = []
    try:
        for chunk in chunks:
            found += connection.feed(chunk)
    except ProtocolViolation as violation:
        return found, violation.message
    return found, connection.violation and connection.violation.message


def cut_at(packet: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(packet) + 1) for place in places), len(packet)]
    return [packet[a:b] for a, b in pairwise(bounds) if a < b]


VALUES = st.lists(st.none() | st.binary(max_size=20), min_size=2, max_size=2)
RUNS = st.builds(
    lambda rows, *shape: [execution(values, *shape) for values in rows],
    st.lists(VALUES, min_size=1, max_size=9),
    st.sampled_from([b"s1", b"s2", b""]),
    st.sampled_from([[1], [0], [1, 0]]),
    st.sampled_from([[], [1]]),
    st.booleans(),
)
ODD = st.builds(
    lambda values, wrong: [execution(values, wrong=wrong)],
    st.lists(st.binary(max_size=3), max_size=3),
    st.sampled_from([0, 1]),
) | st.sampled_from(
    [[typed(b"S", b"")], [typed(b"H", b"")], [typed(b"Q", b"select 1\0")], [typed(b"E", b"p\0\0\0\0\1")]]
)


@given(st.lists(RUNS | ODD, min_size=1, max_size=4), st.lists(st.integers(0, 2000), max_size=4))
@settings(max_examples=300, deadline=None)
def test_a_run_stands_for_its_messages(runs: list[list[bytes]], places: list[int]) -> None:
    packet = b"".join(part for run in runs for part in run)
    found, violation = decoded(cut_at(packet, places))
    expected, other = decoded([packet[i : i + 1] for i in range(len(packet))])
    assert (unfolded(found), violation) == (expected, other)


@given(st.lists(VALUES, min_size=4, max_size=6), st.integers(0, 500), st.integers(0, 255))
@settings(max_examples=400, deadline=None)
def test_a_damaged_run_is_told_as_its_messages_are(rows: list[Values], at: int, byte: int) -> None:
    packet = bytearray(b"".join(map(execution, rows)))
    packet[at % len(packet)] = byte
    found, violation = decoded([bytes(packet)])
    expected, other = decoded([bytes(packet[i : i + 1]) for i in range(len(packet))])
    assert (unfolded(found), violation) == (expected, other)


@pytest.mark.parametrize("described", [True, False])
def test_many_executions_are_one_message(described: bool) -> None:
    rows: list[Values] = [[b"a" * i, None, b""] for i in range(500)]
    packet = b"".join(execution(values, described=described) for values in rows)
    messages, _ = decoded([packet + typed(b"S", b"")])
    assert [type(message).__name__ for message in messages] == ["Executions", "Sync"]
    run = messages[0]
    assert isinstance(run, Executions)
    assert (run.rows, run.width, run.statement, run.parameter_formats) == (500, 3, "s1", (1,))
    assert run.described == described


def test_a_rest_that_is_cut_off_waits() -> None:
    one = execution([b"abc"])
    messages, _ = decoded([one * 4 + one[:-1], one[-1:]])
    assert [type(message).__name__ for message in messages] == ["Executions", "Bind", "Describe", "Execute"]
