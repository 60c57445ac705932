"""DROP: what goes with an object, what forbids it, and PostgreSQL's words for both."""

from collections import deque
from dataclasses import replace

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import (
    KIND_NAMES,
    CatalogObject,
    Comment,
    Feed,
    ForeignKey,
    Index,
    Relation,
    Schema,
    Sequence,
    SqlFunction,
    Table,
)
from pgstream.engine.outcome import Notice
from pgstream.errors import DependentObjectsStillExist, FeatureNotSupported
from pgstream.sql.bind.statements import Drop

Gone = tuple[set[int], tuple[Notice, ...]]
"""The OIDs of what goes, and what to tell."""

LISTED_MAX = 100
"""How many dependent objects a message names."""


def drop(catalog: Catalog, statement: Drop) -> tuple[set[int], tuple[Notice, ...]]:
    """The OIDs that go, and what to tell. Raises DependentObjectsStillExist without CASCADE."""
    notices = [Notice(told) for told in statement.missing]
    named = set(statement.oids)
    gone, others = set(named), list[tuple[CatalogObject, CatalogObject]]()
    for oid in statement.oids:
        _refuse_primary_index(catalog, oid)
    waiting = deque(catalog.objects[oid] for oid in statement.oids)
    while waiting:
        needed = waiting.popleft()
        for dependent in _needing(catalog, needed):
            if dependent.oid in gone:
                continue
            gone.add(dependent.oid)
            waiting.append(dependent)
            if not _internal(dependent, gone):
                others.append((dependent, needed))
    if others and not statement.cascade:
        raise _refusal(catalog, statement, others)
    notices += cascading(catalog, [dependent for dependent, _ in others])
    return gone, tuple(notices)


def without_defaults(catalog: Catalog, statement: Drop) -> tuple[Catalog, tuple[Notice, ...]]:
    """The catalog in which no column draws from a sequence that goes, and what to tell. Raises
    DependentObjectsStillExist without CASCADE."""
    lines, notices = [], []
    going = [thing for oid in statement.oids if isinstance(thing := catalog.objects[oid], Sequence)]
    for sequence in going:
        said = called(catalog, sequence)
        if sequence.identity:
            where = f"column {sequence.column} of {called(catalog, catalog.objects[sequence.owner])}"
            raise DependentObjectsStillExist(
                f"cannot drop {said} because {where} requires it", hint=f"You can drop {where} instead."
            )
        for table in [thing for thing in catalog.relations() if isinstance(thing, Table)]:
            columns = list(table.columns)
            for place, column in enumerate(columns):
                if column.default is None or f"'{sequence.oid}'::regclass" not in column.default:
                    continue
                what = f"default value for column {column.name} of {called(catalog, table)}"
                lines.append(f"{what} depends on {said}")
                notices.append(Notice(f"drop cascades to {what}"))
                columns[place] = replace(column, default=None)
            if columns != list(table.columns):
                catalog = catalog.put(replace(table, columns=tuple(columns)))
    if lines and not statement.cascade:
        raise DependentObjectsStillExist(
            f"cannot drop {called(catalog, going[0])} because other objects depend on it",
            detail=listed(lines),
            hint="Use DROP ... CASCADE to drop the dependent objects too.",
        )
    return catalog, tuple(notices)


def cascading(catalog: Catalog, others: list[CatalogObject]) -> list[Notice]:
    """What CASCADE tells of the other objects that go."""
    return cascading_words([called(catalog, other) for other in others])


def cascading_words(others: list[str]) -> list[Notice]:
    """As `cascading`, of what is said in words already."""
    if len(others) == 1:
        return [Notice(f"drop cascades to {others[0]}")]
    if not others:
        return []
    lines = listed([f"drop cascades to {other}" for other in others])
    return [Notice(f"drop cascades to {len(others)} other objects", detail=lines)]


def drop_column(catalog: Catalog, table: Table, users: dict[str, list[CatalogObject]], cascade: bool) -> Gone:
    """What goes with columns of `table`, each of which has users. Raises DependentObjectsStillExist."""
    gone, others, lines = set[int](), list[CatalogObject](), list[tuple[str, str]]()
    for column, some in users.items():
        waiting = deque((one, f"column {column} of {called(catalog, table)}") for one in some)
        while waiting:
            one, needed = waiting.popleft()
            if one.oid in gone:
                continue
            gone.add(one.oid)
            if not _internal(one, gone):
                others.append(one)
                lines.append((column, f"{called(catalog, one)} depends on {needed}"))
            waiting += [(dependent, called(catalog, one)) for dependent in _needing(catalog, one)]
    if others and not cascade:
        first = lines[0][0]
        raise DependentObjectsStillExist(
            f"cannot drop column {first} of {called(catalog, table)} because other objects depend on it",
            detail=listed([line for column, line in lines if column == first]),
            hint="Use DROP ... CASCADE to drop the dependent objects too.",
        )
    return gone, tuple(cascading(catalog, others))


def _needing(catalog: Catalog, needed: CatalogObject) -> list[CatalogObject]:
    """What cannot be without `needed`."""
    return [*catalog.dependents(needed.oid), *catalog.belonging(needed.oid)]


def _internal(thing: CatalogObject, gone: set[int]) -> bool:
    """Whether `thing` is a part of something that goes, and goes without a word."""
    if isinstance(thing, Index):
        return thing.relation_oid in gone
    if isinstance(thing, Feed):
        return thing.sink_oid in gone
    if isinstance(thing, ForeignKey):
        return thing.relation_oid in gone
    if isinstance(thing, Comment):
        return True
    if isinstance(thing, Sequence):
        return thing.owner in gone
    return isinstance(thing, Table) and thing.errors_of in gone


def _refuse_primary_index(catalog: Catalog, oid: int) -> None:
    thing = catalog.objects[oid]
    if isinstance(thing, Index) and (thing.primary or thing.constraint_oid):
        table = catalog.indexed(thing).name
        raise DependentObjectsStillExist(
            f"cannot drop index {thing.name} because constraint {thing.name} on table {table} requires it",
            hint=f"You can drop constraint {thing.name} on table {table} instead.",
        )
    if isinstance(thing, Table) and thing.errors_of:
        source = catalog.objects[thing.errors_of].name
        raise DependentObjectsStillExist(
            f"cannot drop table {thing.name} because source {source} requires it",
            hint=f"You can drop source {source} instead.",
        )
    if isinstance(thing, Schema) and thing.name in ("pg_catalog", "information_schema"):
        raise FeatureNotSupported(f"cannot drop schema {thing.name} because it is required by the database system")


def _refusal(
    catalog: Catalog, statement: Drop, others: list[tuple[CatalogObject, CatalogObject]]
) -> DependentObjectsStillExist:
    detail = listed([f"{called(catalog, one)} depends on {_as_needed(catalog, one, needed)}" for one, needed in others])
    if len(statement.oids) == 1:
        subject = called(catalog, catalog.objects[statement.oids[0]])
        message = f"cannot drop {subject} because other objects depend on it"
    else:
        message = "cannot drop desired object(s) because other objects depend on them"
    return DependentObjectsStillExist(
        message, detail=detail, hint="Use DROP ... CASCADE to drop the dependent objects too."
    )


def _as_needed(catalog: Catalog, one: CatalogObject, needed: CatalogObject) -> str:
    """What `one` needs of `needed`: a function that returns rows of a table needs the type of those."""
    text = called(catalog, needed)
    if isinstance(one, SqlFunction) and isinstance(needed, Relation) and one.returns:
        return f"type {text.removeprefix(KIND_NAMES[type(needed)]).strip()}"
    return text


def listed(lines: list[str]) -> str:
    """The lines of a detail, of which PostgreSQL shows a hundred."""
    more = len(lines) - LISTED_MAX
    if more <= 0:
        return "\n".join(lines)
    objects = "object" if more == 1 else "objects"
    return "\n".join([*lines[:LISTED_MAX], f"and {more} other {objects} (see server log for list)"])


def called(catalog: Catalog, thing: CatalogObject) -> str:
    """`table t`; with the schema unless that is public."""
    if isinstance(thing, Schema):
        return f"schema {thing.name}"
    if isinstance(thing, ForeignKey):
        return f"constraint {thing.label} on {called(catalog, catalog.objects[thing.relation_oid])}"
    schema = catalog.schema_name(thing.schema_oid)
    name = thing.name if schema == "public" else f"{schema}.{thing.name}"
    return f"{KIND_NAMES[type(thing)]} {name}"
