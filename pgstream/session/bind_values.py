"""The parameters of a Bind message as columns of one row."""

from collections.abc import Callable

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import CharacterNotInRepertoire, InvalidParameterValue, ProtocolViolation, SqlError
from pgstream.functions.casts import NAMES_IN
from pgstream.functions.registry import EvalContext
from pgstream.session.prepared import Prepared
from pgstream.types.definition import SqlType
from pgstream.wire.messages import Bind

_WIDTHS = {"int2": 2, "int4": 4, "int8": 8}
_STRINGS = frozenset({"text", "varchar"})
_INT64_DIGITS = 18
_INTEGERS = {"int4": 9, "int8": _INT64_DIGITS}
"""Integer types, and how many digits surely fit: a shortcut past the column parser."""


def bound_values(message: Bind, prepared: Prepared, context: Callable[[], EvalContext]) -> tuple[Column, ...]:
    """The values of `message`, each as an array of one value of its parameter's type.

    `context` is asked for where a value names an object of the catalog.
    """
    types, values, codes = prepared.parameters, message.values, message.parameter_formats
    if len(codes) > 1 and len(codes) != len(values):
        raise ProtocolViolation(f"bind message has {len(codes)} parameter formats but {len(values)} parameters")
    if len(values) != len(types):
        raise ProtocolViolation(
            f"bind message supplies {len(values)} parameters, "
            f'but prepared statement "{message.statement}" requires {len(types)}'
        )
    if len(codes) == 1:
        codes = codes * len(values)
    columns = []
    for i, (value, type) in enumerate(zip(values, types, strict=True)):
        code = codes[i] if codes else 0
        if value is None:
            columns.append(pa.nulls(1, type.storage))
            continue
        try:
            columns.append(_text_value(value, type, context) if code == 0 else _binary_value(value, type, code))
        except SqlError as error:
            shown = f" = '{value.decode('utf-8', 'replace')}'" if code == 0 else ""
            portal = f'portal "{message.portal}"' if message.portal else "unnamed portal"
            error.context = error.context or f"{portal} parameter ${i + 1}{shown}"
            raise
    return tuple(columns)


def _text_value(value: bytes, type: SqlType, context: Callable[[], EvalContext]) -> Column:
    digits = _INTEGERS.get(type.name)
    if digits is not None and value.isdigit() and len(value) <= digits:
        return pa.array([int(value)], type.storage)
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        shown = " ".join(f"0x{byte:02x}" for byte in value[error.start : error.end])
        raise CharacterNotInRepertoire(f'invalid byte sequence for encoding "UTF8": {shown}') from None
    if "\0" in text:
        raise CharacterNotInRepertoire('invalid byte sequence for encoding "UTF8": 0x00')
    column = pa.array([text], pa.string())
    if type.name in NAMES_IN:
        return NAMES_IN[type.name](column, context())
    return column if type.name in _STRINGS else type.definition.parse(column, type.typmod)


def _binary_value(value: bytes, type: SqlType, code: int) -> Column:
    if code != 1:
        raise InvalidParameterValue(f"unsupported format code: {code}")
    if _WIDTHS.get(type.name) == len(value):
        return pa.array([int.from_bytes(value, "big", signed=True)], type.storage)
    if type.name in _STRINGS and type.typmod < 0 and value.isascii() and 0 not in value:
        return pa.array([value.decode()], pa.string())
    return type.definition.receive(pa.array([value], pa.binary()), type.typmod)
