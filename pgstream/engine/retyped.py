"""ALTER TYPE: the catalog, the rows and the views that are of an altered type."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pyarrow as pa

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import (
    CatalogObject,
    CompositeType,
    DomainType,
    EnumType,
    Feed,
    MaterializedView,
    Relation,
    Sink,
    Table,
    TableColumn,
    UserType,
    View,
)
from pgstream.catalog.user_types import type_of
from pgstream.circuit.circuit import State
from pgstream.delta import Column, Delta
from pgstream.engine.database import Database
from pgstream.engine.domains import require_kept
from pgstream.engine.draft import Draft
from pgstream.engine.dropping import called, cascading_words, listed
from pgstream.engine.head import Head
from pgstream.engine.outcome import Notice, Outcome
from pgstream.engine.reshaping import replanned
from pgstream.engine.roots import Roots
from pgstream.engine.steps import advance
from pgstream.errors import DependentObjectsStillExist, FeatureNotSupported, ObjectInUse, SqlError
from pgstream.sql.bind import BindScope, bind
from pgstream.sql.bind.alter_types import AlterType
from pgstream.sql.parse import parse
from pgstream.sql.retyping import Retyping
from pgstream.types.array import elements_of, with_elements
from pgstream.types.buffers import valid_rows
from pgstream.types.composite import composite_column, fields_of
from pgstream.types.definition import SqlType
from pgstream.types.described import described_oids, respelled

Texts = View | MaterializedView | Sink | Feed


@dataclass(frozen=True, slots=True)
class _Change:
    """Rows of a type, and the type with that OID within it, as another of its attributes."""

    oid: int
    kept: tuple[int, ...]

    def column(self, column: Column, before: SqlType, after: SqlType) -> Column:
        """`column`, which was of type `before`, as one of `after`."""
        if before.storage == after.storage and self.kept == tuple(range(len(self.kept))):
            return column
        if self.oid not in described_oids(before):
            return column
        if before.element is not None and after.element is not None:
            return with_elements(column, self.column(elements_of(column), before.element, after.element))
        old, new = before.definition.attributes, after.definition.attributes
        if old is None or new is None:
            return column
        fields = fields_of(column)
        kept = self.kept if before.oid == self.oid else tuple(range(len(new)))
        made = [
            pa.nulls(len(column), type.storage) if at < 0 else self.column(fields[at], old[at][1], type)
            for at, (_, type) in zip(kept, new, strict=True)
        ]
        return composite_column(made, after.storage, valid_rows(column))


def altered_type(database: Database, head: Head, statement: AlterType) -> tuple[Head, Draft]:
    """`head` with an altered type: rows that are stored have its new shape, and what reads them is planned anew."""
    declared = _with_oids(database, statement.declared)
    before, notices = head.catalog, [Notice(said, sqlstate=state) for said, state in statement.notices]
    require_kept(head, statement)
    catalog = _respelled(before.put(declared))
    catalog, gone = _with_texts(before, catalog, statement, declared)
    notices += cascading_words([called(before, before.objects[oid]) for oid in sorted(gone)])
    made = replace(head, catalog=catalog.drop(gone), roots=head.roots.drop(gone))
    change = _Change(declared.oid + 1, statement.kept)
    known = State()
    for table in [one for one in made.catalog.in_order() if isinstance(one, Table)]:
        old = before.objects[table.oid]
        assert isinstance(old, Table)
        if table.columns != old.columns:
            made, state = _restored(database, head, made, old, table, change)
            known = known.update(dict(state.items()))
    made, _ = replanned(database, head, made, declared.oid, known)
    made = made.pruned(head)
    return made, Draft(made, Outcome(statement.tag, notices=tuple(notices)), dropped=frozenset(gone), reshapes=True)


def _with_oids(database: Database, declared: UserType) -> UserType:
    if isinstance(declared, DomainType):
        checks = (one if one.oid else replace(one, oid=database.definer.new_oids(1)) for one in declared.checks)
        return replace(declared, checks=tuple(checks))
    if not isinstance(declared, EnumType):
        return declared
    labels = (label if label.oid else replace(label, oid=database.definer.new_oids(1)) for label in declared.labels)
    return replace(declared, labels=tuple(labels))


def _respelled(catalog: Catalog) -> Catalog:
    """`catalog`, in which the types of all columns are what it declares."""

    @cache
    def declared(oid: int) -> SqlType | None:
        thing = catalog.objects.get(oid - 1)
        return type_of(catalog, with_types(thing)) if isinstance(thing, UserType | Relation) else None

    def with_types(thing: Any) -> Any:
        columns = getattr(thing, "columns", ())
        if not any(isinstance(column, TableColumn) and described_oids(column.type) for column in columns):
            return thing
        return replace(thing, columns=tuple(replace(one, type=respelled(one.type, declared)) for one in columns))

    made = catalog
    for thing in catalog.in_order():
        now = with_types(thing)
        if now != thing:
            made = made.put(now)
    return made


def _restored(
    database: Database, head: Head, made: Head, old: Table, table: Table, change: _Change
) -> tuple[Head, Any]:
    """`made` with the rows of a table in their new shape, and the state that holds them."""
    if table.oid in head.watched:
        raise ObjectInUse(f'cannot ALTER TYPE because table "{table.name}" is being used by active subscriptions')
    node = database.definer.table_node(table)
    alone = replace(Head(0, made.catalog, Roots().store(table.oid, node)), clock=head.clock)
    spine = head.rows(table.oid)
    if spine is None:
        return replace(made, roots=made.roots.store(table.oid, node)), State()
    rows = spine.contents()
    pairs = zip(rows.columns, old.columns, table.columns, strict=True)
    columns = tuple(change.column(column, was.type, now.type) for column, was, now in pairs)
    state = advance(database.circuit, alone, {table.oid: Delta(columns, rows.weights)}, database.tick())[0].state
    return replace(made, roots=made.roots.store(table.oid, node)), state


def _with_texts(
    before: Catalog, catalog: Catalog, statement: AlterType, declared: UserType
) -> tuple[Catalog, set[int]]:
    """`catalog`, in which texts mean what they meant, and what CASCADE drops as it reads what is gone."""
    retyping = Retyping(before, catalog, declared.oid, statement.renamed, _renamed_label(before, declared))
    gone: set[int] = set()
    for one in _reading(before, declared.oid):
        now = catalog.objects[one.oid]
        if not isinstance(now, Texts) or not now.query or one.oid in gone:
            continue
        query = retyping.reworded(now.query, now.search_path)
        catalog = catalog.put(replace(now, query=query))
        try:
            bind(parse(query)[0], catalog, BindScope(now.search_path))
        except SqlError as error:
            _refuse(before, one, declared, statement, error)
            gone |= {one.oid, *(reader.oid for reader in _reading(before, one.oid))}
    for thing in catalog.in_order():
        if isinstance(thing, Table):
            columns = tuple(retyping.column(column) for column in thing.columns)
            catalog = catalog.put(replace(thing, columns=columns)) if columns != thing.columns else catalog
    return catalog, gone


def _renamed_label(catalog: Catalog, declared: UserType) -> tuple[str, str] | None:
    """The label that has another name than before."""
    old = catalog.objects[declared.oid]
    if not isinstance(old, EnumType) or not isinstance(declared, EnumType):
        return None
    now = {label.oid: label.name for label in declared.labels}
    return next(((label.name, now[label.oid]) for label in old.labels if now[label.oid] != label.name), None)


def _refuse(catalog: Catalog, one: CatalogObject, declared: UserType, statement: AlterType, error: SqlError) -> None:
    """Raises what ALTER TYPE says of a query that cannot be without what goes; nothing with CASCADE."""
    old = catalog.objects[declared.oid]
    if not isinstance(old, CompositeType) or len(statement.kept) >= len(old.columns):
        raise FeatureNotSupported(
            f"cannot alter type {declared.name} because {called(catalog, one)} uses it", detail=error.message
        )
    if statement.cascade:
        return
    lost = next(column.name for at, column in enumerate(old.columns) if at not in statement.kept)
    needed = f"column {lost} of composite type {old.name}"
    raise DependentObjectsStillExist(
        f"cannot drop {needed} because other objects depend on it",
        detail=listed([f"{called(catalog, one)} depends on {needed}"]),
        hint="Use DROP ... CASCADE to drop the dependent objects too.",
    )


def _reading(catalog: Catalog, oid: int) -> Iterator[CatalogObject]:
    """Whatever reads the object, nearest first."""
    seen, waiting = {oid}, [oid]
    for one in waiting:
        for thing in (*catalog.dependents(one), *catalog.belonging(one)):
            if thing.oid not in seen:
                seen.add(thing.oid)
                waiting.append(thing.oid)
                yield thing
