"""What clients ask about single objects: their descriptions, definitions, and what an index can do."""

import csv
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.definitions import quoted
from pgstream.catalog.names import Names
from pgstream.catalog.objects import KIND_NAMES, Index, Schema, Table
from pgstream.catalog.pg_server import database_oids, role_oids, session_of
from pgstream.catalog.routine_names import procedure_name, procedures
from pgstream.catalog.system import SystemRelation
from pgstream.catalog.type_names import type_text
from pgstream.catalog.user_functions import function_definition, user_function
from pgstream.delta import Column
from pgstream.errors import WrongObjectType
from pgstream.functions.registry import STABLE, BoundCall, function

PG_CLASS, PG_NAMESPACE, PG_TYPE, PG_PROC, PG_CONSTRAINT, PG_REWRITE = 1259, 2615, 1247, 1255, 2606, 2618
PG_DATABASE, PG_AUTHID, PG_ATTRDEF = 1262, 1260, 2604

INSERTABLE, UPDATABLE, DELETABLE = 8, 4, 16
"""Bits of pg_relation_is_updatable: commands by number."""

Many = tuple[NDArray[np.int64], tuple[Column, ...]]


def _catalog(call: BoundCall) -> Catalog:
    return cast(Catalog, call.context.catalog)


# Descriptions ----------------------------------------------------------------------------------------------


def _relation_kind(thing: object) -> str:
    if isinstance(thing, SystemRelation):
        return "view" if thing.kind == "v" else "table"
    return KIND_NAMES[type(thing)]


def _described_relation(call: BoundCall, oid: int, column: int) -> str | None:
    thing = _catalog(call).describes(oid)
    if thing is None:
        return None
    whole = f"{_relation_kind(thing)} {Names.of(call.context).relation(oid)}"
    if not column or not 0 < column <= len(thing.columns) or isinstance(thing, Index):
        return whole
    return f"column {thing.columns[column - 1].name} of {whole}"


def _described_constraint(call: BoundCall, oid: int) -> str | None:
    for thing in _catalog(call).relations():
        if isinstance(thing, Table) and thing.primary_key is not None and thing.primary_key.oid == oid:
            return f"constraint {thing.primary_key.name} on {_described_relation(call, thing.oid, 0)}"
    return None


def _described_schema(call: BoundCall, oid: int) -> str | None:
    thing = _catalog(call).objects.get(oid)
    return f"schema {thing.name}" if isinstance(thing, Schema) else None


def _named(kind: str, text: str | None) -> str | None:
    return None if text is None else f"{kind} {text}"


def _keyed(oids: dict[str, int], oid: int) -> str | None:
    return next((name for name, known in oids.items() if known == oid), None)


_DESCRIBED: dict[int, Callable[[BoundCall, int], str | None]] = {
    PG_NAMESPACE: _described_schema,
    PG_TYPE: lambda call, oid: _named("type", Names.of(call.context).text("regtype", oid)),
    PG_PROC: lambda call, oid: _named("function", procedure_name(oid, arguments=True)),
    PG_CONSTRAINT: _described_constraint,
    PG_REWRITE: lambda call, oid: _named("rule _RETURN on", _described_relation(call, oid - 2, 0)),
    PG_DATABASE: lambda call, oid: _named("database", _keyed(database_oids(session_of(call.context)), oid)),
    PG_AUTHID: lambda call, oid: _named("role", _keyed(role_oids(session_of(call.context).user), oid)),
}


@function("pg_describe_object(oid, oid, int4) -> text", volatility=STABLE, rowwise=True, bound=True, oid=3537)
def pg_describe_object(call: BoundCall, catalog: int, oid: int, part: int) -> str | None:
    """An object in words: `column a of table t`. Objects go by the OID of their system catalog and their own."""
    if catalog == PG_CLASS:
        return _described_relation(call, oid, part)
    described = _DESCRIBED.get(catalog)
    return None if described is None else described(call, oid)


def _identified(call: BoundCall, catalog: int, oid: int, part: int) -> tuple[str | None, ...]:
    named = _catalog(call).objects.get(oid)
    if catalog == PG_NAMESPACE and isinstance(named, Schema):
        return "schema", None, named.name, quoted(named.name)
    if catalog == PG_TYPE:
        shown = type_text(_catalog(call), (), oid)
        return ("type", None, None, shown) if shown is not None else (None,) * 4
    thing = _catalog(call).describes(oid) if catalog == PG_CLASS else None
    if thing is None:
        return (None,) * 4
    schema = _catalog(call).schema_name(thing.schema_oid)
    kind, identity = _relation_kind(thing), f"{quoted(schema)}.{quoted(thing.name)}"
    if part and part <= len(thing.columns) and not isinstance(thing, Index):
        return f"{kind} column", schema, thing.name, f"{identity}.{quoted(thing.columns[part - 1].name)}"
    return kind, schema, thing.name, identity


@function(
    "pg_identify_object(oid, oid, int4) -> TABLE(type text, schema text, name text, identity text)",
    volatility=STABLE,
    bound=True,
    oid=3839,
)
def pg_identify_object(call: BoundCall, catalogs: Column, oids: Column, parts: Column) -> Many:
    """An object's kind, schema, name, and all of it in one text."""
    columns = (catalogs.to_pylist(), oids.to_pylist(), parts.to_pylist())
    rows = [_identified(call, *row) for row in zip(*columns, strict=True)]
    made = tuple(pa.array([row[i] for row in rows], pa.string()) for i in range(4))
    return np.arange(len(rows)), made


# Functions -------------------------------------------------------------------------------------------------


@function("pg_get_functiondef(oid) -> text", volatility=STABLE, rowwise=True, bound=True, oid=2098)
def pg_get_functiondef(call: BoundCall, oid: int) -> str | None:
    """The CREATE FUNCTION statement of a function. Raises WrongObjectType for aggregates."""
    mine = user_function(_catalog(call), oid)
    if mine is not None:
        return function_definition(_catalog(call), mine)
    row = procedures().get(oid)
    if row is None:
        return None
    name = row["proname"]
    if row["prokind"] == "a":
        raise WrongObjectType(f'"{name}" is an aggregate function')
    types = ", ".join(type_text(_catalog(call), (), kind) or "-" for kind in row["proargtypes"])
    result = type_text(_catalog(call), (), row["prorettype"]) or "-"
    traits = {"i": " IMMUTABLE", "s": " STABLE", "v": ""}[row["provolatile"]] + " PARALLEL SAFE"
    strict = " STRICT" if row["proisstrict"] else ""
    return (
        f"CREATE OR REPLACE FUNCTION pg_catalog.{quoted(name)}({types})\n"
        f" RETURNS {'SETOF ' if row.get('proretset') else ''}{result}\n LANGUAGE internal\n{traits}{strict}\n"
        f"AS $function${row['prosrc']}$function$\n"
    )


@function("oidvectortypes(oidvector) -> text", volatility=STABLE, rowwise=True, bound=True, oid=1349)
def oidvectortypes(call: BoundCall, oids: list[int]) -> str:
    """The names of types, one after another."""
    path = Names.of(call.context).path
    return ", ".join(type_text(_catalog(call), path, oid) or "???" for oid in oids)


@cache
def _keywords() -> list[tuple[str, str, bool, str, str]]:
    words = {
        "U": "unreserved",
        "C": "unreserved (cannot be function or type name)",
        "T": "reserved (can be function or type name)",
        "R": "reserved",
    }
    labels = {True: "can be bare label", False: "requires AS"}
    with (files("pgstream.catalog") / "keywords.csv").open(encoding="utf-8") as lines:
        read = [(line["word"], line["catcode"], line["barelabel"] == "t") for line in csv.DictReader(lines)]
    return [(word, code, bare, words[code], labels[bare]) for word, code, bare in read]


@function(
    "pg_get_keywords() -> TABLE(word text, catcode char, barelabel bool, catdesc text, baredesc text)",
    volatility=STABLE,
    oid=1686,
)
def pg_get_keywords(count: int) -> Many:
    """The keywords of SQL and what they are reserved for."""
    columns = list(zip(*_keywords(), strict=True))
    types = (pa.string(), pa.string(), pa.bool_(), pa.string(), pa.string())
    made = tuple(pa.array(list(values) * count, type) for values, type in zip(columns, types, strict=True))
    return np.repeat(np.arange(count), len(_keywords())), made


@function("pg_options_to_table(_text) -> TABLE(option_name text, option_value text)", volatility=STABLE, oid=2289)
def pg_options_to_table(options: Column) -> Many:
    """`{a=1,b=2}` as rows of names and values."""
    pairs = [(row, option.partition("=")) for row, listed in enumerate(options.to_pylist()) for option in listed or ()]
    names = pa.array([name for _, (name, _, _) in pairs], pa.string())
    values = pa.array([value if equals else None for _, (_, equals, value) in pairs], pa.string())
    return np.array([row for row, _ in pairs], np.int64), (names, values)


# Relations -------------------------------------------------------------------------------------------------


@function("pg_relation_is_updatable(regclass, bool) -> int4", volatility=STABLE, rowwise=True, bound=True, oid=3842)
def pg_relation_is_updatable(call: BoundCall, oid: int, triggers: bool) -> int:
    """The sum of 8 for INSERT, 4 for UPDATE and 16 for DELETE, as far as a relation takes them."""
    thing = _catalog(call).objects.get(oid)
    return INSERTABLE + UPDATABLE + DELETABLE if isinstance(thing, Table) and not thing.errors_of else 0


@function("pg_column_is_updatable(regclass, int2, bool) -> bool", volatility=STABLE, rowwise=True, bound=True, oid=3843)
def pg_column_is_updatable(call: BoundCall, oid: int, column: int, triggers: bool) -> bool:
    """Whether UPDATE may set a column."""
    return column > 0 and pg_relation_is_updatable(call, oid, triggers) > 0


def _no_partitions(relation: Column) -> Many:
    """Nothing: no relation is a partition."""
    return np.array([], np.int64), (pa.array([], pa.int64()),)


function("pg_partition_ancestors(regclass) -> SETOF regclass", volatility=STABLE, oid=3425)(_no_partitions)

_OF_COLUMN = {
    "orderable": True, "distance_orderable": False, "returnable": True, "search_array": True, "search_nulls": True,
}  # fmt: skip
_OF_INDEX = dict.fromkeys(("clusterable", "index_scan", "bitmap_scan", "backward_scan"), True)
_OF_METHOD = dict.fromkeys(("can_order", "can_unique", "can_multi_col", "can_exclude", "can_include"), True)
BTREE = 403


@function(
    "pg_index_column_has_property(regclass, int4, text) -> bool", volatility=STABLE, rowwise=True, bound=True, oid=638
)
def pg_index_column_has_property(call: BoundCall, oid: int, column: int, name: str) -> bool | None:
    """Whether a key column of an index is sorted, and how."""
    index = _catalog(call).objects.get(oid)
    if not isinstance(index, Index) or not 0 < column <= len(index.columns):
        return None
    key = index.columns[column - 1]
    order = {
        "asc": not key.descending,
        "desc": key.descending,
        "nulls_first": key.nulls_first,
        "nulls_last": not key.nulls_first,
    }
    return (order | _OF_COLUMN).get(name)


@function("pg_index_has_property(regclass, text) -> bool", volatility=STABLE, rowwise=True, bound=True, oid=637)
def pg_index_has_property(call: BoundCall, oid: int, name: str) -> bool | None:
    """What an index can do."""
    return _OF_INDEX.get(name) if isinstance(_catalog(call).objects.get(oid), Index) else None


@function("pg_indexam_has_property(oid, text) -> bool", volatility=STABLE, rowwise=True, oid=636)
def pg_indexam_has_property(method: int, name: str) -> bool | None:
    """What indexes of an access method can do."""
    return _OF_METHOD.get(name) if method == BTREE else None
