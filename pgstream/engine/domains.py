"""What ALTER DOMAIN asks of values that are stored."""

from typing import Any

from pgstream.catalog.objects import Table
from pgstream.engine.head import Head
from pgstream.errors import CheckViolation, FeatureNotSupported, NotNullViolation
from pgstream.sql.bind.alter_types import AlterType
from pgstream.types.definition import SqlType
from pgstream.types.described import described_oids
from pgstream.types.domain import holds

SETTINGS = {"timezone": "UTC"}


def require_kept(head: Head, statement: AlterType) -> None:
    """Raises NotNullViolation or CheckViolation where a table has a value that a new constraint does not allow."""
    oid = statement.declared.oid + 1
    tables = [one for one in head.catalog.in_order() if isinstance(one, Table)] if statement.asked else []
    of_it = [
        (table, at) for table in tables for at, column in enumerate(table.columns) if oid in described_oids(column.type)
    ]
    for table, at in of_it:
        if not _is_over(table.columns[at].type, oid):
            used = f"{table.name}.{table.columns[at].name}"
            raise FeatureNotSupported(f'cannot alter type "{statement.declared.name}" because column "{used}" uses it')
    for table, at in of_it:
        _require(head, statement, table, at)


def _is_over(type: SqlType, oid: int) -> bool:
    """Whether a type is the one of that OID, or a domain over it."""
    under: SqlType | None = type
    while under is not None and under.oid != oid:
        under = under.definition.under
    return under is not None


def _require(head: Head, statement: AlterType, table: Table, at: int) -> None:
    spine = head.rows(table.oid)
    if spine is None:
        return
    values, declared = spine.contents().columns[at], table.columns[at]
    place: dict[str, Any] = {
        "schema": head.catalog.schema_name(table.schema_oid),
        "table": table.name,
        "column": declared.name,
    }
    for text in statement.asked:
        if not text and values.null_count:
            raise NotNullViolation(f'column "{declared.name}" of table "{table.name}" contains null values', **place)
        if text and not holds(declared.type, text, values, SETTINGS, 0):
            raise CheckViolation(
                f'column "{declared.name}" of table "{table.name}" contains values that violate the new constraint',
                **place,
            )
