"""Catalog: an immutable snapshot of all objects of one database.

A change gives a new catalog that shares everything untouched, so a reader keeps the one it began with and a
transaction that rolls back just drops its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Sequence as Listed
from dataclasses import dataclass, field, replace

from pgstream.catalog.objects import (
    FIRST_USER_OID,
    INFORMATION_SCHEMA,
    OIDS_PER_RELATION,
    PG_CATALOG,
    PUBLIC,
    CatalogObject,
    Comment,
    CompositeType,
    Feed,
    ForeignKey,
    Index,
    Relation,
    Schema,
    Sequence,
    Source,
    SqlFunction,
    Subscription,
    Table,
    TableColumn,
    Unlisted,
    UserType,
)
from pgstream.catalog.sequence_values import SequenceValues
from pgstream.catalog.system import SystemRelation, relations_by_name, relations_by_oid
from pgstream.delta import Column
from pgstream.errors import InvalidSchemaName, UndefinedTable
from pgstream.persistent import PersistentMap
from pgstream.types.definition import SqlType
from pgstream.types.described import described_oids

BUILTIN_SCHEMAS = (
    Schema(PG_CATALOG, "pg_catalog"),
    Schema(PUBLIC, "public"),
    Schema(INFORMATION_SCHEMA, "information_schema"),
)


@dataclass(slots=True)
class Versions:
    """Numbers for catalogs, no two of which have the same one.

    Two transactions that roll back one after another make as many changes to one catalog; what was bound in the first
    names OIDs that mean nothing in the second. Catalogs change on the engine thread only.
    """

    newest: int = 0

    def after(self, version: int) -> int:
        """A later version than this one."""
        self.newest = max(self.newest, version) + 1
        return self.newest


VERSIONS = Versions()


@dataclass(frozen=True, slots=True)
class Catalog:
    """`objects` by OID; relations, indexes and feeds of a schema share one name space.

    `version` grows with every change, so that a plan bound against one version knows when to bind again. `readers`
    has, by the OID of a relation, the OIDs of what needs it, and `parts` those of what belongs to it: the indexes of a
    relation, the feeds of a sink, the errors relation of a source. `routines` has functions by schema and name.
    """

    version: int
    next_oid: int
    objects: PersistentMap[int, CatalogObject]
    names: PersistentMap[tuple[int, str], int]
    schema_oids: dict[str, int] = field(default_factory=dict)
    readers: PersistentMap[int, PersistentMap[int, None]] = field(default_factory=PersistentMap)
    parts: PersistentMap[int, tuple[int, ...]] = field(default_factory=PersistentMap)
    routines: PersistentMap[tuple[int, str], tuple[int, ...]] = field(default_factory=PersistentMap)
    source_oids: frozenset[int] = frozenset()
    subscription_oids: frozenset[int] = frozenset()
    sequences: SequenceValues = field(default_factory=SequenceValues, compare=False, repr=False)
    """Where the sequences stand, which is the same for all catalogs of a database."""
    contents: dict[int, tuple[Column, ...]] = field(default_factory=dict, init=False, compare=False, repr=False)
    """The rows of system relations that this catalog was asked for, by the relation's OID."""

    @staticmethod
    def new() -> Catalog:
        """What a new database holds: its built-in schemas."""
        return Catalog.of(0, FIRST_USER_OID, BUILTIN_SCHEMAS)

    @staticmethod
    def of(version: int, next_oid: int, objects: Iterable[CatalogObject]) -> Catalog:
        """The catalog of these objects, as read back from the store."""
        by_oid = {thing.oid: thing for thing in objects}
        placed = [thing for thing in by_oid.values() if not isinstance(thing, Schema)]
        readers: dict[int, dict[int, None]] = {}
        parts: dict[int, tuple[int, ...]] = {}
        for thing in placed:
            for needed in needs(thing):
                readers.setdefault(needed, {})[thing.oid] = None
            whole = whole_of(thing)
            if whole:
                parts[whole] = (*parts.get(whole, ()), thing.oid)
        return Catalog(
            version,
            next_oid,
            PersistentMap(by_oid),
            PersistentMap(((thing.schema_oid, thing.name), thing.oid) for thing in placed),
            {thing.name: thing.oid for thing in by_oid.values() if isinstance(thing, Schema)},
            PersistentMap((needed, PersistentMap(found)) for needed, found in readers.items()),
            PersistentMap(parts),
            PersistentMap(_routines(placed)),
            frozenset(thing.oid for thing in placed if isinstance(thing, Source)),
            frozenset(thing.oid for thing in placed if isinstance(thing, Subscription)),
        )

    def reserve(self, relations: int = 1) -> tuple[int, Catalog]:
        """The first of fresh OIDs for `relations` relations, and the catalog in which they are taken."""
        return self.next_oid, replace(self, next_oid=self.next_oid + OIDS_PER_RELATION * relations)

    def put(self, thing: CatalogObject) -> Catalog:
        """This catalog with `thing` in place of whatever had its OID."""
        version, old = VERSIONS.after(self.version), self.objects.get(thing.oid)
        objects = self.objects.put(thing.oid, thing)
        if isinstance(thing, Schema):
            schemas = {name: oid for name, oid in self.schema_oids.items() if oid != thing.oid} | {
                thing.name: thing.oid
            }
            return replace(self, version=version, objects=objects, schema_oids=schemas)
        names, readers, parts = self.names, self.readers, self.parts
        if old is not None and not isinstance(old, Schema):
            names = names.without([(old.schema_oid, old.name)])
            unread = needs(old) - needs(thing)
            readers = readers.update({needed: readers[needed].without([old.oid]) for needed in unread})
        whole, empty = whole_of(thing), PersistentMap[int, None]()
        before = 0 if old is None or isinstance(old, Schema) else whole_of(old)
        if before and before != whole:
            parts = parts.put(before, tuple(oid for oid in parts.get(before, ()) if oid != thing.oid))
        if whole and before != whole:
            parts = parts.put(whole, (*parts.get(whole, ()), thing.oid))
        return replace(
            self,
            version=version,
            objects=objects,
            names=names.put((thing.schema_oid, thing.name), thing.oid),
            readers=readers.update({oid: readers.get(oid, empty).put(thing.oid, None) for oid in needs(thing)}),
            parts=parts,
            routines=self._with_routine(old, thing),
            source_oids=self.source_oids | _oid_of(thing, Source),
            subscription_oids=self.subscription_oids | _oid_of(thing, Subscription),
        )

    def drop(self, oids: Iterable[int]) -> Catalog:
        """This catalog without these objects. Dependents are the caller's business (`dependents`)."""
        gone = {oid: self.objects[oid] for oid in oids if oid in self.objects}
        placed = [thing for thing in gone.values() if not isinstance(thing, Schema)]
        reading: dict[int, list[int]] = {}
        parts: dict[int, tuple[int, ...]] = {}
        for thing in placed:
            for needed in needs(thing) - gone.keys():
                reading.setdefault(needed, []).append(thing.oid)
            whole = whole_of(thing)
            if whole and whole not in gone:
                parts[whole] = tuple(oid for oid in self.parts[whole] if oid not in gone)
        readers = {needed: self.readers[needed].without(some) for needed, some in reading.items()}
        return replace(
            self,
            version=VERSIONS.after(self.version),
            objects=self.objects.without(gone),
            names=self.names.without((thing.schema_oid, thing.name) for thing in placed),
            schema_oids={name: oid for name, oid in self.schema_oids.items() if oid not in gone},
            readers=self.readers.update(readers).without(gone),
            parts=self.parts.update(parts).without(gone),
            routines=self._without_routines([thing for thing in placed if isinstance(thing, SqlFunction)]),
            source_oids=self.source_oids - gone.keys(),
            subscription_oids=self.subscription_oids - gone.keys(),
        )

    def _with_routine(self, old: object, new: object) -> PersistentMap[tuple[int, str], tuple[int, ...]]:
        routines = self._without_routines([old]) if isinstance(old, SqlFunction) else self.routines
        if not isinstance(new, SqlFunction):
            return routines
        key = new.schema_oid, new.routine
        return routines.put(key, (*routines.get(key, ()), new.oid))

    def _without_routines(self, gone: Listed[SqlFunction]) -> PersistentMap[tuple[int, str], tuple[int, ...]]:
        oids = {one.oid for one in gone}
        changed = {}
        for one in gone:
            key = one.schema_oid, one.routine
            changed[key] = tuple(oid for oid in self.routines.get(key, ()) if oid not in oids)
        return self.routines.update(changed) if changed else self.routines

    def functions(self, schema: str, name: str) -> list[SqlFunction]:
        """The user's functions of that name in a schema."""
        oids = self.routines.get((self.schema_oids.get(schema, 0), name), ())
        found = [self.objects[oid] for oid in sorted(oids)]
        return [thing for thing in found if isinstance(thing, SqlFunction)]

    def schema(self, name: str, position: int | None = None) -> Schema:
        """Raises InvalidSchemaName."""
        oid = self.schema_oids.get(name)
        if oid is None:
            raise InvalidSchemaName(f'schema "{name}" does not exist', position=position)
        found = self.objects[oid]
        assert isinstance(found, Schema)
        return found

    def schema_name(self, oid: int) -> str:
        return self.objects[oid].name

    def lookup(
        self, schema: str | None, name: str, search_path: Listed[str]
    ) -> Relation | SystemRelation | Unlisted | None:
        """What `[schema.]name` means to a session; None where it means nothing. Unknown schemas hold nothing.

        pg_catalog is searched first unless the path itself says where.
        """
        path = (schema,) if schema is not None else tuple(search_path)
        if schema is None and "pg_catalog" not in path:
            path = ("pg_catalog", *path)
        for candidate in path:
            system = relations_by_name().get((candidate, name))
            if system is not None:
                return system
            schema_oid = self.schema_oids.get(candidate)
            oid = None if schema_oid is None else self.names.get((schema_oid, name))
            if oid is not None:
                found = self.objects[oid]
                assert not isinstance(found, Schema)
                return found
        return None

    def typed(self, schema: str | None, name: str, search_path: Listed[str]) -> UserType | Relation | None:
        """The type of that name: one that was declared, or the relation whose rows are of it."""
        for candidate in (schema,) if schema is not None else tuple(search_path):
            schema_oid = self.schema_oids.get(candidate)
            found = None if schema_oid is None else self.objects.get(self.names.get((schema_oid, name), 0))
            if isinstance(found, UserType | Relation):
                return found
        return None

    def composites(self) -> Iterator[CompositeType]:
        """The composite types that were declared, oldest first."""
        return (thing for thing in self.types() if isinstance(thing, CompositeType))

    def types(self) -> Iterator[UserType]:
        """The types that were declared, oldest first."""
        for thing in self.in_order():
            if isinstance(thing, UserType):
                yield thing

    def relation(
        self, schema: str | None, name: str, search_path: Listed[str], position: int | None = None
    ) -> Relation | SystemRelation:
        """The table, view, materialized view, source, sink or system relation of that name.

        Raises UndefinedTable.
        """
        found = self.lookup(schema, name, search_path)
        if found is None or isinstance(found, Unlisted):
            shown = name if schema is None else f"{schema}.{name}"
            raise UndefinedTable(f'relation "{shown}" does not exist', position=position)
        return found

    def in_order(self) -> list[CatalogObject]:
        """All objects, oldest first."""
        return [self.objects[oid] for oid in sorted(self.objects)]

    def schemas(self) -> list[Schema]:
        """The schemas, oldest first."""
        things = [self.objects[oid] for oid in sorted(self.schema_oids.values())]
        return [thing for thing in things if isinstance(thing, Schema)]

    def relations(self) -> Iterator[Relation]:
        """All tables, views, materialized views, sources and sinks, oldest first."""
        for thing in self.in_order():
            if not isinstance(thing, Schema | Unlisted):
                yield thing

    def indexes(self, relation_oid: int) -> list[Index]:
        """The indexes over one relation, oldest first."""
        return [thing for thing in self.belonging(relation_oid) if isinstance(thing, Index)]

    def belonging(self, oid: int) -> list[CatalogObject]:
        """What is a part of the relation `oid`, oldest first."""
        return [self.objects[part] for part in sorted(self.parts.get(oid, ()))]

    def describes(self, oid: int) -> Relation | SystemRelation | Index | Sequence | CompositeType | None:
        """What pg_class has under this OID."""
        thing = self.objects.get(oid)
        if thing is None:
            return relations_by_oid().get(oid)
        return thing if isinstance(thing, Relation | Index | Sequence | CompositeType) else None

    def indexed(self, index: Index) -> Relation:
        """The relation that `index` arranges."""
        relation = self.objects[index.relation_oid]
        assert not isinstance(relation, Schema | Unlisted)
        return relation

    def dependents(self, oid: int) -> list[CatalogObject]:
        """The objects that directly need `oid`: readers of a relation, or what a schema contains; oldest first."""
        if isinstance(self.objects.get(oid), Schema):
            return [thing for thing in self.in_order() if not isinstance(thing, Schema) and thing.schema_oid == oid]
        return [self.objects[reader] for reader in sorted(self.readers.get(oid, ()))]


def needs(thing: CatalogObject) -> frozenset[int]:
    """The OIDs of the objects without which `thing` cannot be: what it reads, and the types of its columns."""
    if isinstance(thing, Schema):
        return frozenset()
    used: set[int] = set()
    for column in getattr(thing, "columns", ()):
        if isinstance(column, TableColumn):
            used |= type_needs(column.type)
    return thing.depends | (used - {thing.oid}) if used else thing.depends


def type_needs(type: SqlType) -> frozenset[int]:
    """The OIDs of the catalog's objects that declare what the type is made of."""
    return frozenset(oid - 1 for oid in described_oids(type))


def _oid_of(thing: CatalogObject, kind: type) -> frozenset[int]:
    """The OID of a thing of that kind; none of another."""
    return frozenset({thing.oid}) if isinstance(thing, kind) else frozenset()


def _routines(placed: Iterable[CatalogObject]) -> dict[tuple[int, str], tuple[int, ...]]:
    """The functions among some objects, by schema and name."""
    found: dict[tuple[int, str], tuple[int, ...]] = {}
    for thing in placed:
        if isinstance(thing, SqlFunction):
            key = thing.schema_oid, thing.routine
            found[key] = (*found.get(key, ()), thing.oid)
    return found


def whole_of(thing: CatalogObject) -> int:
    """The OID of the relation that `thing` is a part of; 0 where it is one of its own."""
    match thing:
        case (
            Index(relation_oid=oid)
            | ForeignKey(relation_oid=oid)
            | Feed(sink_oid=oid)
            | Table(errors_of=oid)
            | Sequence(owner=oid)
            | Comment(whole_oid=oid)
        ):
            return oid
    return 0
