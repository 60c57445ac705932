"""What a table makes of each row that is to be stored: generated columns, NOT NULL and CHECK constraints."""

from collections.abc import Sequence

import numpy as np

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Check, Table
from pgstream.delta import Column
from pgstream.engine.constraints import check_not_null, row_text
from pgstream.errors import CheckViolation
from pgstream.functions.registry import EvalContext
from pgstream.plan.evaluate import evaluate
from pgstream.sql.bind.row_expressions import row_expression, tells_arrival


def stored_rows(catalog: Catalog, table: Table, columns: Sequence[Column], context: EvalContext) -> list[Column]:
    """The rows as they are stored. Raises NotNullViolation or CheckViolation where one must not be."""
    made = with_generated(catalog, table, columns, context)
    check_not_null(catalog, table, made, context.settings)
    for check in sorted(table.checks, key=lambda check: check.name):
        row = failing(catalog, table, check, made, context)
        if row is not None:
            raise CheckViolation(
                f'new row for relation "{table.name}" violates check constraint "{check.name}"',
                detail=f"Failing row contains ({row_text(table, made, row, context.settings)}).",
                schema=catalog.schema_name(table.schema_oid),
                table=table.name,
                constraint=check.name,
            )
    return made


def with_generated(catalog: Catalog, table: Table, columns: Sequence[Column], context: EvalContext) -> list[Column]:
    """`columns`, one for each of the table's, where those that are generated are computed; when a row came, once."""
    made = list(columns)
    for place, column in enumerate(table.columns):
        if column.generated is not None:
            expr = row_expression(catalog, table.columns, column.generated, column.type)
            found = evaluate(expr, dict(enumerate(columns)), len(columns[0]), context)
            made[place] = columns[place].fill_null(found) if tells_arrival(expr) else found
    return made


def failing(
    catalog: Catalog, table: Table, check: Check, columns: Sequence[Column], context: EvalContext
) -> int | None:
    """The number of the first row that violates a CHECK constraint: one for which it is false, not NULL."""
    expr = row_expression(catalog, table.columns, check.expression)
    count = len(columns[0]) if columns else 0
    holds = evaluate(expr, dict(enumerate(columns)), count, context).fill_null(True)
    if holds.true_count == count:
        return None
    return int(np.flatnonzero(~np.asarray(holds.to_numpy(zero_copy_only=False), np.bool_))[0])


def check_there(catalog: Catalog, table: Table, check: Check, columns: Sequence[Column], context: EvalContext) -> None:
    """Raises CheckViolation where rows that are there already violate a constraint that is to be."""
    if len(columns) and len(columns[0]) and failing(catalog, table, check, columns, context) is not None:
        raise CheckViolation(
            f'check constraint "{check.name}" of relation "{table.name}" is violated by some row',
            schema=catalog.schema_name(table.schema_oid),
            table=table.name,
            constraint=check.name,
        )
