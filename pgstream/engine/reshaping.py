"""ALTER TABLE of columns: a table of another shape, its rows, and what reads it.

The rows are computed as a query over the old table. What reads the table is planned anew; what then is another
computation is filled from the new rows, and what is the same one keeps its state.
"""

from dataclasses import replace

import pyarrow as pa

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import (
    CatalogObject,
    Check,
    Feed,
    ForeignKey,
    Index,
    IndexColumn,
    MaterializedView,
    PrimaryKey,
    Sink,
    Table,
    View,
)
from pgstream.catalog.objects import Sequence as NumberSequence
from pgstream.circuit.circuit import State
from pgstream.delta import Column, Delta
from pgstream.engine.backfill import Backfill
from pgstream.engine.commenting import uncommented
from pgstream.engine.constraints import UniqueKey, check_distinct, require_distinct
from pgstream.engine.database import Database
from pgstream.engine.draft import Draft, free_name, require_free
from pgstream.engine.dropping import called, drop_column
from pgstream.engine.head import Head
from pgstream.engine.numbering import with_sequences
from pgstream.engine.outcome import Notice, Outcome
from pgstream.engine.rebuilding import forgotten, with_node
from pgstream.engine.references import check_there as referring_rows
from pgstream.engine.referring_keys import placed_keys, with_keys
from pgstream.engine.replacing import reading
from pgstream.engine.roots import Roots
from pgstream.engine.row_rules import check_there, with_generated
from pgstream.engine.steps import advance
from pgstream.errors import DependentObjectsStillExist, FeatureNotSupported, NotNullViolation, ObjectInUse
from pgstream.functions.registry import EvalContext
from pgstream.operators.input import Input
from pgstream.sql.bind.statements import AlterTable, CreateFunction
from pgstream.sql.rewording import columns_used, pinned, without_columns

Texts = View | MaterializedView | Sink | Feed


def reshaped(
    database: Database,
    head: Head,
    statement: AlterTable,
    tag: str,
    params: tuple[Column, ...],
    context: EvalContext,
) -> tuple[Head, Draft]:
    """`head` with an altered table."""
    table = head.catalog.objects[statement.oid]
    assert isinstance(table, Table)
    checks = database.definer.made_checks(statement.table.checks)
    statement = replace(statement, table=replace(statement.table, checks=checks))
    rows = _rows(database, head, statement, params, context)
    catalog, gone, notices = _catalog(head.catalog, table, statement)
    if statement.primary_key is not None:
        catalog = _with_primary_key(database, catalog, statement)
    told = tuple(Notice(said, sqlstate=state) for said, state in statement.notices)
    catalog = _numbered(database, catalog.drop(statement.unnumbered), statement)
    made = replace(head, catalog=catalog, roots=head.roots.drop(gone))
    if rows is not None:
        rows = _drawn(catalog, table, statement, rows)
        rows = _checked(catalog, table, statement, rows, context)
    if statement.plan is not None and rows is not None:
        made = _refilled(database, head, made, statement.oid, rows)
    made = made.pruned(head)
    now = made.catalog.objects[statement.oid]
    assert isinstance(now, Table)
    if statement.primary_key is not None and now.primary_key is not None:
        key = UniqueKey(now.primary_key.name, now.primary_key.columns, now.oid)
        check_distinct(made, now, key, {"timezone": "UTC"})
    for wish, positions in statement.unique:
        made = _with_unique(database, made, statement.oid, wish, positions)
    made = _with_references(database, made, statement, context)
    return made, Draft(made, Outcome(tag, notices=(*told, *notices)), reshapes=True)


def _numbered(database: Database, catalog: Catalog, statement: AlterTable) -> Catalog:
    """The catalog with the sequences that columns get, or have with other options."""
    table = catalog.objects[statement.oid]
    assert isinstance(table, Table)
    if not statement.sequences:
        return catalog
    catalog, table = with_sequences(catalog, table, statement.sequences, database.definer.new_oids)
    return catalog.put(table)


def _drawn(catalog: Catalog, old: Table, statement: AlterTable, rows: Delta) -> Delta:
    """The rows with the next values of the sequences that number columns which come."""
    columns, there = list(rows.columns), {column.name for column in old.columns}
    new = {part.column: part for part in catalog.belonging(old.oid) if isinstance(part, NumberSequence)}
    for place, column in enumerate(statement.table.columns):
        if column.name in new and column.name not in there:
            values = [catalog.sequences.next(new[column.name]) for _ in range(len(rows))]
            columns[place] = pa.array(values, column.type.storage)
    return Delta(tuple(columns), rows.weights)


def _rows(
    database: Database, head: Head, statement: AlterTable, params: tuple[Column, ...], context: EvalContext
) -> Delta | None:
    """The rows that the table is to have; None where nothing about them has to be known."""
    if statement.plan is not None:
        if statement.oid in head.watched:
            name = statement.table.name
            raise ObjectInUse(f'cannot ALTER TABLE "{name}" because it is being used by active subscriptions')
        delta, _ = database.snapshot_of(head).planned_rows(statement.plan, params, context)
        return Delta(delta.columns[: len(statement.table.columns)], delta.weights)
    old = head.catalog.objects[statement.oid]
    assert isinstance(old, Table)
    pairs = zip(old.columns, statement.table.columns, strict=True)
    spine = head.rows(statement.oid)
    stricter = any(now.not_null and not before.not_null for before, now in pairs)
    if spine is None or not (stricter or _to_check(old, statement.table)):
        return None
    return spine.contents()


def _to_check(old: Table, now: Table) -> list[Check]:
    """The CHECK constraints that must be seen to hold."""
    before = {check.oid for check in old.checks if check.oid and check.validated}
    return [check for check in now.checks if check.validated and check.oid not in before]


def _checked(catalog: Catalog, old: Table, statement: AlterTable, rows: Delta, context: EvalContext) -> Delta:
    """The rows of an altered table, with generated columns. Raises where what is asked of them does not hold."""
    now = catalog.objects[statement.oid]
    assert isinstance(now, Table)
    columns = list(rows.columns)
    if statement.plan is not None:
        made = with_generated(catalog, now, columns, context)
        same = {column.name for column in old.columns if column.generated is not None}
        columns = [one if each.name in same else new for each, one, new in zip(now.columns, columns, made, strict=True)]
    rows = Delta(tuple(columns), rows.weights)
    _check_not_null(catalog, old, statement, rows)
    for check in _to_check(old, statement.table):
        check_there(catalog, now, check, columns, context)
    return rows


def _check_not_null(catalog: Catalog, table: Table, statement: AlterTable, rows: Delta) -> None:
    for column, declared in zip(rows.columns, statement.table.columns, strict=True):
        if declared.not_null and column.null_count:
            raise NotNullViolation(
                f'column "{declared.name}" of relation "{table.name}" contains null values',
                schema=catalog.schema_name(table.schema_oid),
                table=table.name,
                column=declared.name,
            )


def _catalog(catalog: Catalog, table: Table, statement: AlterTable) -> tuple[Catalog, set[int], tuple[Notice, ...]]:
    """The catalog with the altered table, what is dropped with its columns, and what to tell."""
    readers = [one for one in catalog.dependents(table.oid) if isinstance(one, Texts) and one.query]
    changed = {*statement.dropped, *statement.retyped}
    users: dict[int, list[CatalogObject]] = {position: [] for position in sorted(changed)}
    for one in readers if changed else ():
        for position in columns_used(catalog, one.query, one.search_path, table.oid) & changed:
            users[position].append(one)
    _refuse_retyped(table, statement, users)
    named = {table.columns[position].name: users[position] for position in statement.dropped}
    gone, notices = drop_column(catalog, table, named, statement.cascade)
    gone |= set(statement.unconstrained)
    added = {column.name for column, kept in zip(statement.table.columns, statement.kept, strict=True) if kept < 0}
    before = catalog
    places = {old: new for new, old in enumerate(statement.kept) if old >= 0}
    for index in catalog.indexes(table.oid):
        if any(key.position not in places for key in index.columns):
            gone.add(index.oid)
        else:
            keys = tuple(replace(key, position=places[key.position]) for key in index.columns)
            catalog = catalog.put(replace(index, columns=keys))
    catalog, without, needing = placed_keys(catalog, table.oid, places)
    gone |= uncommented(catalog, table.oid, named)
    gone |= without | _unreferred(catalog, table, statement, needing)
    catalog = catalog.put(_placed(statement.table, places)).drop(gone)
    for one in readers if added or statement.dropped else ():
        if one.oid not in gone:
            query = without_columns(before, one.query, one.search_path, table.oid, set(statement.dropped))
            if added:
                query = pinned(before, query, one.search_path, table.oid, added, set(named))
            catalog = catalog.put(replace(one, query=query))
    return catalog, gone, notices


def _with_primary_key(database: Database, catalog: Catalog, statement: AlterTable) -> Catalog:
    """The catalog in which a table has a primary key, and the index that goes with it."""
    assert statement.primary_key is not None
    table = catalog.objects[statement.oid]
    assert isinstance(table, Table)
    wish, positions = statement.primary_key
    name = wish or free_name(catalog, table.schema_oid, f"{table.name}_pkey")
    require_free(catalog, table.schema_oid, name)
    oid = database.definer.new_oids(2)
    keys = tuple(IndexColumn(position) for position in positions)
    catalog = catalog.put(replace(table, primary_key=PrimaryKey(oid + 1, oid, name, positions)))
    return catalog.put(Index(oid, table.schema_oid, name, table.oid, keys, True, True))


def _placed(table: Table, places: dict[int, int]) -> Table:
    """The altered table, whose key's columns are in other places or gone."""
    key = table.primary_key
    if key is not None:
        there = all(position in places for position in key.columns)
        key = replace(key, columns=tuple(places[position] for position in key.columns)) if there else None
    mark = table.watermark
    if mark is not None:
        mark = replace(mark, column=places[mark.column])
    return replace(table, primary_key=key, watermark=mark)


def _refuse_retyped(table: Table, statement: AlterTable, users: dict[int, list[CatalogObject]]) -> None:
    for position in statement.retyped:
        for one in users[position]:
            kind = "materialized view" if isinstance(one, MaterializedView) else "view"
            rule = f"rule _RETURN on {kind} {one.name}" if isinstance(one, View | MaterializedView) else one.name
            raise FeatureNotSupported(
                "cannot alter type of a column used by a view or rule",
                detail=f'{rule} depends on column "{table.columns[position].name}"',
            )


def _refilled(database: Database, before: Head, made: Head, oid: int, rows: Delta) -> Head:
    """`made` with the table's rows, and everything that reads them as it then is."""
    table = made.catalog.objects[oid]
    assert isinstance(table, Table)
    node = database.definer.table_node(table)
    alone = replace(Head(0, made.catalog, Roots().store(oid, node)), clock=before.clock)
    state = advance(database.circuit, alone, {oid: rows}, database.tick())[0].state
    target = replace(made, roots=made.roots.store(oid, node))
    filled = replanned(database, before, target, oid, state)[0]
    _check_inputs(filled, table)
    return filled


def replanned(database: Database, before: Head, made: Head, oid: int, known: State) -> tuple[Head, bool]:
    """`made`, in which whatever reads the object is planned anew, and filled where that is another computation; and
    whether anything was. `known` is the state that is there already."""
    target, changed = made, set[int]()
    for thing in reading(made.catalog, oid):
        old = target.roots.stored.get(thing.oid) or target.roots.sent.get(thing.oid)
        target, new = with_node(database.definer, target, thing)
        if new is not None and new is not old:
            changed.add(thing.oid)
    start = replace(target, roots=target.roots.drop(changed)).pruned(before)
    start = replace(start, state=start.state.update(dict(known.items())))
    backfill = Backfill(database.circuit, start, target.roots, database.replays, database.tick())
    backfill.run()
    filled = backfill.finish(replace(target, state=start.state))
    return forgotten(replace(filled, outgoing=before.outgoing), changed), bool(changed)  # a sink has sent it all


def function_made(database: Database, head: Head, statement: CreateFunction, tag: str) -> tuple[Head, Draft]:
    """`head` with a function, and with the views that call it as they then are."""
    function = statement.function
    if not function.oid:
        require_free(head.catalog, function.schema_oid, function.name)
        made = replace(head, catalog=head.catalog.put(replace(function, oid=database.definer.new_oids(1))))
        return made, Draft(made, Outcome(tag))
    made = replace(head, catalog=head.catalog.put(function))
    if not reading(made.catalog, function.oid):
        return made, Draft(made, Outcome(tag))
    made, changed = replanned(database, head, made, function.oid, State())
    made = made.pruned(head)
    return made, Draft(made, Outcome(tag), reshapes=changed)


def _unreferred(catalog: Catalog, table: Table, statement: AlterTable, needing: list[ForeignKey]) -> set[int]:
    """The foreign keys that go with columns that they refer to. Raises DependentObjectsStillExist without CASCADE."""
    if needing and not statement.cascade:
        column = next(place for place in needing[0].target_columns if place in statement.dropped)
        name, said = table.columns[column].name, called(catalog, table)
        raise DependentObjectsStillExist(
            f"cannot drop column {name} of {said} because other objects depend on it",
            detail="\n".join(f"{called(catalog, key)} depends on column {name} of {said}" for key in needing),
            hint="Use DROP ... CASCADE to drop the dependent objects too.",
        )
    return {key.oid for key in needing}


def _with_references(database: Database, head: Head, statement: AlterTable, context: EvalContext) -> Head:
    """`head` with the foreign keys that a table gets, which its rows must satisfy; so must they those that are
    validated."""
    table = head.catalog.objects[statement.oid]
    assert isinstance(table, Table)
    asked = list(statement.validated)
    if statement.foreign_keys:
        definer = database.definer
        made, oids = with_keys(head, table, statement.foreign_keys, database.circuit, definer.new_oids)
        backfill = Backfill(database.circuit, head, made.roots, database.replays, database.tick())
        backfill.run()
        head = backfill.finish(made)
        asked += oids
    for oid in asked:
        key = head.catalog.objects[oid]
        assert isinstance(key, ForeignKey)
        if oid in statement.validated:
            key = replace(key, validated=True)
            head = replace(head, catalog=head.catalog.put(key))
        if key.validated:
            referring_rows(head, key, database.seed, context)
    return head


def _check_inputs(head: Head, table: Table) -> None:
    """Raises ObjectInUse where somebody watches a query over the table as it was."""
    for node in head.roots.live.inputs.get(table.oid, ()):
        assert isinstance(node.operator, Input)
        positions = node.operator.positions
        fits = max(positions, default=-1) < len(table.columns)
        if not fits or tuple(table.columns[position].type for position in positions) != tuple(node.types):
            raise ObjectInUse(f'cannot ALTER TABLE "{table.name}" because it is being used by active subscriptions')


def _with_unique(database: Database, head: Head, oid: int, wish: str | None, positions: tuple[int, ...]) -> Head:
    """`head` with a UNIQUE constraint, which its rows must satisfy."""
    table = head.catalog.objects[oid]
    assert isinstance(table, Table)
    made, index_oid = database.definer.unique_index(head, table, wish, positions)
    index = made.catalog.objects[index_oid]
    assert isinstance(index, Index)
    require_distinct(made, index)
    backfill = Backfill(database.circuit, head, made.roots, database.replays, database.tick())
    backfill.run()
    return backfill.finish(made)
