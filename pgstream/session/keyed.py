"""Point reads of the simple protocol: texts that differ in nothing but the literals their columns are equal to.

`SELECT … WHERE id = 7` is prepared once, as `… WHERE id = $1`, and answered on the spot where an arrangement is looked
up by that. Only literals that mean what a parameter means are taken out: whole numbers and plain strings behind an
equals sign, and nothing but the end or an AND behind them. Whatever else a text has, and whatever goes wrong, goes the
general way, which knows what to say about it.
"""

import re

from pgstream.errors import SqlError
from pgstream.session.bind_values import bound_values
from pgstream.session.encode import chunk_rows, fields
from pgstream.session.prepared import Answer, Prepared
from pgstream.session.running import is_query, point_answer, prepare, statements_of
from pgstream.session.sending import send_rows
from pgstream.session.session import Session
from pgstream.session.transaction import State
from pgstream.sql.dialects import POSTGRES
from pgstream.types.definition import SqlType
from pgstream.wire import backend
from pgstream.wire.messages import Bind

TEXT_MAX = 2_000
"""Longer texts are not written over and over."""

_EQUAL = re.compile(r"(?<=[\w\s\"])=\s*(?:([0-9]{1,18})|'([^'\\]*)')(?=\s*(?:;?\s*$|and\b))", re.IGNORECASE)
"""A literal that a column may be equal to."""

_QUOTED = re.compile(r'"\w+"')
_ODD = re.compile(r"['\"$\\(]|--|/\*|;\s*\S|(?<!\w)[0-9]")
"""What the rest must not have: other quotes, comments, calls, a second statement, a number."""

_INT4, _INT8 = SqlType("int4"), SqlType("int8")
_INT4_MAX = (1 << 31) - 1
_STRINGS = frozenset({"text", "varchar", "uuid"})

_NEVER = "never"
"""What `Prepared.rounds` has for statements that are no point reads."""


def read_at_once(session: Session, text: bytes) -> bool:
    """Answers the query `text`; False where nothing was done."""
    if len(text) > TEXT_MAX or text[:6].lower() != b"select" or session.block.state not in (State.IDLE, State.OPEN):
        return False
    try:
        answer = _answer(session, text.decode())
    except (SqlError, UnicodeDecodeError):
        return False
    if answer is None or answer.columns is None:
        return False
    session.portals.pop("", None)
    formats = (0,) * len(answer.columns)
    session.write(backend.row_description(fields(answer.columns, formats)))
    rest = send_rows(session, answer, formats, 0, answer.count)
    assert rest is None, "few rows are sent at once"
    session.write(backend.command_complete(answer.tag_after(answer.count)))
    if session.block.state is State.IDLE:
        session.publish_notifications()
    session.ready_for_query()
    return True


def _answer(session: Session, text: str) -> Answer | None:
    """The rows, where an arrangement has them."""
    literals = _EQUAL.findall(text)
    if not literals or _ODD.search(_QUOTED.sub("", _EQUAL.sub("=", text))):
        return None
    prepared = _prepared(session, text, literals)
    if prepared is None or _NEVER in prepared.rounds:
        return None
    values = tuple((number or string).encode() for number, string in literals)
    session.start_clock(text)
    params = bound_values(Bind("", "", (), values, ()), prepared, session.own_context)
    answer = point_answer(session, prepared, params)
    if answer is None:
        prepared.rounds[_NEVER] = True
    return answer if answer is not None and answer.count <= chunk_rows(len(answer.columns or ())) else None


def _prepared(session: Session, text: str, literals: list[tuple[str, str]]) -> Prepared | None:
    """The statement with parameters for `literals`; None where they would not mean the same."""
    if session.settings.current["pgstream.dialect"] != POSTGRES:
        return None
    numbers = iter(range(1, len(literals) + 1))
    [parsed] = statements_of(session, _EQUAL.sub(lambda _: f"= ${next(numbers)}", text))
    given = tuple(_type_of(number) for number, _ in literals)
    prepared = prepare(session, parsed, given)
    if not is_query(prepared) or len(prepared.parameters) != len(literals):
        return None
    read = zip(prepared.parameters, given, strict=True)
    return prepared if all(type == asked or type.name in _STRINGS for type, asked in read) else None


def _type_of(number: str) -> SqlType | None:
    """The type of a whole number; None for a string, which has none yet."""
    if not number:
        return None
    return _INT4 if int(number) <= _INT4_MAX else _INT8
