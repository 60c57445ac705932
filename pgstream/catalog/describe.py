"""The system information functions that look at the catalog: pg_get_indexdef, format_type, has_table_privilege, …

PostgreSQL's chapter 9.26, "System Information Functions and Operators". Privileges and partitions do not
exist here, so their functions answer as PostgreSQL does where there are none.
"""

import re
from typing import cast

import pyarrow as pa

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.definitions import (
    check_definition,
    closing,
    constraint_definition,
    constraint_oid,
    foreign_key_definition,
    index_definition,
    unwrapped,
    view_definition,
)
from pgstream.catalog.names import Names, search_path
from pgstream.catalog.objects import DomainType, ForeignKey, Index, MaterializedView, Table, View
from pgstream.catalog.pg_server import role_oids, session_of
from pgstream.catalog.routine_names import procedures
from pgstream.catalog.type_names import type_text
from pgstream.catalog.user_functions import arguments_text, result_text, user_function
from pgstream.delta import Column
from pgstream.functions.registry import STABLE, BoundCall, function
from pgstream.types.lift import over_distinct

BPCHAR_OID = 1042

_VALUE = re.compile(r"\bvalue\b(?=(?:[^']*'[^']*')*[^']*$)", re.IGNORECASE)
"""The VALUE of a domain, outside of literals."""


def _catalog(call: BoundCall) -> Catalog:
    return cast(Catalog, call.context.catalog)


@function("format_type(oid, int4) -> text", volatility=STABLE, strict=False, rowwise=True, bound=True, oid=1081)
def format_type(call: BoundCall, oid: int | None, typmod: int | None) -> str | None:
    """A type's SQL name with its modifier; `???` for an OID that is no type's."""
    if oid is None:
        return None
    if oid == 0:
        return "-"
    if oid == BPCHAR_OID and typmod is not None and typmod < 0:
        return "bpchar"
    path = search_path(call.context)
    return type_text(_catalog(call), path, oid, -1 if typmod is None else typmod) or "???"


@function("pg_get_expr(pg_node_tree, oid) -> text", volatility=STABLE, rowwise=True, bound=True, oid=1716)
def pg_get_expr(call: BoundCall, tree: str, relation: int) -> str:
    """The SQL text of a stored expression."""
    return Names.of(call.context).spelled(tree)


@function("pg_get_expr(pg_node_tree, oid, bool) -> text", volatility=STABLE, rowwise=True, bound=True, oid=2509)
def pg_get_expr_pretty(call: BoundCall, tree: str, relation: int, pretty: bool) -> str:
    """The SQL text of a stored expression, that of a generated column without the parentheses around it."""
    text, thing = pg_get_expr(call, tree, relation), _catalog(call).objects.get(relation)
    generated = isinstance(thing, Table) and any(column.generated == tree for column in thing.columns)
    return unwrapped(text) if pretty and generated else text


@function("pg_get_indexdef(oid) -> text", volatility=STABLE, rowwise=True, bound=True, oid=1643)
def pg_get_indexdef(call: BoundCall, oid: int) -> str | None:
    """The CREATE INDEX statement of an index."""
    thing = _catalog(call).objects.get(oid)
    return index_definition(_catalog(call), thing) if isinstance(thing, Index) else None


@function("pg_get_indexdef(oid, int4, bool) -> text", volatility=STABLE, rowwise=True, bound=True, oid=2507)
def pg_get_indexdef_column(call: BoundCall, oid: int, column: int, pretty: bool) -> str | None:
    """One key column of an index, or the whole statement for column 0."""
    thing = _catalog(call).objects.get(oid)
    return index_definition(_catalog(call), thing, column) if isinstance(thing, Index) else None


@function("pg_get_constraintdef(oid) -> text", volatility=STABLE, rowwise=True, bound=True, oid=1387)
def pg_get_constraintdef(call: BoundCall, oid: int) -> str | None:
    """The definition of a constraint, as ALTER TABLE … ADD CONSTRAINT takes it."""
    for thing in _catalog(call).objects.values():
        if isinstance(thing, Index) and oid and constraint_oid(_catalog(call), thing) == oid:
            return constraint_definition(_catalog(call), thing)
        if isinstance(thing, ForeignKey) and thing.oid == oid:
            target = Names.of(call.context).relation(thing.target_oid)
            return foreign_key_definition(_catalog(call), thing, target or "-")
        for check in thing.checks if isinstance(thing, Table | DomainType) else ():
            if check.oid == oid:
                made = check_definition(check)
                return _VALUE.sub("VALUE", made) if isinstance(thing, DomainType) else made
    return None


@function("pg_get_constraintdef(oid, bool) -> text", volatility=STABLE, rowwise=True, bound=True, oid=2508)
def pg_get_constraintdef_pretty(call: BoundCall, oid: int, pretty: bool) -> str | None:
    """The definition of a constraint."""
    found = pg_get_constraintdef(call, oid)
    if not pretty or found is None or not found.startswith("CHECK ("):
        return found
    end = closing(found, len("CHECK "))
    return f"CHECK ({unwrapped(found[len('CHECK (') : end])}{found[end:]}"


@function("pg_get_viewdef(oid) -> text", volatility=STABLE, rowwise=True, bound=True, oid=1641)
def pg_get_viewdef(call: BoundCall, oid: int) -> str | None:
    """The query of a view, as it was written."""
    thing = _catalog(call).objects.get(oid)
    return view_definition(thing) if isinstance(thing, View | MaterializedView) else None


@function("pg_get_viewdef(oid, bool) -> text", volatility=STABLE, rowwise=True, bound=True, oid=2506)
def pg_get_viewdef_pretty(call: BoundCall, oid: int, pretty: bool) -> str | None:
    """The query of a view, as it was written."""
    return pg_get_viewdef(call, oid)


@function("pg_get_viewdef(oid, int4) -> text", volatility=STABLE, rowwise=True, bound=True, oid=3159)
def pg_get_viewdef_wrapped(call: BoundCall, oid: int, width: int) -> str | None:
    """The query of a view, as it was written."""
    return pg_get_viewdef(call, oid)


@function("pg_get_viewdef(text, bool) -> text", volatility=STABLE, rowwise=True, bound=True, oid=2505)
def pg_get_viewdef_named_pretty(call: BoundCall, name: str, pretty: bool) -> str | None:
    """The query of the view of that name."""
    return pg_get_viewdef_named(call, name)


@function("pg_get_viewdef(text) -> text", volatility=STABLE, rowwise=True, bound=True, oid=1640)
def pg_get_viewdef_named(call: BoundCall, name: str) -> str | None:
    """The query of the view of that name."""
    return pg_get_viewdef(call, Names.of(call.context).oid("regclass", name))


def _nothing(call: BoundCall, *arguments: object) -> None:
    return None


for _signature, _oid in (
    ("shobj_description(oid, name) -> text", 1993),
    ("pg_get_partkeydef(oid) -> text", 3352),
    ("pg_get_triggerdef(oid) -> text", 1662),
    ("pg_get_triggerdef(oid, bool) -> text", 2730),
    ("pg_get_ruledef(oid) -> text", 1573),
    ("pg_get_ruledef(oid, bool) -> text", 2504),
    ("pg_get_statisticsobjdef_columns(oid) -> text", 6174),
    ("pg_get_statisticsobjdef(oid) -> text", 3415),
    ("pg_get_statisticsobjdef_expressions(oid) -> _text", 6173),
    ("pg_get_partition_constraintdef(oid) -> text", 3408),
    ("pg_get_function_sqlbody(oid) -> text", 6197),
    ("pg_get_function_arg_default(oid, int4) -> text", 3808),
    ("pg_get_replica_identity_index(regclass) -> regclass", 6120),
):
    function(
        _signature,
        volatility=STABLE,
        rowwise=True,
        bound=True,
        oid=_oid,
        doc="NULL: the objects that it describes do not exist here.",
    )(_nothing)


@function("pg_table_is_visible(oid) -> bool", volatility=STABLE, bound=True, oid=2079)
def pg_table_is_visible(call: BoundCall, oids: Column) -> Column:
    """Whether an unqualified name finds this relation."""
    names = Names.of(call.context)

    def visible(oid: int) -> bool | None:
        thing = names.catalog.describes(oid)
        return None if thing is None else names.visible(thing)

    return over_distinct(oids, pa.bool_(), visible)


def _visible(call: BoundCall, oid: int) -> bool:
    return True


for _name, _oid in (
    ("pg_type_is_visible", 2080),
    ("pg_function_is_visible", 2081),
    ("pg_operator_is_visible", 2082),
    ("pg_opclass_is_visible", 2083),
    ("pg_opfamily_is_visible", 3829),
    ("pg_conversion_is_visible", 2093),
    ("pg_statistics_obj_is_visible", 3403),
    ("pg_ts_config_is_visible", 3759),
    ("pg_ts_dict_is_visible", 3757),
    ("pg_ts_parser_is_visible", 3756),
    ("pg_ts_template_is_visible", 3768),
    ("pg_collation_is_visible", 3815),
):
    function(f"{_name}(oid) -> bool", volatility=STABLE, rowwise=True, bound=True, oid=_oid, doc="True.")(_visible)


@function("pg_get_userbyid(oid) -> name", volatility=STABLE, rowwise=True, bound=True, oid=1642)
def pg_get_userbyid(call: BoundCall, oid: int) -> str:
    """The name of a role."""
    names = {known: name for name, known in role_oids(session_of(call.context).user).items()}
    return names.get(oid, f"unknown (OID={oid})")


@function("pg_encoding_to_char(int4) -> name", volatility=STABLE, rowwise=True, oid=1597)
def pg_encoding_to_char(encoding: int) -> str:
    """The name of an encoding, of which databases only have UTF8."""
    return {0: "SQL_ASCII", 6: "UTF8"}.get(encoding, "")


@function("pg_char_to_encoding(name) -> int4", volatility=STABLE, rowwise=True, oid=1264)
def pg_char_to_encoding(name: str) -> int:
    """The number of an encoding, -1 for an unknown one."""
    return 6 if name.lower().replace("-", "") == "utf8" else -1


@function("pg_is_other_temp_schema(oid) -> bool", volatility=STABLE, rowwise=True, oid=2855)
def pg_is_other_temp_schema(oid: int) -> bool:
    """False: there are no temporary schemas."""
    return False


@function("pg_my_temp_schema() -> oid", volatility=STABLE, rowwise=True, oid=2854)
def pg_my_temp_schema() -> int:
    """0: there are no temporary schemas."""
    return 0


@function("pg_tablespace_location(oid) -> text", volatility=STABLE, rowwise=True, oid=3778)
def pg_tablespace_location(oid: int) -> str:
    """Empty: all tablespaces are the data directory."""
    return ""


@function("pg_relation_is_publishable(regclass) -> bool", volatility=STABLE, rowwise=True, oid=6121)
def pg_relation_is_publishable(oid: int) -> bool:
    """Whether the relation is the user's."""
    return oid >= 16384


def _type_name(call: BoundCall, oid: int) -> str:
    return type_text(_catalog(call), search_path(call.context), oid) or "-"


def _procedure_text(call: BoundCall, oid: int, column: str) -> str | None:
    mine = user_function(_catalog(call), oid)
    if mine is not None:
        if column == "result":
            return result_text(mine)
        return arguments_text(mine, defaults=column == "arguments", results=column == "arguments")
    row = procedures().get(oid)
    if row is None:
        return None
    if column == "result":
        shown = _type_name(call, row["prorettype"])
        return f"SETOF {shown}" if row.get("proretset") else shown
    names = [_type_name(call, kind) for kind in row["proargtypes"]]
    if row.get("provariadic"):
        names[-1] = f"VARIADIC {names[-1]}"
    return ", ".join(names)


@function("pg_get_function_result(oid) -> text", volatility=STABLE, rowwise=True, bound=True, oid=2165)
def pg_get_function_result(call: BoundCall, oid: int) -> str | None:
    """The result type of a function."""
    return _procedure_text(call, oid, "result")


@function("pg_get_function_arguments(oid) -> text", volatility=STABLE, rowwise=True, bound=True, oid=2162)
def pg_get_function_arguments(call: BoundCall, oid: int) -> str | None:
    """The argument types of a function."""
    return _procedure_text(call, oid, "arguments")


@function("pg_get_function_identity_arguments(oid) -> text", volatility=STABLE, rowwise=True, bound=True, oid=2232)
def pg_get_function_identity_arguments(call: BoundCall, oid: int) -> str | None:
    """The argument types of a function."""
    return _procedure_text(call, oid, "identity")
