"""Runs of prepared INSERTs against the same messages one at a time, on random values."""

import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgstream.engine import Engine
from pgstream.engine.transaction import Transaction
from pgstream.wire.messages import Executions, Message, Round
from tests.unit.session.test_rounds import Client, prepared, query, round_of, typed, untabled

TABLES = ("run_a", "run_b")
SCHEMA = """
create table TABLE (id bigint primary key, name varchar(3) not null, part numeric(8, 2), at timestamp, tags int[]);
create materialized view TABLE_sum as select count(*) as n, sum(100 / id) as s from TABLE
"""
STATEMENTS = {
    "plain": "insert into TABLE (id, name) values ($1, $2)",
    "narrow": "insert into TABLE (id, name, part) values ($1::smallint, $2::text, $3::int)",
    "typed": "insert into TABLE (id, name, part, at, tags) values ($1, 'x', $2, $3, $4)",
    "double": "insert into TABLE (id, name) values ($1 + 500, $2)",
}
IDS = st.integers(0, 30) | st.integers(31, 3000)
TEXTS = st.sampled_from(["", "a", "é", "abc", "abcd", "x\0"]).map(str.encode) | st.sampled_from([b"\xff", b"\xc3"])
WORDS = st.sampled_from(["", "a", "é", "abc"]).map(str.encode)


def spelt(form: int, format: str, numbers: st.SearchStrategy[int]) -> st.SearchStrategy[bytes]:
    return numbers.map(lambda n: struct.pack(format, n) if form else str(n).encode())


@st.composite
def runs(draw: st.DrawFn) -> bytes:
    """Executions of one statement, most of them right."""
    name, form = draw(st.sampled_from([*STATEMENTS, "missing"])), draw(st.integers(0, 1))
    words = TEXTS | st.none() if draw(st.integers(0, 3)) == 0 else WORDS
    integers = st.integers(-200, 2_000_000)
    columns = {
        "narrow": [spelt(form, "!h", IDS), words, spelt(form, "!i", integers) | st.none()],
        "typed": [
            spelt(form, "!q", IDS),
            st.sampled_from([b"1.5", b"-3", b"NaN"]) | st.none() if form == 0 else st.none(),
            st.integers(0, 10**15).map(lambda n: struct.pack("!q", n)) if form else st.just(b"2026-01-02 03:04:05"),
            st.just(b"{1,2}") if form == 0 else st.none(),
        ],
    }.get(name, [spelt(form, "!q", IDS), words])
    rows = draw(st.lists(st.tuples(*columns), min_size=1, max_size=8))
    described = draw(st.booleans())
    return b"".join(round_of(name, list(row), [form], [], described).removesuffix(typed(b"S", b"")) for row in rows)


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Client]]:
    """Two sessions of one database, each with a table of its own."""
    engine = Engine.open(tmp_path_factory.mktemp("runs"), sync=False)
    pool = ThreadPoolExecutor(1)
    both = Client(engine, pool), Client(engine, pool)
    for client, table in zip(both, TABLES, strict=True):
        assert b"ERROR" not in client.say(client.feed(query(SCHEMA.replace("TABLE", table))))
        for name, text in STATEMENTS.items():
            assert b"ERROR" not in client.say(client.feed(prepared(name, text.replace("TABLE", table))))
    yield both
    pool.shutdown()
    engine.close()


def one_at_a_time(client: Client, messages: list[Message]) -> bytes:
    """What is answered where no message waits behind another."""
    answer, waiting = b"", messages[::-1]
    while waiting:
        message = waiting.pop()
        if isinstance(message, Executions):
            waiting += reversed(message.unfolded())
        elif isinstance(message, Round):
            waiting += reversed(message.messages)
        else:
            answer += client.say([message])
    return answer


SYNC = typed(b"S", b"")


@given(
    st.lists(runs() | st.sampled_from([SYNC, query("begin"), query("commit")]), min_size=1, max_size=5),
    st.lists(st.integers(0, 3000), max_size=3),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_runs_are_answered_as_their_messages_are(
    clients: tuple[Client, Client], packets: list[bytes], places: list[int]
) -> None:
    together, one_by_one = clients
    packet = b"".join([*packets, SYNC, query("commit")])
    bounds = [0, *sorted(place % (len(packet) + 1) for place in places), len(packet)]
    chunks = [packet[a:b] for a, b in pairwise(bounds)]
    answer = b"".join(together.say(messages) for chunk in chunks if (messages := together.feed(chunk)))
    expected = one_at_a_time(one_by_one, one_by_one.feed(packet)).replace(*map(str.encode, reversed(TABLES)))
    assert untabled(answer) == untabled(expected)
    left, right = (
        client.say(client.feed(query(f"select * from {t} order by id; select * from {t}_sum; delete from {t}")))
        for client, t in zip(clients, TABLES, strict=True)
    )
    assert untabled(left) == untabled(right)


def test_a_run_is_one_change(clients: tuple[Client, Client], monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = clients
    inserted: list[int] = []
    insert_many = Transaction.insert_many

    def counted(self: Transaction, *given: Any) -> Any:
        inserted.append(given[3])
        return insert_many(self, *given)

    monkeypatch.setattr(Transaction, "insert_many", counted)
    rows = [round_of("narrow", [struct.pack("!h", i + 1), b"a", None], [1, 0, 1], []) for i in range(300)]
    answer = client.say(client.feed(b"".join(row.removesuffix(SYNC) for row in rows) + SYNC))
    assert answer.count(b"INSERT 0 1") == 300
    assert inserted == [300]
    assert b"DELETE 300" in client.say(client.feed(query(f"delete from {TABLES[0]}")))
