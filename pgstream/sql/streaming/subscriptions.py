"""RisingWave's subscriptions, which remember how a relation changed, and the cursors that read them.

CREATE SUBSCRIPTION [IF NOT EXISTS] name FROM relation WITH (retention = '1 day')
DECLARE name SUBSCRIPTION CURSOR FOR subscription [SINCE now() | proctime() | begin() | <unix ms> | FULL]
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pgstream.sql.streaming.options import Option, parse_options
from pgstream.sql.streaming.reader import Node, Reader, Token

NOW, BEGIN, FULL = "now", "begin", "full"


@dataclass(frozen=True, slots=True, eq=False)
class CreateSubscriptionStmt:
    """CREATE SUBSCRIPTION: `subscription` and `relation` are RangeVars."""

    subscription: Node
    relation: Node
    options: tuple[Option, ...]
    if_not_exists: bool
    position: int


@dataclass(frozen=True, slots=True, eq=False)
class DeclareSubscriptionCursorStmt:
    """DECLARE SUBSCRIPTION CURSOR. `since` is NOW, BEGIN or FULL, or a time in ms."""

    name: str
    subscription: Node
    since: str | int
    position: int


def is_subscription(text: str, tokens: Sequence[Token]) -> bool:
    """Whether one statement's tokens are one of these. Postgres has a CREATE SUBSCRIPTION of its own."""
    words = [text[token.start : token.end].upper() for token in tokens]
    match words:
        case ["CREATE", "SUBSCRIPTION", *rest]:
            return "FROM" in rest and "CONNECTION" not in rest
        case ["DECLARE", _, "SUBSCRIPTION", "CURSOR", *_]:
            return True
    return False


def parse_subscription(reader: Reader) -> CreateSubscriptionStmt | DeclareSubscriptionCursorStmt:
    """The statement of tokens that are `is_subscription`."""
    if reader.accept("DECLARE"):
        return _declare(reader)
    position = reader.position()
    reader.expect("CREATE", "SUBSCRIPTION")
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    subscription = reader.relation()
    reader.expect("FROM")
    relation = reader.relation()
    reader.expect("WITH")
    options = parse_options(reader)
    reader.end()
    return CreateSubscriptionStmt(subscription, relation, options, if_not_exists, position)


def _declare(reader: Reader) -> DeclareSubscriptionCursorStmt:
    name = reader.identifier()
    reader.expect("SUBSCRIPTION", "CURSOR", "FOR")
    subscription = reader.relation()
    place = reader.position()
    since: str | int = NOW
    if reader.accept("FULL"):
        since = FULL
    elif reader.accept("SINCE"):
        place = reader.position()
        since = _since(reader)
    reader.end()
    return DeclareSubscriptionCursorStmt(name, subscription, since, place)


def _since(reader: Reader) -> str | int:
    for word, meaning in (("NOW", NOW), ("PROCTIME", NOW), ("BEGIN", BEGIN)):
        if reader.accept(word):
            reader.expect("(", ")")
            return meaning
    if not reader.word().isdecimal():
        reader.fail()
    since = int(reader.word())
    reader.at += 1
    return since
