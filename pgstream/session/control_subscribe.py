"""FETCH from subscriptions: what has come, or what comes within a time."""

from typing import Any

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import FeatureNotSupported, InvalidParameterValue, ObjectNotInPrerequisiteState
from pgstream.session.prepared import Answer
from pgstream.session.session import Session
from pgstream.session.subscribing import fetched
from pgstream.sql.parse import enums
from pgstream.sql.streaming import Option
from pgstream.types.definition import SqlType
from pgstream.types.interval import unpacked

_DIRECTION = enums.FetchDirection
FETCH_ALL = 0x7FFF_FFFF_FFFF_FFFF


async def fetch_coming(session: Session, node: Any, answer: Answer, seconds: float | None) -> Answer:
    """FETCH and MOVE of a cursor whose rows are still coming: only forward."""
    direction, count = _DIRECTION(node.direction), node.howMany or 0
    relative = direction is _DIRECTION.FETCH_RELATIVE and count == 1
    if (direction is not _DIRECTION.FETCH_FORWARD and not relative) or count < 0:
        raise ObjectNotInPrerequisiteState("cursor can only scan forward", hint="Its rows are still coming.")
    if count == 0:
        raise FeatureNotSupported("a subscription keeps no row that was fetched")
    if seconds is None:
        seconds = answer.feed.patience_s
    if node.ismove and count == FETCH_ALL and seconds is None:
        seconds = 0.0
    pieces = await fetched(session, answer.feed, 0 if count == FETCH_ALL else count, seconds)
    total = sum(piece.count for piece in pieces)
    if node.ismove:
        return Answer(f"MOVE {total}")
    columns = answer.columns or ()
    rows = tuple(_joined([piece.rows[i] for piece in pieces], column.type.storage) for i, column in enumerate(columns))
    return Answer("FETCH", columns, rows, total, counted=True)


def _joined(parts: list[Column], storage: pa.DataType) -> Column:
    return pa.concat_arrays(parts) if parts else pa.array([], storage)


def timeout_seconds(option: Option) -> float:
    """`timeout = '1s'`: an interval, or a number of seconds. Raises InvalidParameterValue."""
    text = option.value
    interval = SqlType("interval")
    parse = interval.definition.parse
    span = unpacked(parse(pa.array([f"{text} seconds" if _is_number(text) else text]), -1)[0].as_py())
    if span.months:
        raise InvalidParameterValue("the timeout must not be in months or years", position=option.position)
    seconds = span.days * 86400 + span.us / 1_000_000
    if seconds < 0:
        raise InvalidParameterValue("the timeout must not be negative", position=option.position)
    return seconds


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()
