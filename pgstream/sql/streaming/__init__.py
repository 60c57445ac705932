"""The streaming statements and clauses that Postgres' grammar rejects, one file for each.

Column definitions, expressions and queries go to Postgres' grammar inside a text of the same length in which
everything else is blank, so every position still points into the user's text.
"""

from collections.abc import Sequence

from pgstream.sql.streaming.alters import parse_alter
from pgstream.sql.streaming.clauses import without_clauses
from pgstream.sql.streaming.columns import Watermark
from pgstream.sql.streaming.connections import (
    CreateConnectionStmt,
    SecretStmt,
    ValidateConnectionStmt,
    parse_create_connection,
    parse_secret,
    parse_validate,
)
from pgstream.sql.streaming.drops import DROPPED, DropStreamStmt, parse_drop
from pgstream.sql.streaming.lateness import parse_lateness
from pgstream.sql.streaming.options import Format, Option
from pgstream.sql.streaming.outside import OutsideStmt, outside
from pgstream.sql.streaming.reader import Grammar, Node, Reader, Token
from pgstream.sql.streaming.replays import parse_replay
from pgstream.sql.streaming.shows import (
    DescribeStmt,
    ShowCreateStmt,
    ShowCurrentStmt,
    ShowObjectsStmt,
    is_show,
    parse_show,
)
from pgstream.sql.streaming.sinks import CreateSinkStmt, parse_create_sink
from pgstream.sql.streaming.sources import CreateSourceStmt, has_connector, parse_create_source
from pgstream.sql.streaming.subscribe import FetchWithinStmt, SubscribeStmt, is_subscribing, parse_subscribing
from pgstream.sql.streaming.subscribe_calls import with_subscriptions
from pgstream.sql.streaming.subscriptions import (
    CreateSubscriptionStmt,
    DeclareSubscriptionCursorStmt,
    is_subscription,
    parse_subscription,
)
from pgstream.sql.streaming.tables import CreateTableStmt, is_marked, parse_create_table

__all__ = [
    "CreateConnectionStmt",
    "CreateSinkStmt",
    "CreateSourceStmt",
    "CreateSubscriptionStmt",
    "CreateTableStmt",
    "DeclareSubscriptionCursorStmt",
    "DescribeStmt",
    "DropStreamStmt",
    "FetchWithinStmt",
    "Format",
    "Grammar",
    "Option",
    "OutsideStmt",
    "SecretStmt",
    "ShowCreateStmt",
    "ShowCurrentStmt",
    "ShowObjectsStmt",
    "SubscribeStmt",
    "Token",
    "ValidateConnectionStmt",
    "Watermark",
    "parse_streaming",
    "starts_streaming",
    "with_subscriptions",
]


def starts_streaming(text: str, tokens: Sequence[Token]) -> bool:
    """Whether these tokens of one statement are for this package rather than for Postgres' grammar."""
    words = [text[token.start : token.end].upper() for token in tokens[:6]]
    if is_show(words) or outside(text, tokens) is not None:
        return True
    match words:
        case ["CREATE" | "DROP" | "ALTER", kind, *_] if kind in DROPPED:
            return True
        case ["CALL", "PGSTREAM", ".", *_] | ["VALIDATE", "CONNECTION", *_] | ["LATENESS", *_]:
            return True
        case ["CREATE", "TABLE", *_]:
            return has_connector(text, tokens) or is_marked(text, tokens)
    return is_subscribing(text, tokens) or is_subscription(text, tokens)


def parse_streaming(text: str, tokens: Sequence[Token], grammar: Grammar) -> Node:
    """The statement that `tokens` spell. Raises SyntaxError42601."""
    text, tokens = without_clauses(text, tokens)
    if is_subscribing(text, tokens):
        return parse_subscribing(text, tokens, grammar)
    reader = Reader(text, tokens, grammar)
    if reader.word() in ("SHOW", "DESCRIBE", "DESC"):
        return parse_show(reader)
    nothing = outside(text, tokens)
    if nothing is not None:
        return nothing
    if is_subscription(text, tokens):
        return parse_subscription(reader)
    if reader.accept("ALTER"):
        return _alter(reader)
    if reader.word() == "LATENESS":
        return parse_lateness(reader)
    if reader.accept("VALIDATE", "CONNECTION"):
        return parse_validate(reader)
    if reader.accept("CALL"):
        return parse_replay(reader)
    if reader.accept("DROP"):
        return parse_drop(reader)
    reader.expect("CREATE")
    if reader.accept("SECRET"):
        return parse_secret(reader, alters=False)
    if reader.accept("CONNECTION"):
        return parse_create_connection(reader)
    if reader.accept("SINK"):
        return parse_create_sink(reader)
    is_table = reader.accept("TABLE")
    if is_table and not has_connector(text, tokens):
        return parse_create_table(reader)
    if not is_table:
        reader.expect("SOURCE")
    return parse_create_source(reader, is_table=is_table)


def _alter(reader: Reader) -> Node:
    """What follows ALTER."""
    kind = next(word for word in DROPPED if reader.accept(word))
    if kind == "SECRET" and "RENAME" not in (reader.word(1), reader.word(3)):
        return parse_secret(reader, alters=True)
    return parse_alter(reader, kind.lower())
