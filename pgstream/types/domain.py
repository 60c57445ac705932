"""Domains: a type whose values are those of another one that some constraints allow.

    ["domain", oid, schema, name, not null, checks, [["value", base type, modifier]]]
                                            checks: lists of name and SQL text over VALUE, in order of their names

Values are stored as those of the type below are; operators and functions see that. The layers above say what a text
over VALUE means, in `CHECKERS`.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import CheckViolation, NotNullViolation
from pgstream.types.composite import quoted
from pgstream.types.definition import MADE_OF, Settings, SqlType, TypeDefinition
from pgstream.types.described import described, listed, read_attributes
from pgstream.types.values import parse_text

CHECKERS: list[Callable[[SqlType, str, Column, Settings, int], Column]] = []
"""What computes the text of a constraint over values of a type that is no domain, in a session with these settings and
at this time: a boolean for each."""

Checks = Sequence[tuple[str, str]]
"""Name and SQL text of each."""

_NOT_NULL = ("", "")

_SETTINGS = {"timezone": "UTC", "datestyle": "ISO, MDY", "intervalstyle": "postgres", "bytea_output": "hex"}


def domain_type(oid: int, schema: str, name: str, under: SqlType, not_null: bool, checks: Checks) -> SqlType:
    """The domain that the catalog has under `oid`."""
    return described("domain", oid, schema, name, not_null, sorted(map(list, checks)), listed([("value", under)]))


def is_domain(name: str) -> bool:
    """Whether the type of this name is a domain."""
    return name.startswith('["domain"')


def below(type: SqlType) -> SqlType:
    """The type that a domain is over, in the end; any other type is itself."""
    while is_domain(type.name):
        under = type.definition.under
        assert under is not None
        type = under
    return type


def name_below(name: str) -> str:
    """`below` by names, without modifiers."""
    return below(SqlType(name)).name if is_domain(name) else name


def require_allowed(type: SqlType, column: Column, settings: Settings, now_us: int) -> Column:
    """`column`, values of what a domain is over. Raises NotNullViolation or CheckViolation where one is not allowed."""
    definition = type.definition
    for name, text in definition.asks:
        if not text and column.null_count:
            raise NotNullViolation(f"domain {definition.sql_name} does not allow null values", **_place(type))
        if text and not holds(type, text, column, settings, now_us):
            raise CheckViolation(
                f'value for domain {definition.sql_name} violates check constraint "{name}"',
                constraint=name,
                **_place(type),
            )
    return column


def holds(type: SqlType, text: str, column: Column, settings: Settings, now_us: int) -> bool:
    """Whether a constraint is false for none of these values."""
    if not len(column):
        return True
    found = CHECKERS[0](below(type), text, column, settings, now_us)
    return bool(pc.all(found, min_count=0).as_py())


def _place(type: SqlType) -> dict[str, Any]:
    _, _, schema, name, *_ = json.loads(type.name)
    return {"schema": schema, "datatype": name}


def _definition(
    name: str, oid: int, schema: str, own: str, not_null: bool, checks: list[list[str]], parts: list[Any]
) -> TypeDefinition:
    [(_, under)] = read_attributes(parts)
    last, made = below(under), SqlType(name)
    known = last.definition
    asks = _asked(under, not_null, checks)
    parse_at = _input(made, last)
    return TypeDefinition(
        name=name,
        sql_name=quoted(own) if schema == "public" else f"{quoted(schema)}.{quoted(own)}",
        oid=oid,
        array_oid=oid + 1,
        category=known.category,
        storage=known.storage,
        length=known.length,
        parse=lambda text, typmod: parse_at(text, typmod, _SETTINGS, 0),
        format=known.format,
        receive=lambda content, typmod: require_allowed(made, known.receive(content, last.typmod), _SETTINGS, 0),
        send=known.send,
        order_key=known.order_key,
        to_python=known.to_python,
        from_python=known.from_python,
        equality_key=known.equality_key,
        parse_at=parse_at,
        by_value=known.by_value,
        align=known.align,
        toast=known.toast,
        collation=known.collation,
        told_oid=known.told_oid or known.oid,
        under=under,
        asks=asks,
        identity=f"domain {oid} {under.definition.identity or under.name} {under.typmod} {asks}",
    )


def _input(made: SqlType, last: SqlType) -> Callable[[Column, int, Settings, int], Column]:
    """How the texts of a domain are read: as those of the type at its bottom, whose values are then looked at."""
    apply_typmod = last.definition.apply_typmod

    def parse_at(text: Column, typmod: int, settings: Settings, now_us: int) -> Column:
        column = parse_text(last, text, settings, now_us)
        if apply_typmod is not None and last.typmod >= 0:
            column = apply_typmod(column, last.typmod, False)
        return require_allowed(made, column, settings, now_us)

    return parse_at


def _asked(under: SqlType, not_null: bool, checks: list[list[str]]) -> tuple[tuple[str, str], ...]:
    """All that a domain asks: NOT NULL, then what the domains below it ask, then its own."""
    inherited = list(under.definition.asks)
    null = [_NOT_NULL] if not_null or _NOT_NULL in inherited else []
    return (*null, *(each for each in inherited if each != _NOT_NULL), *((name, text) for name, text in checks))


MADE_OF["domain"] = _definition
