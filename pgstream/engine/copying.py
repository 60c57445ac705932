"""COPY FROM: rows that name some of a table's columns, made whole with the defaults of the others."""

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from pgstream.catalog.definitions import quoted
from pgstream.catalog.objects import Table
from pgstream.delta import Column
from pgstream.engine.reading import Snapshot
from pgstream.functions.registry import EvalContext
from pgstream.sql.bind import BindScope, bind
from pgstream.sql.bind.stored import default_of_domain
from pgstream.sql.parse import parse
from pgstream.types.domain import is_domain


def full_rows(
    snapshot: Snapshot, table: Table, positions: Sequence[int], columns: Sequence[Column], context: EvalContext
) -> tuple[Column, ...]:
    """One column for each of the table's, those at `positions` as given."""
    given = dict(zip(positions, columns, strict=True))
    count = len(columns[0]) if columns else 0
    rows = []
    for position, column in enumerate(table.columns):
        if position in given:
            rows.append(given[position])
            continue
        default = column.default
        if default is None and is_domain(column.type.name):
            default = default_of_domain(snapshot.catalog, column.type) or "NULL"
        if default is None:
            rows.append(pa.nulls(count, column.type.storage))
        else:
            rows.append(_defaults(snapshot, default, str(column.type), count, context))
    return tuple(rows)


def _defaults(snapshot: Snapshot, default: str, type: str, count: int, context: EvalContext) -> Column:
    """`count` values of a default expression, each computed for itself if it is volatile."""
    name = quoted("n")
    (parsed,) = parse(f"SELECT CAST(({default}) AS {type}) FROM generate_series(1, {count}) AS g({name})")
    bound = bind(parsed, snapshot.catalog, BindScope(settings=context.settings, now_us=context.now_us))
    result = snapshot.select(bound, (), replace(context, catalog=snapshot.catalog))
    return result.rows[0]
