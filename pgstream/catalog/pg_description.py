"""Comments, as pg_description and the functions that read it show them."""

from collections.abc import Iterator
from typing import cast

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Comment
from pgstream.catalog.system import Row, relations_by_name, rows_of
from pgstream.functions.registry import STABLE, BoundCall, EvalContext, function


@rows_of("pg_catalog", "pg_description")
def pg_description(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """What COMMENT ON has said."""
    for thing in catalog.in_order():
        if isinstance(thing, Comment):
            yield {
                "objoid": thing.object_oid,
                "classoid": thing.class_oid,
                "objsubid": column_number(catalog, thing),
                "description": thing.text,
            }


def column_number(catalog: Catalog, comment: Comment) -> int:
    """The number of the column that a comment is on; 0 for one on the whole object."""
    if not comment.column:
        return 0
    names = [column.name for column in getattr(catalog.objects[comment.whole_oid], "columns", ())]
    return 1 + names.index(comment.column)


def _said(call: BoundCall, oid: int, class_oid: int | None, column: int) -> str | None:
    catalog = cast(Catalog, call.context.catalog)
    for row in pg_description(catalog, call.context):
        if row["objoid"] == oid and row["objsubid"] == column and class_oid in (None, row["classoid"]):
            return str(row["description"])
    return None


@function("obj_description(oid) -> text", volatility=STABLE, rowwise=True, bound=True, oid=1348)
def obj_description(call: BoundCall, oid: int) -> str | None:
    """The comment on an object."""
    return _said(call, oid, None, 0)


@function("obj_description(oid, name) -> text", volatility=STABLE, rowwise=True, bound=True, oid=1215)
def obj_description_of(call: BoundCall, oid: int, catalog: str) -> str | None:
    """The comment on an object of a system catalog."""
    relation = relations_by_name().get(("pg_catalog", catalog))
    return None if relation is None else _said(call, oid, relation.oid, 0)


@function("col_description(oid, int4) -> text", volatility=STABLE, rowwise=True, bound=True, oid=1216)
def col_description(call: BoundCall, oid: int, column: int) -> str | None:
    """The comment on a column."""
    return _said(call, oid, 1259, column)
