"""pg_class and what hangs on it: attributes, defaults, indexes, constraints, row types, rewrite rules, dependencies.

Sources and sinks show as tables (relkind r), so that clients that list tables list them.
"""

from collections.abc import Iterable, Iterator

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.definitions import constraint_oid
from pgstream.catalog.objects import (
    SUPERUSER,
    Check,
    CompositeType,
    DomainType,
    ForeignKey,
    Index,
    MaterializedView,
    Relation,
    Schema,
    Source,
    Table,
    TableColumn,
    View,
)
from pgstream.catalog.sequence_rows import class_row, sequences_of
from pgstream.catalog.shared import Connection, Secret
from pgstream.catalog.system import Row, SystemRelation, relations_by_name, rows_of
from pgstream.functions.registry import EvalContext
from pgstream.types import SqlType

HEAP, BTREE = 2, 403
CLASS_PG_CLASS, CLASS_PG_TYPE, CLASS_PG_CONSTRAINT, CLASS_PG_REWRITE = 1259, 1247, 2606, 2618

_OPERATOR_CLASSES = {
    "int2": 1979, "int4": 1978, "int8": 3124, "float4": 1970, "float8": 3123, "numeric": 3125, "text": 3126,
    "varchar": 3126, "bpchar": 426, "name": 1986, "bool": 424, "date": 3122, "time": 1996, "timestamp": 3128,
    "timestamptz": 3127, "interval": 1982, "uuid": 2968, "bytea": 428, "jsonb": 4033, "oid": 1981,
}  # fmt: skip
"""Default B-tree operator class of each indexable type, by PostgreSQL's OIDs."""


def relkind(thing: Relation | SystemRelation | CompositeType) -> str:
    """The pg_class.relkind of a relation."""
    if isinstance(thing, SystemRelation):
        return thing.kind
    if isinstance(thing, View):
        return "v"
    if isinstance(thing, CompositeType):
        return "c"
    return "m" if isinstance(thing, MaterializedView) else "r"


def all_relations(catalog: Catalog) -> Iterator[Relation | SystemRelation]:
    """System relations, then the user's."""
    yield from relations_by_name().values()
    yield from catalog.relations()


def _indexes(catalog: Catalog) -> Iterator[Index]:
    return (thing for thing in catalog.in_order() if isinstance(thing, Index))


def _class(thing: Relation | SystemRelation | CompositeType, indexed: bool) -> Row:
    kind = relkind(thing)
    user = not isinstance(thing, SystemRelation)
    return {
        "oid": thing.oid,
        "relname": thing.name,
        "relnamespace": thing.schema_oid,
        "reltype": thing.oid + 1 if user else 0,
        "relowner": SUPERUSER,
        "relam": 0 if kind == "v" else HEAP,
        "relfilenode": 0 if kind == "v" else thing.oid,
        "reltuples": -1.0,
        "relhasindex": indexed,
        "relchecks": len(thing.checks) if isinstance(thing, Table) else 0,
        "relpersistence": "p",
        "relkind": kind,
        "relnatts": len(thing.columns),
        "relhasrules": kind in "vm",
        "relispopulated": True,
        "relreplident": "n" if kind == "v" else "d",
        "reloptions": [f"{name}={value}" for name, value in getattr(thing, "kept", ())] or None,
    }


def _builtin_classes() -> Iterator[Row]:
    return (_class(thing, False) for thing in relations_by_name().values())


@rows_of("pg_catalog", "pg_class", builtin=_builtin_classes)
def pg_class(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Relations and indexes. `relpages` is 0 throughout, which keeps clients from scanning by ctid."""
    indexed = {index.relation_oid for index in _indexes(catalog)}
    keys = [thing for thing in catalog.in_order() if isinstance(thing, ForeignKey)]
    watched = {oid for key in keys for oid in (key.relation_oid, key.target_oid)}
    for thing in catalog.relations():
        yield {**_class(thing, thing.oid in indexed), "relhastriggers": thing.oid in watched}
    for declared in catalog.composites():
        yield {**_class(declared, False), "relam": 0, "relfilenode": 0, "relreplident": "n"}
    for index in _indexes(catalog):
        yield {
            "oid": index.oid,
            "relname": index.name,
            "relnamespace": index.schema_oid,
            "relowner": SUPERUSER,
            "relam": BTREE,
            "relfilenode": index.oid,
            "relpersistence": "p",
            "relkind": "i",
            "relnatts": len(index.columns),
            "relispopulated": True,
            "relreplident": "n",
        }
    yield from (class_row(one) for one in sequences_of(catalog))


def _attributes(things: Iterable[Relation | SystemRelation | CompositeType]) -> Iterator[Row]:
    for thing in things:
        for number, column in enumerate(thing.columns, 1):
            yield _attribute(thing.oid, number, column)


@rows_of("pg_catalog", "pg_attribute", builtin=lambda: _attributes(relations_by_name().values()))
def pg_attribute(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Columns of relations, and the key columns of indexes."""
    yield from _attributes(catalog.relations())
    yield from _attributes(catalog.composites())
    for index in _indexes(catalog):
        for number, key in enumerate(index.columns, 1):
            column = catalog.indexed(index).columns[key.position]
            yield _attribute(index.oid, number, TableColumn(column.name, column.type))


def _attribute(relation_oid: int, number: int, column: TableColumn) -> Row:
    definition = column.type.definition
    return {
        "attrelid": relation_oid,
        "attname": column.name,
        "atttypid": definition.oid,
        "attstattarget": -1,
        "attlen": definition.length,
        "attnum": number,
        "attndims": 0 if definition.element is None else 1,
        "attcacheoff": -1,
        "atttypmod": column.type.typmod,
        "attbyval": definition.by_value,
        "attalign": definition.align,
        "attstorage": definition.toast,
        "attnotnull": column.not_null,
        "atthasdef": (column.default is not None or column.generated is not None) and not column.identity,
        "attidentity": column.identity,
        "attgenerated": "" if column.generated is None else "s",
        "attislocal": True,
        "attcollation": definition.collation,
    }


@rows_of("pg_catalog", "pg_attrdef")
def pg_attrdef(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Column defaults: `adbin` is the default's SQL text, which `pg_get_expr` gives back."""
    for thing in catalog.relations():
        for number, column in enumerate(thing.columns, 1):
            kept = column.default if column.generated is None else column.generated
            if kept is not None and not column.identity:
                yield {"oid": thing.oid, "adrelid": thing.oid, "adnum": number, "adbin": kept}


@rows_of("pg_catalog", "pg_index")
def pg_index(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for thing in _indexes(catalog):
        types = [catalog.indexed(thing).columns[key.position].type.definition for key in thing.columns]
        yield {
            "indexrelid": thing.oid,
            "indrelid": thing.relation_oid,
            "indnatts": len(thing.columns),
            "indnkeyatts": len(thing.columns),
            "indisunique": thing.unique,
            "indisprimary": thing.primary,
            "indimmediate": True,
            "indisvalid": True,
            "indisready": True,
            "indislive": True,
            "indkey": [key.position + 1 for key in thing.columns],
            "indcollation": [kind.collation for kind in types],
            "indclass": [_OPERATOR_CLASSES.get(kind.name, 0) for kind in types],
            "indoption": [key.descending * 1 + key.nulls_first * 2 for key in thing.columns],
        }


@rows_of("pg_catalog", "pg_constraint")
def pg_constraint(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Primary keys and UNIQUE constraints, each with its index."""
    for index in _indexes(catalog):
        oid = constraint_oid(catalog, index)
        if oid:
            yield {
                "oid": oid,
                "conname": index.name,
                "connamespace": index.schema_oid,
                "contype": "p" if index.primary else "u",
                "convalidated": True,
                "conrelid": index.relation_oid,
                "conindid": index.oid,
                "confupdtype": " ",
                "confdeltype": " ",
                "confmatchtype": " ",
                "conislocal": True,
                "connoinherit": True,
                "conkey": [key.position + 1 for key in index.columns],
            }
    for table in catalog.relations():
        if isinstance(table, Table):
            yield from (_check(table, check) for check in table.checks)
    for declared in catalog.types():
        if isinstance(declared, DomainType):
            yield from (_check_of_domain(declared, check) for check in declared.checks)
    for thing in catalog.in_order():
        if isinstance(thing, ForeignKey):
            yield _foreign_key(catalog, thing)


def _foreign_key(catalog: Catalog, key: ForeignKey) -> Row:
    return {
        "oid": key.oid,
        "conname": key.label,
        "connamespace": key.schema_oid,
        "contype": "f",
        "condeferrable": key.deferrable,
        "condeferred": key.deferred,
        "convalidated": key.validated,
        "conrelid": key.relation_oid,
        "conindid": _referred_index(catalog, key),
        "confrelid": key.target_oid,
        "confupdtype": key.on_update,
        "confdeltype": key.on_delete,
        "confmatchtype": key.match,
        "conislocal": True,
        "connoinherit": True,
        "conkey": [place + 1 for place in key.columns],
        "confkey": [place + 1 for place in key.target_columns],
        "confdelsetcols": [place + 1 for place in key.set_columns] or None,
    }


def _referred_index(catalog: Catalog, key: ForeignKey) -> int:
    """The unique index that a foreign key needs."""
    for index in catalog.indexes(key.target_oid):
        if index.unique and {column.position for column in index.columns} == set(key.target_columns):
            return index.oid
    return 0


def _check_of_domain(declared: DomainType, check: Check) -> Row:
    return {
        "oid": check.oid,
        "conname": check.name,
        "connamespace": declared.schema_oid,
        "contype": "c",
        "convalidated": check.validated,
        "contypid": declared.oid + 1,
        "confupdtype": " ",
        "confdeltype": " ",
        "confmatchtype": " ",
        "conislocal": True,
        "conbin": check.expression,
    }


def _check(table: Table, check: Check) -> Row:
    return {
        "oid": check.oid,
        "conname": check.name,
        "connamespace": table.schema_oid,
        "contype": "c",
        "convalidated": check.validated,
        "conrelid": table.oid,
        "confupdtype": " ",
        "confdeltype": " ",
        "confmatchtype": " ",
        "conislocal": True,
        "connoinherit": check.no_inherit,
        "conkey": [i for i, column in enumerate(table.columns, 1) if column.name in check.columns] or None,
        "conbin": check.expression,
    }


@rows_of("pg_catalog", "pg_rewrite")
def pg_rewrite(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """The `_RETURN` rule of each view, under the OID of its row type's array."""
    for thing in catalog.relations():
        if isinstance(thing, View | MaterializedView):
            yield {
                "oid": thing.oid + 2,
                "rulename": "_RETURN",
                "ev_class": thing.oid,
                "ev_type": "1",
                "ev_enabled": "O",
                "is_instead": True,
                "ev_qual": "<>",
                "ev_action": "<>",
            }


@rows_of("pg_catalog", "pg_depend")
def pg_depend(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Views on what they read, indexes on their tables."""
    for thing in catalog.in_order():
        if isinstance(thing, Schema | Secret | Connection):
            continue
        rule = isinstance(thing, View | MaterializedView)
        for needed in (oid for oid in sorted(thing.depends) if catalog.describes(oid) is not None):
            yield {
                "classid": CLASS_PG_REWRITE if rule else CLASS_PG_CLASS,
                "objid": thing.oid + 2 if rule else thing.oid,
                "refclassid": CLASS_PG_CLASS,
                "refobjid": needed,
                "deptype": "n" if rule else "a",
            }
    yield from _ownerships(catalog)


def _ownerships(catalog: Catalog) -> Iterator[Row]:
    """Sequences on the columns that they go with."""
    for one in sequences_of(catalog):
        table = catalog.objects.get(one.owner)
        if isinstance(table, Table):
            yield {
                "classid": CLASS_PG_CLASS,
                "objid": one.oid,
                "refclassid": CLASS_PG_CLASS,
                "refobjid": table.oid,
                "refobjsubid": 1 + [column.name for column in table.columns].index(one.column),
                "deptype": "i" if one.identity else "a",
            }


def columns_of(catalog: Catalog, oid: int) -> Iterable[tuple[str, SqlType]]:
    """Names and types of a relation's columns; nothing where there is no such relation."""
    thing = catalog.objects.get(oid)
    if isinstance(thing, Source | Table | View | MaterializedView):
        return [(column.name, column.type) for column in thing.columns]
    return []
