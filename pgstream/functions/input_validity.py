"""Whether a text is one of a type's: pg_input_is_valid, PostgreSQL 16's."""

import re
from functools import cache

import pyarrow as pa

from pgstream.errors import SqlError, UndefinedObject
from pgstream.functions.registry import STABLE, BoundCall, function
from pgstream.types.definition import BY_NAME, SqlType
from pgstream.types.values import parse_text

_ALIASES = {"int": "int4", "decimal": "numeric", "float": "float8"}
_MODIFIED = re.compile(r"([^()]*?)\s*\(\s*(\d+(?:\s*,\s*\d+)*)\s*\)(.*)")


@cache
def _types() -> dict[str, str]:
    """Types' internal names by the names that SQL gives them."""
    return {**{str(SqlType(name)): name for name in BY_NAME}, **{name: name for name in BY_NAME}, **_ALIASES}


@cache
def _named(text: str) -> SqlType:
    """`numeric(10,2)` and its like. Raises UndefinedObject."""
    plain, modifiers = " ".join(text.lower().split()), ""
    found = _MODIFIED.fullmatch(plain)
    if found is not None:
        plain, modifiers = found[1] + found[3], found[2]
    name = _types().get(plain)
    if name is None:
        raise UndefinedObject(f'type "{text}" does not exist')
    typmod_in = BY_NAME[name].typmod_in
    if not modifiers or typmod_in is None:
        return SqlType(name)
    return SqlType(name, typmod_in(tuple(int(part) for part in modifiers.split(","))))


@function(
    "pg_input_is_valid(text, text) -> bool",
    volatility=STABLE,
    rowwise=True,
    bound=True,
    examples={
        "pg_input_is_valid('42', 'integer')": "t",
        "pg_input_is_valid('42000000000', 'integer')": "f",
        "pg_input_is_valid('1234.567', 'numeric(7,4)')": "f",
        "pg_input_is_valid('x', 'no type')": 'ERROR: 42704 type "no type" does not exist',
    },
)
def pg_input_is_valid(call: BoundCall, text: str, type: str) -> bool:
    """Whether `text` can be read as the type of that name."""
    wanted = _named(type)
    context = call.context
    try:
        parse_text(wanted, pa.array([text], pa.string()), context.settings, context.now_us)
    except SqlError:
        return False
    return True
