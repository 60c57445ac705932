"""pg_tables, pg_views, pg_matviews and pg_indexes: pg_class told in names."""

from collections.abc import Iterator

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.definitions import index_definition, view_definition
from pgstream.catalog.objects import Index, MaterializedView, View
from pgstream.catalog.pg_relations import all_relations, relkind
from pgstream.catalog.system import Row, rows_of
from pgstream.functions.registry import EvalContext

OWNER = "postgres"


@rows_of("pg_catalog", "pg_tables")
def pg_tables(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for thing in all_relations(catalog):
        if relkind(thing) == "r":
            yield {
                "schemaname": catalog.schema_name(thing.schema_oid),
                "tablename": thing.name,
                "tableowner": OWNER,
                "hasindexes": bool(catalog.indexes(thing.oid)),
                "hasrules": False,
                "hastriggers": False,
                "rowsecurity": False,
            }


@rows_of("pg_catalog", "pg_views")
def pg_views(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for thing in catalog.relations():
        if isinstance(thing, View):
            yield {
                "schemaname": catalog.schema_name(thing.schema_oid),
                "viewname": thing.name,
                "viewowner": OWNER,
                "definition": view_definition(thing),
            }


@rows_of("pg_catalog", "pg_matviews")
def pg_matviews(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for thing in catalog.relations():
        if isinstance(thing, MaterializedView):
            yield {
                "schemaname": catalog.schema_name(thing.schema_oid),
                "matviewname": thing.name,
                "matviewowner": OWNER,
                "hasindexes": bool(catalog.indexes(thing.oid)),
                "ispopulated": True,
                "definition": view_definition(thing),
            }


@rows_of("pg_catalog", "pg_indexes")
def pg_indexes(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for thing in catalog.in_order():
        if isinstance(thing, Index):
            yield {
                "schemaname": catalog.schema_name(thing.schema_oid),
                "tablename": catalog.indexed(thing).name,
                "indexname": thing.name,
                "indexdef": index_definition(catalog, thing),
            }
