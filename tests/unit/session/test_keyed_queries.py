"""Point reads of the simple protocol, against the same queries the general way."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgstream.engine import Engine
from pgstream.wire.messages import Query
from tests.unit.session.test_rounds import SCHEMA, Client, query


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Client]]:
    """Two sessions of one database; the second takes every query the general way."""
    engine = Engine.open(tmp_path_factory.mktemp("keyed"), sync=False)
    pool = ThreadPoolExecutor(1)
    both = Client(engine, pool), Client(engine, pool)
    assert b"ERROR" not in both[0].say(both[0].feed(query(SCHEMA)))
    both[1].say(both[1].feed(query("select 1")))
    general = both[1].conversation
    general._answers[Query] = lambda message: general._run_query(message.text)
    yield both
    pool.shutdown()
    engine.close()


NUMBER = st.sampled_from(["7", "-5", "007", "21", "1.5", "3000000000", "9223372036854775808", "1e2", "7and", "0x7"])
WORD = st.sampled_from(
    ["'a'", "'b'", "'é'", "'it''s'", "'\\x'", "'1'", "'a' 'b'", "E'a'", "$$a$$", "''", "'$1'", "' = '"]
)
TEST = st.builds(
    lambda column, sign, literal: f"{column}{sign}{literal}",
    st.sampled_from(["id", '"id"', "number", "word", "name", "things.id", '"word"', "part", "flag", "missing", "7"]),
    st.sampled_from(["=", " = ", " =\n", "=", " = ", " <", " >= ", "!=", " = -"]),
    NUMBER | WORD,
)
LIST = st.sampled_from(
    ["*", "name", '"name", id', "7", "upper(name)", "name as x", "count(*)", "id = 7", "'a'", "10 / (id - 7)", "1 / 0"]
)
END = st.sampled_from(
    ["", "", "", ";", " ; ", " limit 1", " order by 1", " -- 'x'", " /* = 7 */", "; select 1", " or true"]
)


@st.composite
def queries(draw: st.DrawFn) -> str:
    tests = draw(st.lists(TEST, min_size=1, max_size=2))
    table = draw(st.sampled_from(["things", "pairs", '"things"', "twins", "nothing", "things, pairs"]))
    select = draw(st.sampled_from(["select", "SELECT", " select", "explain select"]))
    where = draw(st.sampled_from([" and ", " AND ", " or "])).join(tests)
    return f"{select} {draw(LIST)} from {table} where {where}{draw(END)}"


KEYED = st.builds(
    lambda listed, where: f"select {listed} from {where}",
    st.sampled_from(["*", '"name"', "note"]),
    st.builds("things where id = {}".format, st.integers(-6, 30))
    | st.builds("twins where id={};".format, st.integers(-1, 52))
    | st.builds("pairs where word = '{}' and number = {}".format, st.sampled_from("abé"), st.integers(0, 3)),
)


@given(st.lists(queries() | KEYED | st.sampled_from(["begin", "rollback"]), min_size=1, max_size=6))
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_answers_are_those_of_the_general_way(clients: tuple[Client, Client], texts: list[str]) -> None:
    quick, general = clients
    for text in [*texts, "rollback"]:
        assert quick.say(quick.feed(query(text))) == general.say(general.feed(query(text))), text


@pytest.mark.parametrize(
    "text",
    [
        "select name, part from things where id = {}",
        'SELECT "things"."name" FROM "things" WHERE "things"."id" = {};',
        "select note from pairs where word = 'a' and number = {}",
        "select name from twins where id={}",
    ],
)
def test_keyed_queries_are_answered_at_once(
    clients: tuple[Client, Client], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    quick, general = clients

    def refuse(_text: bytes) -> None:
        raise AssertionError("not answered at once")

    monkeypatch.setattr(quick.conversation, "_run_query", refuse)
    for number in range(-2, 25):
        asked = query(text.format(abs(number)))
        assert quick.say(quick.feed(asked)) == general.say(general.feed(asked))


def test_a_table_made_anew_is_read_as_it_is(clients: tuple[Client, Client]) -> None:
    quick, general = clients
    for columns in ("id int primary key, x int", "x text, id bigint primary key", "id text primary key"):
        general.say(general.feed(query(f"drop table if exists again; create table again ({columns})")))
        general.say(general.feed(query("insert into again (id) values (7), (8)")))
        asked = query("select * from again where id = 7")
        assert quick.say(quick.feed(asked)) == general.say(general.feed(asked))
