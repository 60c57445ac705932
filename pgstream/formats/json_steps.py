"""What a JSON decoder learns from one line: the bytes between values, which later lines are expected to share."""

import json
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

READER = json.JSONDecoder()
SPACE = " \t\r"


class Steps(NamedTuple):
    """`table` and `words` as `kernels.json_lines.read_learned` takes them; no rows where nothing was learned."""

    table: NDArray[np.int64]
    words: NDArray[np.uint64]


NOTHING_LEARNED = Steps(np.empty((0, 4), np.int64), np.empty((0, 2), np.uint64))


def spans(line: str) -> tuple[list[tuple[str, int, int]], int]:
    """(key, start, end) of each value of the object in `line`, and where its closing brace is. Raises ValueError."""
    found = []
    at = past_space(line, 0)
    if line[at : at + 1] != "{":
        raise ValueError("no object")
    at = past_space(line, at + 1)
    while line[at : at + 1] == '"':
        key, at = json.decoder.scanstring(line, at + 1, True)  # type: ignore[attr-defined]
        at = past_space(line, at)
        if line[at : at + 1] != ":":
            raise ValueError("no colon")
        start = past_space(line, at + 1)
        _, end = READER.raw_decode(line, start)
        found.append((key, start, end))
        at = past_space(line, end)
        if line[at : at + 1] != ",":
            break
        at = past_space(line, at + 1)
    if line[at : at + 1] != "}":
        raise ValueError("no end")
    return found, at


def past_space(line: str, at: int) -> int:
    """The first index from `at` on that is no white space."""
    while at < len(line) and line[at] in SPACE:
        at += 1
    return at


def learn(line: bytes, columns: Mapping[str, int]) -> Steps:
    """The steps of lines like `line`; `columns` maps the wanted keys to positions. Learns nothing from a line that
    is no object, lacks a wanted key or repeats one."""
    try:
        text = line.decode("ascii").rstrip(SPACE)
        found, _brace = spans(text)
    except (ValueError, RecursionError):
        return NOTHING_LEARNED
    keys = [key for key, _, _ in found]
    if len(set(keys)) < len(keys) or not columns.keys() <= set(keys) or not found:
        return NOTHING_LEARNED
    wanted = max((i for i, key in enumerate(keys) if key in columns), default=-1)
    expected, positions, at = [], [], 0
    for key, start, end in found[: wanted + 1]:
        expected.append(text[at:start])
        positions.append(columns.get(key, -1))
        at = end
    expected.append(text[at:] if wanted + 1 == len(found) else "")
    return pack(expected, [*positions, -1])


def pack(expected: list[str], positions: list[int]) -> Steps:
    """The texts as words of eight bytes, each with the mask of those of its bytes that count."""
    table: list[tuple[int, int, int, int]] = []
    words: list[tuple[int, int]] = []
    for text, position in zip(expected, positions, strict=True):
        raw = text.encode()
        table.append((position, len(words), -(-len(raw) // 8), len(raw)))
        for i in range(0, len(raw), 8):
            piece = raw[i : i + 8]
            words.append((int.from_bytes(piece, "little"), (1 << 8 * len(piece)) - 1))
    return Steps(np.array(table, np.int64), np.array(words, np.uint64).reshape(-1, 2))
