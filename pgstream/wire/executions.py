"""Pipelines of one statement, as executemany sends them, decoded as one message: `Executions`.

Only what follows the first Bind to the letter belongs to it, so that no violation is overlooked: whatever is different
is decoded by itself.
"""

import struct

import numpy as np

from pgstream.kernels.binds import HEAD, cut_binds
from pgstream.kernels.bytes import PADDING
from pgstream.wire.messages import Executions

ROWS_MIN = 3
"""Fewer Binds come as themselves."""

_EXECUTE = b"E\0\0\0\x09\0\0\0\0\0"
_DESCRIBE = b"D\0\0\0\x06P\0"
_PADDING = bytes(PADDING)


def executions_at(buffer: bytes, position: int, end: int) -> tuple[Executions, int] | None:
    """The run that starts with the Bind of the unnamed portal in buffer[position:end], and where it ends; None where
    there is none."""
    described = buffer.startswith(_DESCRIBE, end)
    following = _DESCRIBE + _EXECUTE if described else _EXECUTE
    if not buffer.startswith(following, end):
        return None
    head = _head(buffer, position + HEAD, end)
    again = end + len(following)
    if head is None or not buffer.startswith(b"B", again) or not buffer.startswith(head, again + HEAD):
        return None
    width = int.from_bytes(head[-2:], "big")
    room = (len(buffer) - position) // (HEAD + len(head) + 4 * width + 2 + len(following)) * width
    starts, stops, marks = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.uint8)
    rows, behind, ending = cut_binds(
        np.frombuffer(buffer, np.uint8), position, np.frombuffer(head, np.uint8), np.frombuffer(following, np.uint8),
        width, starts, stops, marks,
    )  # fmt: skip
    results = _codes(buffer[ending:end])
    if rows < ROWS_MIN or results is None:
        return None
    statement, formats = head[1:].split(b"\0", 1)
    content = np.frombuffer(buffer[position:behind] + _PADDING, np.uint8)
    cells = rows * width
    run = Executions(
        statement.decode("utf-8", "replace"), _codes(formats[:-2]) or (), results, described, width, content,
        starts[:cells], stops[:cells], marks[:cells],
    )  # fmt: skip
    return run, behind


def _head(buffer: bytes, position: int, end: int) -> bytes | None:
    """What a Bind of the unnamed portal has before its values: names, formats, and the number of values."""
    named = buffer.find(b"\0", position + 1, end) + 1
    if buffer[position] or not named or named + 2 > end:
        return None
    values = named + 4 + 2 * int.from_bytes(buffer[named : named + 2], "big")
    head = buffer[position:values]
    return head if values <= end and head[-2:] != b"\0\0" else None


def _codes(counted: bytes) -> tuple[int, ...] | None:
    """Format codes behind their number; None where there are more or fewer."""
    count, odd = divmod(len(counted) - 2, 2)
    if odd or count < 0 or int.from_bytes(counted[:2], "big") != count:
        return None
    return struct.unpack_from(f"!{count}h", counted, 2)
