"""information_schema (SQL:2016 part 11), as PostgreSQL fills it: materialized views are not in it."""

from collections.abc import Iterator

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.definitions import view_definition
from pgstream.catalog.names import Names
from pgstream.catalog.objects import DomainType, MaterializedView, Relation, Sequence, Table, TableColumn, View
from pgstream.catalog.pg_relations import all_relations
from pgstream.catalog.pg_server import session_of
from pgstream.catalog.system import Row, SystemRelation, rows_of
from pgstream.catalog.user_types import type_of
from pgstream.functions.registry import EvalContext
from pgstream.types.definition import SqlType, is_description
from pgstream.types.described import declared_name
from pgstream.types.domain import below, is_domain

OWNER = "postgres"


def _listed(catalog: Catalog) -> Iterator[Relation | SystemRelation]:
    return (thing for thing in all_relations(catalog) if not isinstance(thing, MaterializedView))


def _is_view(thing: Relation | SystemRelation) -> bool:
    return isinstance(thing, View) or (isinstance(thing, SystemRelation) and thing.kind == "v")


def placed(catalog: Catalog, context: EvalContext, thing: Relation | SystemRelation) -> dict[str, object]:
    """The columns that say which relation a row is about."""
    return {
        "table_catalog": session_of(context).database,
        "table_schema": catalog.schema_name(thing.schema_oid),
        "table_name": thing.name,
    }


def _yes(value: bool) -> str:
    return "YES" if value else "NO"


@rows_of("information_schema", "schemata")
def schemata(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    database = session_of(context).database
    for thing in catalog.schemas():
        yield {"catalog_name": database, "schema_name": thing.name, "schema_owner": OWNER}


@rows_of("information_schema", "tables")
def tables(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for thing in _listed(catalog):
        yield {
            **placed(catalog, context, thing),
            "table_type": "VIEW" if _is_view(thing) else "BASE TABLE",
            "is_insertable_into": _yes(isinstance(thing, Table)),
            "is_typed": "NO",
        }


@rows_of("information_schema", "views")
def views(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for thing in catalog.relations():
        if isinstance(thing, View):
            yield {
                **placed(catalog, context, thing),
                "view_definition": view_definition(thing),
                "check_option": "NONE",
                **dict.fromkeys(
                    (
                        "is_updatable",
                        "is_insertable_into",
                        "is_trigger_updatable",
                        "is_trigger_deletable",
                        "is_trigger_insertable_into",
                    ),
                    "NO",
                ),
            }


@rows_of("information_schema", "columns")
def columns(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    database = session_of(context).database
    for thing in _listed(catalog):
        place = placed(catalog, context, thing)
        for number, column in enumerate(thing.columns, 1):
            yield {
                **place,
                **_column(column, number, database),
                **_domain(catalog, column.type, database),
                **_defaulted(catalog, context, thing, column),
                "is_updatable": _yes(isinstance(thing, Table)),
            }


def _column(column: TableColumn, number: int, database: str) -> Row:
    type = below(column.type)
    definition, typmod = type.definition, type.typmod
    schema, name = declared_name(type)
    sized = definition.name in ("varchar", "bpchar")
    row: dict[str, object] = {
        "column_name": column.name,
        "ordinal_position": number,
        "is_nullable": _yes(not column.not_null),
        "data_type": _kind_of_type(type),
        "character_maximum_length": typmod - 4 if sized and typmod >= 4 else None,
        "character_octet_length": {True: (typmod - 4) * 4 if typmod >= 4 else 1073741824}.get(
            sized or definition.name == "text"
        ),
        "udt_catalog": database,
        "udt_schema": schema,
        "udt_name": name,
        "dtd_identifier": str(number),
        "is_self_referencing": "NO",
        "is_generated": "NEVER" if column.generated is None else "ALWAYS",
        "generation_expression": column.generated,
    }
    return row | _numbers(definition.name, typmod)


def _kind_of_type(type: SqlType) -> str:
    if type.definition.element is not None:
        return "ARRAY"
    return "USER-DEFINED" if is_description(type.name) else str(type.bare())


def _domain(catalog: Catalog, type: SqlType, database: str) -> Row:
    """Which domain a column is of."""
    declared = catalog.objects.get(type.oid - 1) if is_domain(type.name) else None
    if not isinstance(declared, DomainType):
        return {}
    schema = catalog.schema_name(declared.schema_oid)
    return {"domain_catalog": database, "domain_schema": schema, "domain_name": declared.name}


@rows_of("information_schema", "domains")
def domains(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    database = session_of(context).database
    for declared in catalog.types():
        if isinstance(declared, DomainType):
            [value] = declared.columns
            facts = _column(value, 1, database)
            wanted = ("character_", "numeric_", "datetime_", "udt_", "dtd_")
            default = None if value.default is None else Names.of(context).spelled(value.default)
            yield {
                **_domain(catalog, type_of(catalog, declared), database),
                **{name: fact for name, fact in facts.items() if name.startswith(wanted)},
                "data_type": str(below(value.type).bare()),
                "domain_default": default,
            }


@rows_of("information_schema", "domain_constraints")
def domain_constraints(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    database = session_of(context).database
    for declared in catalog.types():
        for check in declared.checks if isinstance(declared, DomainType) else ():
            place = _domain(catalog, type_of(catalog, declared), database)
            yield {
                **place,
                "constraint_catalog": database,
                "constraint_schema": place["domain_schema"],
                "constraint_name": check.name,
                "is_deferrable": "NO",
                "initially_deferred": "NO",
            }


def _defaulted(catalog: Catalog, context: EvalContext, relation: object, column: TableColumn) -> Row:
    """A column's default, or its identity."""
    if not column.identity:
        default = None if column.default is None else Names.of(context).spelled(column.default)
        return {"column_default": default, "is_identity": "NO", "identity_cycle": "NO"}
    parts = catalog.belonging(getattr(relation, "oid", 0))
    [one] = [part for part in parts if isinstance(part, Sequence) and part.column == column.name]
    return {
        "is_identity": "YES",
        "identity_generation": "ALWAYS" if column.identity == "a" else "BY DEFAULT",
        "identity_start": str(one.start),
        "identity_increment": str(one.increment),
        "identity_maximum": str(one.maximum),
        "identity_minimum": str(one.minimum),
        "identity_cycle": "YES" if one.cycle else "NO",
    }


def _numbers(name: str, typmod: int) -> dict[str, object]:
    """Precision, radix and scale of numbers; fractional digits of times."""
    bits = {"int2": 16, "int4": 32, "int8": 64, "float4": 24, "float8": 53}
    if name in bits:
        scale = 0 if name.startswith("int") else None
        return {"numeric_precision": bits[name], "numeric_precision_radix": 2, "numeric_scale": scale}
    if name == "numeric":
        packed = typmod - 4
        known = typmod >= 4
        return {
            "numeric_precision": packed >> 16 if known else None,
            "numeric_precision_radix": 10,
            "numeric_scale": packed & 0x7FF if known else None,
        }
    if name in ("time", "timetz", "timestamp", "timestamptz", "interval"):
        return {"datetime_precision": typmod if 0 <= typmod <= 6 else 6}
    return {"datetime_precision": 0} if name == "date" else {}
