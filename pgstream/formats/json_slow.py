"""JSON records one by one: every form that JSON allows, at Python's speed.

Each value becomes the text that PostgreSQL's input function is to read: a scalar the text it is written in, an
object or array its JSON text, and an array for an array column PostgreSQL's array literal.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from pgstream.delta import Column
from pgstream.formats.nested import is_nested
from pgstream.formats.texts import first_errors, read_texts
from pgstream.types.definition import SqlType

JSON_TYPES = frozenset(("json", "jsonb"))


class NumberText(str):
    """A JSON number, in the text it was written in."""

    __slots__ = ()


class BadRecord(Exception):
    """Why the bytes of a record are not a JSON object."""


def refuse_constant(word: str) -> Any:
    """NaN and Infinity are no JSON, whatever Python's reader thinks."""
    raise BadRecord(f'invalid input syntax for type json: Token "{word}" is invalid.')


READER = json.JSONDecoder(parse_float=NumberText, parse_int=NumberText, parse_constant=refuse_constant)


def read_record(raw: bytes) -> Mapping[str, Any]:
    """The object that `raw` writes; numbers are NumberText. Raises BadRecord."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        wrong = " ".join(f"0x{byte:02x}" for byte in raw[error.start : error.end])
        raise BadRecord(f'invalid byte sequence for encoding "UTF8": {wrong}') from None
    try:
        record = READER.decode(text)
    except json.JSONDecodeError as error:
        raise BadRecord(f"invalid input syntax for type json: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise BadRecord("stack depth limit exceeded") from None
    if not isinstance(record, dict):
        raise BadRecord("a JSON object is expected")
    return record


def json_text(value: Any) -> str:
    """`value` as JSON, numbers as they were written."""
    if isinstance(value, NumberText):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {json_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(json_text(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def array_text(items: list[Any]) -> str:
    """PostgreSQL's literal for the array of `items`, every element quoted but NULLs and nested arrays."""
    parts = []
    for item in items:
        if item is None:
            parts.append("NULL")
        elif isinstance(item, list):
            parts.append(array_text(item))
        else:
            text = scalar_text(item)
            parts.append('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')
    return "{" + ",".join(parts) + "}"


def scalar_text(value: Any) -> str:
    """The text of a value for a column that is neither an array nor JSON."""
    return str(value) if isinstance(value, str) else json_text(value)


def value_text(value: Any, type: SqlType, milliseconds: bool) -> str | None:
    """What the input function of `type` is to read for `value`. Raises BadRecord."""
    if value is None:
        return None
    if type.name in JSON_TYPES or is_nested(type):
        text = json_text(value)
    elif isinstance(value, list) and type.element is not None:
        text = array_text(value)
    elif milliseconds and isinstance(value, NumberText) and type.name in ("timestamp", "timestamptz"):
        return moment_text(value)
    else:
        text = scalar_text(value)
    if "\0" in text:
        raise BadRecord("unsupported Unicode escape sequence: \\u0000 cannot be converted to text.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise BadRecord("invalid input syntax for type json: a Unicode surrogate stands alone.") from None
    return text


def moment_text(milliseconds: str) -> str:
    """The timestamp that a number of milliseconds since 1970 is, in UTC."""
    try:
        micros = int(milliseconds) * 1000
    except ValueError:
        raise BadRecord(f'invalid input syntax for type timestamp: "{milliseconds}"') from None
    if abs(micros) >= 1 << 62:
        raise BadRecord(f'timestamp out of range: "{milliseconds}"')
    return str(pa.scalar(micros, pa.timestamp("us")).cast(pa.string()).as_py()) + "Z"


def read_slowly(
    raws: Sequence[bytes],
    names: Sequence[str],
    types: Sequence[SqlType],
    milliseconds: bool,
    read_column: Callable[[Column, SqlType], tuple[Column, dict[int, str]]] = read_texts,
) -> tuple[list[Column], dict[int, str]]:
    """A column for each name with a row for each record, and what is wrong with each bad record (NULLs there).
    `read_column` makes values of a column's texts."""
    texts: list[list[str | None]] = [[None] * len(raws) for _ in names]
    bad: dict[int, str] = {}
    for row, raw in enumerate(raws):
        try:
            record = read_record(raw)
            read = [value_text(record.get(name), type, milliseconds) for name, type in zip(names, types, strict=True)]
        except BadRecord as error:
            bad[row] = str(error)
            continue
        for c, text in enumerate(read):
            texts[c][row] = text
    columns: list[Column] = []
    errors: list[dict[int, str]] = []
    for c, type in enumerate(types):
        column, wrong = read_column(pa.array(texts[c], pa.string()), type)
        columns.append(column)
        errors.append(wrong)
    return columns, bad | first_errors(names, errors)
