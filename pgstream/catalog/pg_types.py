"""pg_type: PostgreSQL's own types, the row types of relations, and what the user declares."""

import csv
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import PUBLIC, SUPERUSER, CompositeType, DomainType, EnumType, Relation
from pgstream.catalog.system import Row, rows_of
from pgstream.functions.registry import EvalContext
from pgstream.types.definition import SqlType
from pgstream.types.described import structs_in
from pgstream.types.domain import below


@cache
def io_function_oids() -> dict[str, int]:
    """OIDs of the types' input, output, receive and send functions, by name."""
    with (files("pgstream.catalog") / "io_functions.csv").open(encoding="utf-8") as lines:
        return {line["name"]: int(line["oid"]) for line in csv.DictReader(lines)}


@cache
def _builtin_types() -> tuple[Row, ...]:
    with (files("pgstream.catalog") / "pg_type.csv").open(encoding="utf-8") as lines:
        return tuple(_builtin_type(line) for line in csv.DictReader(lines))


def _builtin_type(line: dict[str, str]) -> Row:
    functions = io_function_oids()
    row: dict[str, object] = {
        name: int(line[name])
        for name in ("oid", "typlen", "typelem", "typarray", "typbasetype", "typtypmod", "typcollation")
    }
    row |= {name: line[name] == "t" for name in ("typbyval", "typispreferred")}
    row |= {name: line[name] for name in ("typname", "typtype", "typcategory", "typdelim", "typalign", "typstorage")}
    row |= {
        name: functions.get(line[name], 0) for name in ("typinput", "typoutput", "typreceive", "typsend", "typmodin")
    }
    return {**row, "typnamespace": 11, "typowner": SUPERUSER, "typisdefined": True}


@rows_of("pg_catalog", "pg_type", builtin=_builtin_types)
def pg_type(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """PostgreSQL's own types, all of them, then the type of each relation's rows, and those that were declared; after
    each the array over it. A STRUCT<…> is a type as long as some column is of it."""
    structs: dict[SqlType, None] = {}
    for declared in catalog.types():
        if isinstance(declared, EnumType):
            yield from _declared(declared.oid + 1, declared.name, declared.schema_oid, _ENUM)
        elif isinstance(declared, DomainType):
            facts = _domain(declared)
            yield from _declared(declared.oid + 1, declared.name, declared.schema_oid, facts)
            structs |= dict.fromkeys(structs_in(declared.columns[0].type))
    for thing in (*catalog.relations(), *catalog.composites()):
        yield from _composite(thing)
        for column in thing.columns:
            structs |= dict.fromkeys(structs_in(column.type))
    for type in structs:
        yield from _declared(type.oid, f"{type}", PUBLIC, {"typtype": "b", "typcategory": "C", **_io("record")})


def _domain(declared: DomainType) -> Row:
    """What pg_type has for a domain: how values are stored and written is that of the type below."""
    [value] = declared.columns
    last = below(value.type)
    known = last.definition
    listed = next((row for row in _builtin_types() if row["oid"] == last.oid), None)
    written = {"d": "record", "E": "enum", "A": "array"}
    stem: Row = _io(written["d" if known.category == "C" else known.category]) if listed is None else listed
    return {
        "typtype": "d",
        "typcategory": known.category,
        "typlen": known.length,
        "typbyval": known.by_value,
        "typalign": known.align,
        "typstorage": known.toast,
        "typcollation": known.collation,
        "typinput": 2597,
        "typoutput": stem["typoutput"],
        "typreceive": 2598,
        "typsend": stem["typsend"],
        "typbasetype": value.type.oid,
        "typtypmod": value.type.typmod,
        "typndims": int(last.element is not None),
        "typnotnull": value.not_null,
        "typdefault": value.default,
        "typdefaultbin": value.default,
    }


_ENUM: Row = {
    "typtype": "e",
    "typcategory": "E",
    "typlen": 4,
    "typbyval": True,
    "typalign": "i",
    "typstorage": "p",
    "typinput": 3506,
    "typoutput": 3507,
    "typreceive": 3532,
    "typsend": 3533,
}
"""What pg_type has for enum types. The functions are enum_in and its siblings."""


@rows_of("pg_catalog", "pg_enum")
def pg_enum(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """The labels of enum types, numbered in order."""
    for declared in catalog.types():
        if isinstance(declared, EnumType):
            for place, label in enumerate(declared.labels, 1):
                yield {
                    "oid": label.oid,
                    "enumtypid": declared.oid + 1,
                    "enumsortorder": float(place),
                    "enumlabel": label.name,
                }


def _composite(thing: Relation | CompositeType) -> Iterator[Row]:
    facts = {"typtype": "c", "typcategory": "C", "typrelid": thing.oid, **_io("record")}
    return _declared(thing.oid + 1, thing.name, thing.schema_oid, facts)


def _declared(oid: int, name: str, schema_oid: int, facts: Row) -> Iterator[Row]:
    """A type, and the array over it, which has the next OID."""
    shared: Row = {
        "typnamespace": schema_oid,
        "typowner": SUPERUSER,
        "typlen": -1,
        "typisdefined": True,
        "typdelim": ",",
        "typalign": "d",
        "typstorage": "x",
        "typtypmod": -1,
    }
    yield {**shared, "oid": oid, "typname": name, "typarray": oid + 1, **facts}
    array = {"typtype": "b", "typcategory": "A", "typelem": oid, **_io("array")}
    yield {**shared, "oid": oid + 1, "typname": f"_{name}", **array}


@cache
def _io(stem: str) -> Row:
    names = {"typinput": "in", "typoutput": "out", "typreceive": "recv", "typsend": "send"}
    return {column: io_function_oids()[f"{stem}_{suffix}"] for column, suffix in names.items()}
