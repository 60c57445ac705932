"""What a column may show of a Kafka message beside its value: key, partition, offset, timestamp, topic and headers."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidTableDefinition
from pgstream.formats.format import Field
from pgstream.formats.texts import is_text_itself, read_texts
from pgstream.types.definition import SqlType

Message = Any

PARTS = ("key", "partition", "offset", "timestamp", "topic", "headers")
SPELLED = {"offset_id": "offset", "header": "headers"}


class Shown(NamedTuple):
    """A column, and the part of a message that it shows; `header` names the one header that it shows."""

    position: int
    field: Field
    part: str
    header: str | None


def shown_columns(fields: Sequence[Field], columns: Mapping[str, str]) -> tuple[Shown, ...]:
    """The columns that `columns` maps to parts of a message. Raises InvalidTableDefinition for an unknown part."""
    found = []
    for position, field in enumerate(fields):
        named = columns.get(field.name)
        if named is None:
            continue
        part, _, header = named.partition(":")
        part = SPELLED.get(part, part)
        if part not in PARTS:
            raise InvalidTableDefinition(
                f'a Kafka message has no "{part}"', hint=f"Columns may show: {', '.join(PARTS)}."
            )
        found.append(Shown(position, field, part, header or None))
    return tuple(found)


def read_shown(shown: Shown, messages: Sequence[Message]) -> tuple[Column, dict[int, str]]:
    """What a column shows of each message, and what is wrong with those that have no such value (NULL there)."""
    type = shown.field.type
    match shown.part:
        case "key":
            return read_bytes([message.key() for message in messages], type)
        case "headers" if shown.header is not None:
            return read_bytes([_header(message, shown.header) for message in messages], type)
        case "headers":
            return read_texts(pa.array([_headers(message) for message in messages], pa.string()), type)
        case "timestamp":
            return _moments([message.timestamp()[1] for message in messages], type)
        case "topic":
            return read_texts(pa.array([message.topic() for message in messages], pa.string()), type)
    number: Callable[[Message], int] = partition_of if shown.part == "partition" else offset_of
    numbers = pa.array([number(message) for message in messages], pa.int64())
    if type.storage == pa.int64() and type.name == "int8":
        return numbers, {}
    return read_texts(numbers.cast(pa.string()), type)


def partition_of(message: Message) -> int:
    return int(message.partition())


def offset_of(message: Message) -> int:
    return int(message.offset())


def read_bytes(values: Sequence[bytes | str | None], type: SqlType) -> tuple[Column, dict[int, str]]:
    """Bytes as values of `type`: themselves, or the text that they are in UTF-8."""
    plain = [value.encode() if isinstance(value, str) else value for value in values]
    if type.name == "bytea":
        return pa.array(plain, pa.binary()), {}
    texts: list[str | None] = []
    bad: dict[int, str] = {}
    for row, value in enumerate(plain):
        try:
            if value is not None and b"\0" in value:
                raise ValueError
            texts.append(None if value is None else value.decode())
        except ValueError:
            texts.append(None)
            bad[row] = 'invalid byte sequence for encoding "UTF8"'
    column, wrong = read_texts(pa.array(texts, pa.string()), type)
    return column, wrong | bad


def _header(message: Message, name: str) -> bytes | str | None:
    """The last header of that name."""
    found = [value for key, value in message.headers() or () if key == name]
    return found[-1] if found else None


def _headers(message: Message) -> str | None:
    """All headers as a JSON array of objects; a value that is no text in its hexadecimal form."""
    headers = message.headers()
    if headers is None:
        return None
    return json.dumps([{"key": key, "value": _readable(value)} for key, value in headers], ensure_ascii=False)


def _readable(value: bytes | str | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return "\\x" + value.hex()


def _moments(milliseconds: Sequence[int], type: SqlType) -> tuple[Column, dict[int, str]]:
    """Timestamps as values of `type`: a timestamp, milliseconds since 1970 as a number, or a text. NULL where a
    message has none."""
    known = [None if ms < 0 else ms for ms in milliseconds]
    if type.name == "int8":
        return pa.array(known, pa.int64()), {}
    moments = pa.array([None if ms is None else ms * 1000 for ms in known], pa.timestamp("us", "UTC"))
    if type.name == "timestamptz":
        return moments, {}
    if type.name == "timestamp" and type.typmod == -1:
        return moments.cast(pa.timestamp("us")), {}
    texts = pa.array([None if m is None else m.isoformat() for m in moments.to_pylist()], pa.string())
    return (texts, {}) if is_text_itself(type) else read_texts(texts, type)
