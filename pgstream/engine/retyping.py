"""DROP TYPE and ALTER TYPE: what is of a type goes with it, or becomes what the type becomes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.definitions import qualified, quoted
from pgstream.catalog.objects import (
    CatalogObject,
    CompositeType,
    Feed,
    MaterializedView,
    Sink,
    Source,
    Table,
    TableColumn,
    UserType,
    View,
)
from pgstream.delta import Column
from pgstream.engine.database import Database
from pgstream.engine.draft import Draft
from pgstream.engine.dropping import called, cascading_words, listed
from pgstream.engine.head import Head
from pgstream.engine.outcome import Notice, Outcome
from pgstream.engine.reshaping import function_made, reshaped
from pgstream.engine.retyped import altered_type
from pgstream.errors import DependentObjectsStillExist, FeatureNotSupported
from pgstream.functions.registry import EvalContext
from pgstream.sql.bind import BindScope, Bound, bind
from pgstream.sql.bind.alter_types import AlterType
from pgstream.sql.bind.statements import AlterTable, CreateFunction
from pgstream.sql.bind.user_types import DropType
from pgstream.sql.parse import parse
from pgstream.sql.rewording import columns_used
from pgstream.types.described import described_oids, outermost_oids

Reshaping = AlterTable | DropType | AlterType | CreateFunction
"""Statements that give stored rows another shape, or views another meaning."""

Texts = View | MaterializedView | Sink | Feed


def reshape(database: Database, bound: Bound, params: tuple[Column, ...], context: EvalContext) -> Outcome:
    """Runs a `Reshaping` on the database's head."""
    head, draft = reshaped_by(database, database.head, bound, params, context)
    database.install(head)
    return draft.outcome


def reshaped_by(
    database: Database, head: Head, bound: Bound, params: tuple[Column, ...], context: EvalContext
) -> tuple[Head, Draft]:
    """`head` after a `Reshaping`."""
    statement = bound.statement
    match statement:
        case DropType():
            return dropped_types(database, head, statement, context)
        case AlterType():
            return altered_type(database, head, statement)
        case CreateFunction():
            return function_made(database, head, statement, bound.tag)
    assert isinstance(statement, AlterTable)
    _refuse_row_type(head.catalog, statement)
    return reshaped(database, head, statement, bound.tag, params, context)


def _refuse_row_type(catalog: Catalog, statement: AlterTable) -> None:
    """Raises FeatureNotSupported where a table's rows, which are to have other fields, are stored as values."""
    table = catalog.objects[statement.oid]
    assert isinstance(table, Table)
    before, after = ([(one.name, one.type) for one in each.columns] for each in (table, statement.table))
    for one in catalog.dependents(table.oid) if before != after else ():
        for column in getattr(one, "columns", ()):
            if isinstance(column, TableColumn) and table.oid + 1 in described_oids(column.type):
                raise FeatureNotSupported(
                    f'cannot alter table "{table.name}" because column "{one.name}.{column.name}" uses its row type'
                )


@dataclass(frozen=True, slots=True)
class _Part:
    """Something that cannot be without a type: an object, or those of its columns that are of the type. `shown` says
    in words what it is, `needed` what it needs."""

    thing: CatalogObject
    columns: tuple[int, ...]
    shown: str
    needed: str


def dropped_types(database: Database, head: Head, statement: DropType, context: EvalContext) -> tuple[Head, Draft]:
    """`head` without the types. Raises DependentObjectsStillExist without CASCADE where something is of them."""
    catalog = head.catalog
    parts = list(_parts(catalog, statement.oids))
    if parts and not statement.cascade:
        what = f"cannot drop {called(catalog, catalog.objects[statement.oids[0]])} because other objects depend on it"
        raise DependentObjectsStillExist(
            what if len(statement.oids) == 1 else "cannot drop desired object(s) because other objects depend on them",
            detail=listed([f"{part.shown} depends on {part.needed}" for part in parts]),
            hint="Use DROP ... CASCADE to drop the dependent objects too.",
        )
    gone = {*statement.oids, *(part.thing.oid for part in parts if not part.columns)}
    made = head
    for part in parts:
        if part.columns and part.thing.oid in made.catalog.objects:
            made = _without_columns(database, made, part, context)
    made = replace(made, catalog=made.catalog.drop(gone), roots=made.roots.drop(gone))
    notices = tuple(Notice(missing) for missing in statement.missing)
    told = Outcome(statement.tag, notices=(*notices, *cascading_words([part.shown for part in parts])))
    return made, Draft(made, told, dropped=frozenset(gone), reshapes=True)


def _without_columns(database: Database, head: Head, part: _Part, context: EvalContext) -> Head:
    now = head.catalog.objects[part.thing.oid]
    if isinstance(part.thing, CompositeType) and isinstance(now, CompositeType):
        names = {part.thing.columns[at].name for at in part.columns}
        kept = tuple(at for at, column in enumerate(now.columns) if column.name not in names)
        altered = replace(now, columns=tuple(now.columns[at] for at in kept))
        return altered_type(database, head, AlterType(altered, kept, cascade=True))[0]
    if not isinstance(part.thing, Table):
        raise FeatureNotSupported(f"cannot drop {part.shown}")
    drops = ", ".join(f"DROP COLUMN {quoted(part.thing.columns[at].name)} CASCADE" for at in part.columns)
    [parsed] = parse(f"ALTER TABLE {qualified(head.catalog, part.thing)} {drops}")
    bound = bind(parsed, head.catalog, BindScope(("public",)))
    return reshaped(database, head, bound.statement, bound.tag, (), context)[0]


def _parts(catalog: Catalog, oids: tuple[int, ...]) -> Iterator[_Part]:
    """What cannot be without the types, nearest first."""
    seen = set(oids)
    waiting = [(catalog.objects[oid], called(catalog, catalog.objects[oid])) for oid in oids]
    for thing, shown in waiting:
        for one in catalog.dependents(thing.oid):
            if one.oid in seen:
                continue
            for part in _parts_of(catalog, one, thing, shown):
                seen.add(part.thing.oid)
                waiting.append((part.thing, part.shown)) if not part.columns else None
                yield part


def _parts_of(catalog: Catalog, one: CatalogObject, needed: CatalogObject, shown: str) -> Iterator[_Part]:
    """What of `one` needs a type, or whatever is gone with it; then who reads those columns."""
    if not (isinstance(needed, UserType) and isinstance(one, Table | Source | CompositeType)):
        yield _Part(one, (), called(catalog, one), shown)
        return
    columns = tuple(at for at, column in enumerate(one.columns) if needed.oid + 1 in outermost_oids(column.type))
    owner = f"composite type {one.name}" if isinstance(one, CompositeType) else called(catalog, one)
    for at in columns:
        yield _Part(one, (at,), f"column {one.columns[at].name} of {owner}", shown)
    for reader in () if isinstance(one, CompositeType) else catalog.dependents(one.oid):
        if isinstance(reader, Texts) and reader.query:
            for at in sorted(columns_used(catalog, reader.query, reader.search_path, one.oid) & set(columns)):
                yield _Part(reader, (), called(catalog, reader), f"column {one.columns[at].name} of {owner}")
                break
