"""Catalog: an immutable snapshot of all objects of one database.

A change gives a new catalog that shares everything untouched, so a reader keeps the one it began with and a
transaction that rolls back just drops its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from pgstream.catalog.objects import (
    FIRST_USER_OID,
    INFORMATION_SCHEMA,
    OIDS_PER_RELATION,
    PG_CATALOG,
    PUBLIC,
    CatalogObject,
    Feed,
    Index,
    Relation,
    Schema,
)
from pgstream.catalog.system import SystemRelation, relations_by_name, relations_by_oid
from pgstream.delta import Column
from pgstream.errors import InvalidSchemaName, UndefinedTable

BUILTIN_SCHEMAS = (
    Schema(PG_CATALOG, "pg_catalog"),
    Schema(PUBLIC, "public"),
    Schema(INFORMATION_SCHEMA, "information_schema"),
)


@dataclass(frozen=True, slots=True)
class Catalog:
    """`objects` by OID, in order of creation; relations, indexes and feeds of a schema share one name space.

    `version` grows with every change, so that a plan bound against one version knows when to bind again.
    """

    version: int
    next_oid: int
    objects: dict[int, CatalogObject]
    names: dict[tuple[int, str], int]
    schema_oids: dict[str, int] = field(default_factory=dict)
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
        names = {
            (thing.schema_oid, thing.name): thing.oid for thing in by_oid.values() if not isinstance(thing, Schema)
        }
        schemas = {thing.name: thing.oid for thing in by_oid.values() if isinstance(thing, Schema)}
        return Catalog(version, next_oid, by_oid, names, schemas)

    def reserve(self, relations: int = 1) -> tuple[int, Catalog]:
        """The first of fresh OIDs for `relations` relations, and the catalog in which they are taken."""
        return self.next_oid, replace(self, next_oid=self.next_oid + OIDS_PER_RELATION * relations)

    def put(self, thing: CatalogObject) -> Catalog:
        """This catalog with `thing` in place of whatever had its OID."""
        objects = {**self.objects, thing.oid: thing}
        if isinstance(thing, Schema):
            return replace(
                self,
                version=self.version + 1,
                objects=objects,
                schema_oids={**self.schema_oids, thing.name: thing.oid},
            )
        names = {**self.names, (thing.schema_oid, thing.name): thing.oid}
        return replace(self, version=self.version + 1, objects=objects, names=names)

    def drop(self, oids: Iterable[int]) -> Catalog:
        """This catalog without these objects. Dependents are the caller's business (`dependents`)."""
        gone = set(oids)
        kept = (thing for oid, thing in self.objects.items() if oid not in gone)
        return Catalog.of(self.version + 1, self.next_oid, kept)

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
        self, schema: str | None, name: str, search_path: Sequence[str]
    ) -> Relation | SystemRelation | Index | Feed | None:
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

    def relation(
        self, schema: str | None, name: str, search_path: Sequence[str], position: int | None = None
    ) -> Relation | SystemRelation:
        """The table, view, materialized view, source, sink or system relation of that name.

        Raises UndefinedTable.
        """
        found = self.lookup(schema, name, search_path)
        if found is None or isinstance(found, Index | Feed):
            shown = name if schema is None else f"{schema}.{name}"
            raise UndefinedTable(f'relation "{shown}" does not exist', position=position)
        return found

    def relations(self) -> Iterator[Relation]:
        """All tables, views, materialized views, sources and sinks, oldest first."""
        for thing in self.objects.values():
            if not isinstance(thing, Schema | Index | Feed):
                yield thing

    def indexes(self, relation_oid: int) -> list[Index]:
        """The indexes over one relation, oldest first."""
        return [
            thing for thing in self.objects.values() if isinstance(thing, Index) and thing.relation_oid == relation_oid
        ]

    def describes(self, oid: int) -> Relation | SystemRelation | Index | None:
        """What pg_class has under this OID."""
        thing = self.objects.get(oid)
        if thing is None:
            return relations_by_oid().get(oid)
        return None if isinstance(thing, Schema | Feed) else thing

    def indexed(self, index: Index) -> Relation:
        """The relation that `index` arranges."""
        relation = self.objects[index.relation_oid]
        assert not isinstance(relation, Schema | Index | Feed)
        return relation

    def dependents(self, oid: int) -> list[CatalogObject]:
        """The objects that directly need `oid`: readers of a relation, or what a schema contains; oldest first."""
        return [
            thing
            for thing in self.objects.values()
            if not isinstance(thing, Schema) and (oid in thing.depends or thing.schema_oid == oid)
        ]
