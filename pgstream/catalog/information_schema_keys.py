"""information_schema's relations of constraints, privileges, routines, roles and dependencies of views."""

from collections.abc import Iterator

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.information_schema import OWNER, placed
from pgstream.catalog.objects import Check, ForeignKey, MaterializedView, Schema, Table, View
from pgstream.catalog.pg_functions import builtin_procedures
from pgstream.catalog.pg_relations import all_relations
from pgstream.catalog.pg_server import role_oids, session_of
from pgstream.catalog.routine_names import procedures
from pgstream.catalog.system import Row, SystemRelation, rows_of
from pgstream.catalog.type_names import type_text
from pgstream.functions.registry import EvalContext
from pgstream.types.definition import BY_OID

_NAME_LENGTH_MAX = 63


def _named(catalog: Catalog, context: EvalContext, table: Table, name: str) -> dict[str, object]:
    """The columns that say which constraint of which table a row is about."""
    place = placed(catalog, context, table)
    return {
        "constraint_catalog": place["table_catalog"],
        "constraint_schema": place["table_schema"],
        "constraint_name": name,
        **place,
    }


def _keyed(catalog: Catalog) -> Iterator[tuple[Table, str, tuple[int, ...], str]]:
    """Each table with its keys: their names, column positions and kinds."""
    for thing in catalog.relations():
        if isinstance(thing, Table) and thing.primary_key is not None:
            yield thing, thing.primary_key.name, thing.primary_key.columns, "PRIMARY KEY"


def _not_null(catalog: Catalog) -> Iterator[tuple[Table, str, int]]:
    """NOT NULL columns, which the standard calls CHECK constraints, under the names PostgreSQL makes up for them."""
    for thing in catalog.relations():
        if isinstance(thing, Table):
            for number, column in enumerate(thing.columns, 1):
                if column.not_null:
                    yield thing, f"{thing.schema_oid}_{thing.oid}_{number}_not_null", number


@rows_of("information_schema", "table_constraints")
def table_constraints(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    shared = {"is_deferrable": "NO", "initially_deferred": "NO", "enforced": "YES"}
    for table, name, _, kind in _keyed(catalog):
        yield {**_named(catalog, context, table, name), "constraint_type": kind, **shared}
    for table, name, _ in _not_null(catalog):
        yield {**_named(catalog, context, table, name), "constraint_type": "CHECK", **shared}
    for table, check in _checks(catalog):
        yield {**_named(catalog, context, table, check.name), "constraint_type": "CHECK", **shared}
    for key, table, _ in _foreign(catalog):
        deferral = {"is_deferrable": _yes(key.deferrable), "initially_deferred": _yes(key.deferred)}
        yield {**_named(catalog, context, table, key.label), "constraint_type": "FOREIGN KEY", **shared, **deferral}


def _yes(value: bool) -> str:
    return "YES" if value else "NO"


def _foreign(catalog: Catalog) -> Iterator[tuple[ForeignKey, Table, Table]]:
    """Foreign keys, each with its table and the one that it refers to."""
    for thing in catalog.in_order():
        if isinstance(thing, ForeignKey):
            table, target = catalog.objects[thing.relation_oid], catalog.objects[thing.target_oid]
            assert isinstance(table, Table)
            assert isinstance(target, Table)
            yield thing, table, target


_RULES = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}


@rows_of("information_schema", "referential_constraints")
def referential_constraints(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for key, table, target in _foreign(catalog):
        named = _named(catalog, context, table, key.label)
        places = set(key.target_columns)
        unique = [i for i in catalog.indexes(target.oid) if {c.position for c in i.columns} == places and i.unique]
        yield {
            **{name: named[name] for name in ("constraint_catalog", "constraint_schema", "constraint_name")},
            "unique_constraint_catalog": session_of(context).database,
            "unique_constraint_schema": catalog.schema_name(target.schema_oid),
            "unique_constraint_name": unique[0].name if unique else None,
            "match_option": "FULL" if key.match == "f" else "NONE",
            "update_rule": _RULES[key.on_update],
            "delete_rule": _RULES[key.on_delete],
        }


def _checks(catalog: Catalog) -> Iterator[tuple[Table, Check]]:
    return ((thing, check) for thing in catalog.relations() if isinstance(thing, Table) for check in thing.checks)


@rows_of("information_schema", "check_constraints")
def check_constraints(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for table, name, number in _not_null(catalog):
        yield {
            **_named(catalog, context, table, name),
            "check_clause": f"{table.columns[number - 1].name} IS NOT NULL",
        }
    for table, check in _checks(catalog):
        yield {**_named(catalog, context, table, check.name), "check_clause": f"({check.expression})"}


@rows_of("information_schema", "key_column_usage")
def key_column_usage(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for table, name, positions, _ in _keyed(catalog):
        for number, position in enumerate(positions, 1):
            column = {"column_name": table.columns[position].name, "ordinal_position": number}
            yield {**_named(catalog, context, table, name), **column}
    for key, table, _ in _foreign(catalog):
        for number, (position, other) in enumerate(zip(key.columns, key.target_columns, strict=True), 1):
            column = {"column_name": table.columns[position].name, "ordinal_position": number}
            place = 1 + sorted(key.target_columns).index(other)
            yield {
                **_named(catalog, context, table, key.label), **column, "position_in_unique_constraint": place,
            }  # fmt: skip


@rows_of("information_schema", "constraint_column_usage")
def constraint_column_usage(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for table, name, positions, _ in _keyed(catalog):
        for position in positions:
            yield {**_named(catalog, context, table, name), "column_name": table.columns[position].name}
    for table, check in _checks(catalog):
        for column in check.columns:
            yield {**_named(catalog, context, table, check.name), "column_name": column}
    for key, _, target in _foreign(catalog):
        for position in key.target_columns:
            column = target.columns[position].name
            yield {**_named(catalog, context, target, key.label), "column_name": column}


@rows_of("information_schema", "constraint_table_usage")
def constraint_table_usage(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for table, name, _, _ in _keyed(catalog):
        yield _named(catalog, context, table, name)


def _granted(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """What the owner may do with each relation, and everybody with those of the system."""
    for thing in all_relations(catalog):
        if isinstance(thing, MaterializedView):
            continue
        for privilege in ("INSERT", "SELECT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"):
            yield {
                "grantor": OWNER,
                "grantee": OWNER,
                **placed(catalog, context, thing),
                "privilege_type": privilege,
                "is_grantable": "YES",
                "with_hierarchy": "YES" if privilege == "SELECT" else "NO",
            }
        if isinstance(thing, SystemRelation):
            public = {"grantee": "PUBLIC", "privilege_type": "SELECT", "is_grantable": "NO", "with_hierarchy": "YES"}
            yield {"grantor": OWNER, **placed(catalog, context, thing), **public}


rows_of("information_schema", "table_privileges")(_granted)
rows_of("information_schema", "role_table_grants")(_granted)


@rows_of("information_schema", "view_table_usage")
def view_table_usage(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for view in catalog.relations():
        if not isinstance(view, View):
            continue
        database = session_of(context).database
        for oid in sorted(view.depends):
            thing = catalog.objects[oid]
            if not isinstance(thing, Schema):
                yield {
                    "view_catalog": database,
                    "view_schema": catalog.schema_name(view.schema_oid),
                    "view_name": view.name,
                    "table_catalog": database,
                    "table_schema": catalog.schema_name(thing.schema_oid),
                    "table_name": thing.name,
                }


@rows_of("information_schema", "routines")
def routines(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    database = session_of(context).database
    for row in builtin_procedures():
        if row["prokind"] != "f":
            continue
        result = BY_OID.get(row["prorettype"])
        array = result is not None and result.element is not None and result.name.startswith("_")
        yield {
            "specific_catalog": database,
            "specific_schema": "pg_catalog",
            "specific_name": f"{row['proname']}_{row['oid']}"[:_NAME_LENGTH_MAX],
            "routine_catalog": database,
            "routine_schema": "pg_catalog",
            "routine_name": row["proname"],
            "routine_type": "FUNCTION",
            "data_type": "ARRAY" if array else type_text(catalog, (), row["prorettype"]),
            "type_udt_catalog": database,
            "type_udt_schema": "pg_catalog",
            "type_udt_name": None if result is None else result.name,
            "dtd_identifier": "0",
            "routine_body": "EXTERNAL",
            "routine_definition": row["prosrc"],
            "external_name": row["prosrc"],
            "external_language": "INTERNAL",
            "parameter_style": "GENERAL",
            "is_deterministic": "YES" if row["provolatile"] == "i" else "NO",
            "sql_data_access": "MODIFIES",
            "is_null_call": "YES" if row["proisstrict"] else "NO",
            "schema_level_routine": "YES",
            "max_dynamic_result_sets": 0,
            "security_type": "INVOKER",
            "as_locator": "NO",
            "is_udt_dependent": "NO",
        }


@rows_of("information_schema", "parameters")
def parameters(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    database = session_of(context).database
    for oid, row in procedures().items():
        for number, kind in enumerate(row["proargtypes"], 1):
            yield {
                "specific_catalog": database,
                "specific_schema": "pg_catalog",
                "specific_name": f"{row['proname']}_{oid}"[:_NAME_LENGTH_MAX],
                "ordinal_position": number,
                "parameter_mode": "IN",
                "is_result": "NO",
                "as_locator": "NO",
                "data_type": type_text(catalog, (), kind),
                "udt_catalog": database,
                "udt_schema": "pg_catalog",
                "udt_name": BY_OID[kind].name if kind in BY_OID else None,
                "dtd_identifier": str(number),
            }


@rows_of("information_schema", "character_sets")
def character_sets(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    yield {
        "character_set_name": "UTF8",
        "character_repertoire": "UCS",
        "form_of_use": "UTF8",
        "default_collate_catalog": session_of(context).database,
        "default_collate_schema": "pg_catalog",
        "default_collate_name": "C",
    }


@rows_of("information_schema", "collations")
def collations(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for name in ("default", "C", "POSIX"):
        yield {
            "collation_catalog": session_of(context).database,
            "collation_schema": "pg_catalog",
            "collation_name": name,
            "pad_attribute": "NO PAD",
        }


@rows_of("information_schema", "information_schema_catalog_name")
def information_schema_catalog_name(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    yield {"catalog_name": session_of(context).database}


@rows_of("information_schema", "enabled_roles", per_session=True)
def enabled_roles(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for name in role_oids(session_of(context).user):
        yield {"role_name": name}
