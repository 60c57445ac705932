"""Binding: from the AST of a statement to a plan in which every name is an id and every type is known.

    bind(parsed, catalog, scope, parameter_types) -> Bound

PostgreSQL's parse analysis is the model, file by file: names (parse_relation.c), expressions (parse_expr.c), overloads
(parse_func.c, parse_oper.c), coercion (parse_coerce.c), clauses (parse_clause.c) and targets (parse_target.c).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pgstream.functions.casts
import pgstream.functions.windowing
import pgstream.types  # noqa: F401
from pgstream.catalog.catalog import Catalog
from pgstream.plan.expressions import Col
from pgstream.sql.bind import (  # noqa: F401  these register what they bind
    alter_domains,
    alter_watermark,
    alters,
    calls,
    casts,
    comments,
    connections,
    ddl,
    dml,
    expressions,
    from_clause,
    joins,
    merging,
    operators,
    replays,
    select,
    shows,
    sql_json,
    sublinks,
    subscribe,
    subscriptions,
    table_functions,
    user_types,
    utility,
)
from pgstream.sql.bind.along import with_along
from pgstream.sql.bind.binding import Binding, BindScope
from pgstream.sql.bind.commands import bind_statement
from pgstream.sql.bind.emission import emitting
from pgstream.sql.parse import Parsed
from pgstream.types.definition import SqlType

__all__ = ["BindScope", "Bound", "bind"]


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound statement, the types of its parameters, and its result columns (None: it returns no rows).

    `tag` is the command tag without a row count. `depends` holds the OIDs of the user relations it reads or writes,
    `volatile` the names of the volatile functions it calls.
    """

    statement: Any
    parameters: tuple[SqlType, ...]
    columns: tuple[Col, ...] | None
    catalog_version: int
    tag: str
    depends: frozenset[int] = frozenset()
    volatile: tuple[str, ...] = ()


def bind(parsed: Parsed, catalog: Catalog, scope: BindScope, parameter_types: Sequence[SqlType | None] = ()) -> Bound:
    """What `parsed` means under `catalog`. Raises SqlError with PostgreSQL's SQLSTATE, message and position."""
    binding = Binding(catalog, scope, parameter_types, parsed)
    command = bind_statement(binding, parsed)
    statement = with_along(binding, command)
    return Bound(
        emitting(statement, parsed.terms) if parsed.terms.closes else statement,
        binding.parameter_types(),
        command.columns,
        catalog.version,
        command.tag,
        frozenset(binding.depends),
        tuple(name for name, _ in binding.volatile),
    )
