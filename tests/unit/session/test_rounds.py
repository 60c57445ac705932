"""Rounds answered at once, against the same messages answered one by one."""

import asyncio
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgstream.catalog.session_facts import SessionFacts
from pgstream.engine import Engine
from pgstream.logs import Log
from pgstream.session.protocol import Conversation
from pgstream.session.session import Services, Session
from pgstream.wire.frontend import Connection
from pgstream.wire.messages import Message, Round
from pgstream.world import RealWorld


class Client:
    """A session driven with bytes, and what it answers."""

    def __init__(self, engine: Engine, pool: ThreadPoolExecutor) -> None:
        world = RealWorld()
        facts = SessionFacts("ann", "postgres", 1, "", "127.0.0.1", world.now_us())
        self.session = Session(engine.database("postgres"), facts, {}, Services(world, pool, {}, Log(world)), self)
        self.conversation = Conversation(self.session)
        self.input = Connection()
        self.input.started = True
        self.answers: list[bytes] = []
        self.paused = False

    def write(self, payload: bytes) -> None:
        self.answers.append(payload)

    async def drain(self) -> None:
        return

    def close(self) -> None:
        return

    def resume_reading(self) -> None:
        return

    def feed(self, packet: bytes) -> list[Message]:
        messages = self.input.feed(packet)
        assert self.input.violation is None
        return messages

    def say(self, messages: list[Message]) -> bytes:
        """All that is answered to `messages`."""

        async def work() -> bytes:
            self.conversation.receive(messages)
            until = time.monotonic() + 20
            while self.session.busy or self.session.inbox:
                assert time.monotonic() < until
                await asyncio.sleep(0.0005)
            taken, self.answers = self.answers, []
            return b"".join(taken)

        return asyncio.run(work())


def typed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def query(text: str) -> bytes:
    return typed(b"Q", text.encode() + b"\0")


def prepared(name: str, text: str) -> bytes:
    return typed(b"P", f"{name}\0{text}\0".encode() + b"\0\0") + typed(b"S", b"")


def codes(some: list[int]) -> bytes:
    return struct.pack(f"!{len(some) + 1}h", len(some), *some)


def round_of(
    name: str,
    values: list[bytes | None],
    formats: list[int],
    results: list[int],
    described: bool = False,
    rows_max: int = 0,
) -> bytes:
    cells = b"".join(struct.pack("!i", -1) if v is None else struct.pack("!i", len(v)) + v for v in values)
    body = b"\0" + name.encode() + b"\0" + codes(formats) + struct.pack("!h", len(values)) + cells + codes(results)
    describe = typed(b"D", b"P\0") if described else b""
    return typed(b"B", body) + describe + typed(b"E", b"\0" + struct.pack("!i", rows_max)) + typed(b"S", b"")


SCHEMA = """
create table things (id bigint primary key, name text, part numeric, at timestamptz, flag bool, rate float8, tag uuid);
insert into things select n, 'thing ' || n, n * 1.5, timestamptz '2026-01-01' + n * interval '1 hour', n % 2 = 0,
    n / 7.0, '00000000-0000-0000-0000-00000000000a' from generate_series(1, 20) as g(n);
insert into things values (21, null, null, null, null, null, null), (-5, 'é', 'NaN', 'infinity', true, 'NaN', null),
    (22, '', 123456789.10, '-infinity', false, 0, null), (23, 'x', 12340000, '1999-12-31 23:59:59.5', false, -1e300,
    null);
create table pairs (word text, number int, note varchar(10), primary key (word, number));
insert into pairs values ('a', 1, 'one'), ('a', 2, 'two'), ('b', 1, null), ('é', -1, 'y');
create table twins (id int, name text);
create index twins_id on twins (id);
insert into twins select n / 3, 'twin ' || n from generate_series(0, 30) as g(n);
insert into twins select 50, 'same' from generate_series(1, 3);
insert into twins select 51, 'many' from generate_series(1, 12)
"""

STATEMENTS = {
    "one": "select name, part from things where id = $1",
    "all": "select * from things where id = $1",
    "twice": "select name, name, id from things where id = $1",
    "pair": "select note, word from pairs where word = $1 and number = $2",
    "swapped": "select number from pairs where number = $1 and word = $2",
    "index": "select name from twins where id = $1",
    "filtered": "select name from things where id = $1 and flag",
    "computed": "select upper(name) from things where id = $1",
    "scanned": "select id from things where name = $1",
    "fixed": "select 1",
    "setting": "set application_name = 'x'",
}


TABLES = ("kept_a", "kept_b")
INSERTED = """
create table TABLE (id int primary key, name text not null, part numeric, at timestamp, day date, tag uuid,
    flag bool, rate float8, small smallint);
create materialized view TABLE_sum as select count(*) as n, sum(10 / id) as s from TABLE
"""
INSERTS = {
    "two": "insert into TABLE (id, name) values ($1, $2)",
    "numbers": "insert into TABLE (id, name, part, rate, small) values ($1, 'x', $2, $3, $4)",
    "moments": "insert into TABLE (id, name, at, day, tag, flag) values ($1, 'y', $2, $3, $4, $5)",
    "returning": "insert into TABLE (id, name) values ($1, $2) returning id",
    "conflict": "insert into TABLE (id, name) values ($1, $2) on conflict do nothing",
}


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Client]]:
    """Two sessions of one database, with the same statements prepared."""
    engine = Engine.open(tmp_path_factory.mktemp("rounds"), sync=False)
    pool = ThreadPoolExecutor(1)
    both = Client(engine, pool), Client(engine, pool)
    said = both[0].say(both[0].feed(query(SCHEMA)))
    assert b"ERROR" not in said, said
    for client, table in zip(both, TABLES, strict=True):
        for name, text in STATEMENTS.items():
            assert b"ERROR" not in client.say(client.feed(prepared(name, text)))
        client.say(client.feed(query(INSERTED.replace("TABLE", table))))
        for name, text in INSERTS.items():
            assert b"ERROR" not in client.say(client.feed(prepared(name, text.replace("TABLE", table))))
    yield both
    pool.shutdown()
    engine.close()


NUMBERS = st.integers(-6, 60)
VALUES = (
    st.none()
    | NUMBERS.map(lambda n: struct.pack("!q", n))
    | NUMBERS.map(lambda n: struct.pack("!i", n))
    | NUMBERS.map(lambda n: str(n).encode())
    | st.sampled_from(["a", "b", "é", "zz", "1.0", " 7", "x\0"]).map(str.encode)
    | st.sampled_from([b"\xff", b""])
)
CODES = st.sampled_from([[], [0], [1]]) | st.lists(st.integers(0, 2), max_size=3)
ROUNDS = st.builds(
    round_of,
    st.sampled_from([*STATEMENTS, "missing"]),
    st.lists(VALUES, min_size=1, max_size=2),
    CODES,
    CODES,
    st.booleans(),
    st.sampled_from([0, 0, 1, 2, 3]),
)
PLAIN_ROUNDS = st.builds(
    lambda name, n, code, *rest: round_of(
        name, [struct.pack("!i" if name == "index" else "!q", n)], [1], [code], *rest
    ),
    st.sampled_from(["one", "all", "twice", "index"]),
    NUMBERS,
    st.integers(0, 1),
    st.booleans(),
    st.sampled_from([0, 0, 1, 2, 3]),
)


def expanded(messages: list[Message]) -> list[Message]:
    return [one for message in messages for one in (message.messages if isinstance(message, Round) else [message])]


@given(st.lists(ROUNDS | PLAIN_ROUNDS | st.sampled_from([query("begin"), query("rollback")]), min_size=1, max_size=8))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rounds_are_answered_as_their_messages_are(clients: tuple[Client, Client], packets: list[bytes]) -> None:
    at_once, one_by_one = clients
    for packet in [*packets, query("rollback")]:
        answer = at_once.say(at_once.feed(packet))
        assert answer == one_by_one.say(expanded(one_by_one.feed(packet)))


SHORT = st.integers(0, 12) | st.integers(90, 110) | st.just(200)
BINARY = {
    "int4": SHORT.map(lambda n: struct.pack("!i", n)),
    "text": st.sampled_from(["", "a", "é", "x\0"]).map(str.encode),
    "numeric": st.sampled_from([b"\0\1\0\0\0\0\0\2\0\5\0\0", b"\0\1\0\0\0\0\0\2\0\5", b"\0\0\0\0\xc0\0\0\0"]),
    "float8": st.floats().map(lambda x: struct.pack("!d", x)),
    "int2": SHORT.map(lambda n: struct.pack("!h", n)),
    "timestamp": st.integers(-(10**18), 2**63 - 1).map(lambda n: struct.pack("!q", n)),
    "date": st.integers(-(2**31), 2**31 - 1).map(lambda n: struct.pack("!i", n)),
    "uuid": st.binary(min_size=16, max_size=16),
    "bool": st.sampled_from([b"\0", b"\1", b"", b"\7"]),
}
SIGNATURES = {
    "two": ("int4", "text"),
    "numbers": ("int4", "numeric", "float8", "int2"),
    "moments": ("int4", "timestamp", "date", "uuid", "bool"),
    "returning": ("int4", "text"),
    "conflict": ("int4", "text"),
}


@st.composite
def insertions(draw: st.DrawFn) -> bytes:
    name = draw(st.sampled_from(list(SIGNATURES)))
    values = [
        draw(BINARY[type] | st.none() if draw(st.integers(0, 9)) == 0 else BINARY[type]) for type in SIGNATURES[name]
    ]
    return round_of(name, values, [1], [], draw(st.booleans()), draw(st.sampled_from([0, 0, 1])))


@given(st.lists(insertions() | st.sampled_from([query("begin"), query("commit")]), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_inserts_are_answered_as_their_messages_are(clients: tuple[Client, Client], packets: list[bytes]) -> None:
    at_once, one_by_one = clients
    ask = [
        query(f"select * from {table} order by id; select * from {table}_sum; delete from {table}") for table in TABLES
    ]
    for packet in [*packets, query("commit")]:
        answer = at_once.say(at_once.feed(packet))
        expected = one_by_one.say(expanded(one_by_one.feed(packet))).replace(*map(str.encode, reversed(TABLES)))
        assert untabled(answer) == untabled(expected)
    left, right = (client.say(client.feed(text)) for client, text in zip(clients, ask, strict=True))
    assert untabled(left) == untabled(right)


def untabled(answer: bytes) -> list[bytes]:
    """The messages of an answer without RowDescriptions, in which tables have OIDs."""
    found, at = [], 0
    while at < len(answer):
        end = at + 1 + int.from_bytes(answer[at + 1 : at + 5], "big")
        found += [answer[at:end]] if answer[at : at + 1] != b"T" else []
        at = end
    return found


def test_an_insert_that_waits_can_be_cancelled(clients: tuple[Client, Client]) -> None:
    client, other = clients
    gate = threading.Event()
    client.session.database.autocommit._loop.submit(gate.wait, durable=False)
    packet = round_of("two", [struct.pack("!i", 77), b"late"], [1], [])

    async def work() -> None:
        client.conversation.receive(client.feed(packet))
        assert client.session.busy
        client.conversation.receive(client.feed(query("select 1")))
        client.session.cancel("canceling statement due to user request")
        until = time.monotonic() + 20
        while client.session.busy or client.session.inbox:
            assert time.monotonic() < until
            await asyncio.sleep(0.001)

    asyncio.run(work())
    gate.set()
    said, client.answers = b"".join(client.answers), []
    assert said.startswith(b"2\0\0\0\4E")
    assert b"C57014\0" in said
    assert b"SELECT 1" in said
    assert b"SELECT 0" in other.say(other.feed(query("select * from kept_a where id = 77")))


@pytest.fixture
def quick(clients: tuple[Client, Client], monkeypatch: pytest.MonkeyPatch) -> Client:
    """A session that answers nothing but at once."""

    def refuse(_message: Any) -> None:
        raise AssertionError("answered one by one")

    for kind in (*clients[0].conversation._answers,):
        monkeypatch.setitem(clients[0].conversation._answers, kind, refuse)
    return clients[0]


@pytest.mark.parametrize("described", [False, True])
@pytest.mark.parametrize("rows_max", [0, 1])
@pytest.mark.parametrize("form", [0, 1])
def test_point_reads_are_answered_at_once(quick: Client, described: bool, rows_max: int, form: int) -> None:
    value = str(7).encode() if form == 0 else struct.pack("!q", 7)
    answer = quick.say(quick.feed(round_of("one", [value], [form], [form], described, rows_max)))
    assert answer.startswith(b"2\0\0\0\4")
    assert b"thing 7" in answer
    assert answer.endswith(b"Z\0\0\0\x05I")
    assert (b"s\0\0\0\4" in answer) == (rows_max == 1)
    pair = quick.say(quick.feed(round_of("pair", [b"a", b"2"], [], [])))
    assert b"two" in pair


@pytest.mark.parametrize(
    ("oid", "value"), [(21, struct.pack("!h", 7)), (23, struct.pack("!i", 7)), (20, struct.pack("!q", 7))]
)
def test_narrower_integers_find_the_key_too(clients: tuple[Client, Client], oid: int, value: bytes) -> None:
    client = clients[0]
    text = b"select name from things where id = $1"
    client.say(client.feed(typed(b"P", b"narrow\0" + text + b"\0" + struct.pack("!hi", 1, oid)) + typed(b"S", b"")))
    snapshot = client.session.block.reader().snapshot()
    assert snapshot.seek(client.session.statements["narrow"].bound) is not None
    packet = round_of("narrow", [value], [1], [])
    answer = client.say(client.feed(packet))
    assert b"thing 7" in answer
    assert answer == client.say(expanded(client.feed(packet)))
    client.say(client.feed(typed(b"C", b"Snarrow\0") + typed(b"S", b"")))


@pytest.mark.parametrize(
    "literal", ["7", "'7'", "7::smallint", "7::bigint", "7.0", "7::float8", "3000000000 - 2999999993"]
)
def test_keys_of_other_types_find_the_same_rows(clients: tuple[Client, Client], literal: str) -> None:
    client = clients[0]
    assert b"thing 7" in client.say(client.feed(query(f"select name from things where id = {literal}")))
    assert b"twin 21" in client.say(client.feed(query(f"select name from twins where {literal} = id")))
    assert b"SELECT 0" in client.say(client.feed(query(f"select name from twins where id = {literal} + 4294967296")))


def test_plain_inserts_are_taken_at_once(quick: Client) -> None:
    asked = round_of("two", [struct.pack("!i", 5000), b"quick"], [1], [], described=True)
    assert quick.say(quick.feed(asked)) == b"2\0\0\0\4" + b"n\0\0\0\4" + typed(b"C", b"INSERT 0 1\0") + b"Z\0\0\0\5I"
    assert b"23505" in quick.say(quick.feed(asked))


def test_a_statement_whose_relation_changed_is_looked_up_in_the_new_one(clients: tuple[Client, Client]) -> None:
    client, other = clients
    say = lambda packet: client.say(client.feed(packet))  # noqa: E731
    say(query("create table moving (id int primary key, name text); insert into moving values (1, 'old')"))
    say(prepared("moving", "select name from moving where id = $1"))
    asked = round_of("moving", [b"1"], [], [])
    assert b"old" in say(asked)
    assert b"old" in say(asked)
    other.say(other.feed(query("drop table moving; create table moving (id int primary key, name text)")))
    other.say(other.feed(query("insert into moving values (1, 'new')")))
    assert b"new" in say(asked)
    assert b"new" in say(asked)
    other.say(other.feed(query("drop table moving")))
    assert b'relation "moving" does not exist' in say(asked)
