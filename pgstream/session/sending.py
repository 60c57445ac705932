"""Rows on their way to the client: few at once, many no faster than it takes them."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from pgstream.session.encode import chunk_rows, rows_framed
from pgstream.session.prepared import Answer
from pgstream.session.session import Session

Step = Coroutine[Any, Any, None]
"""What is left to do once something that must be waited for is there."""


def send_rows(session: Session, answer: Answer, formats: tuple[int, ...], start: int, count: int) -> Step | None:
    """Sends rows `start` to `start + count`: at once where they are few, or as the client takes them."""
    columns = answer.columns or ()
    settings = session.output_settings(columns)
    if count <= chunk_rows(len(columns)):
        whole = start == 0 and count == answer.count
        rows = answer.rows if whole else [column.slice(start, count) for column in answer.rows]
        if count:
            session.write(rows_framed(columns, rows, count, formats, settings))
        return None
    return _stream_rows(session, answer, formats, start, count)


async def _stream_rows(session: Session, answer: Answer, formats: tuple[int, ...], start: int, count: int) -> None:
    columns = answer.columns or ()
    settings = session.output_settings(columns)
    step = chunk_rows(len(columns))
    loop = asyncio.get_running_loop()
    for at in range(start, start + count, step):
        session.check_interrupts()
        taken = min(step, start + count - at)
        rows = [column.slice(at, taken) for column in answer.rows]
        framed = await loop.run_in_executor(session.services.pool, rows_framed, columns, rows, taken, formats, settings)
        session.write(framed)
        if session.outlet.paused:
            await session.outlet.drain()
