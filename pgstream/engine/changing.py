"""INSERT, UPDATE, DELETE and TRUNCATE: from a bound statement to the delta of its table.

Nothing is changed here: a statement reads one head, and its delta is what takes that head to the next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Sequence as NumberSequence
from pgstream.catalog.objects import Table
from pgstream.delta import Column, Delta, concat
from pgstream.engine.claiming import claimed
from pgstream.engine.constraints import UniqueKey, check_unique, unique_keys
from pgstream.engine.head import Head
from pgstream.engine.outcome import Change, Notice, Outcome
from pgstream.engine.reading import Snapshot
from pgstream.engine.references import Event, Referring
from pgstream.engine.replaying import replayed
from pgstream.engine.row_rules import stored_rows
from pgstream.engine.together import Together
from pgstream.errors import CardinalityViolation, WrongObjectType
from pgstream.functions.registry import EvalContext
from pgstream.kernels.grouping import group_ids
from pgstream.plan.evaluate import evaluate
from pgstream.plan.expressions import Col, Const, Expr
from pgstream.plan.relations import Project, Relation, Values
from pgstream.plan.rewrite import used
from pgstream.sql.bind.merging import Merge
from pgstream.sql.bind.modifying import Along, Modifying
from pgstream.sql.bind.replays import Replay
from pgstream.sql.bind.statements import Delete, Insert, OnConflict, Output, Query, Truncate, Update
from pgstream.sql.optimize.predicates import has_subquery
from pgstream.storage.identity import Seed
from pgstream.types.values import values_of

Dml = Insert | Update | Delete | Truncate | Merge | Modifying | Replay


@dataclass(frozen=True, slots=True)
class Writing:
    """One statement being run: what it reads, its parameters, and how it optimises its plans."""

    snapshot: Snapshot
    seed: Seed
    params: tuple[Column, ...]
    context: EvalContext
    deferring: bool = False
    """Whether a COMMIT is to come, for which some constraints wait."""
    given: Mapping[int, Delta] = field(default_factory=dict)
    """What the statement's WITH queries returned that are through, by the OIDs of their relations."""
    together: Together | None = None
    """What those did, where there are any."""

    @property
    def head(self) -> Head:
        return self.snapshot.head

    def change(self, statement: Dml) -> Change:
        """What `statement` does. Raises SqlError where a constraint forbids it."""
        match statement:
            case Insert():
                return self._insert(statement)
            case Update():
                return self._update(statement)
            case Delete():
                return self._delete(statement)
            case Truncate():
                return self._truncate(statement)
            case Merge():
                return self._merge(statement)
            case Modifying():
                return self._modify(statement)
            case Replay():
                return replayed(self.snapshot, statement, self.context)

    def insert_rows(self, table: Table, columns: Sequence[Column]) -> Delta:
        """The delta that adds rows to `table`, one column for each of the table's."""
        delta = Delta.of(self._stored(table, columns))
        self._check_unique(table, delta)
        self._followed({table.oid: delta})
        return delta

    def _followed(self, deltas: Mapping[int, Delta], events: Sequence[Event] = ()) -> dict[int, Delta]:
        """These changes, and what foreign keys make of them, which waits for the end of the command."""
        if self.together is not None:
            self.together.events += events
            return dict(deltas)
        return Referring(self.head, self.seed, self.context, self.deferring).done(deltas, events)

    def _check_unique(self, table: Table, delta: Delta) -> None:
        """Raises UniqueViolation if after `delta`, and what the command did before, two rows had one unique key."""
        whole = delta if self.together is None else self.together.with_earlier(table.oid, delta)
        check_unique(self.head, table, whole, self.seed, self.context.settings)

    def _stored(self, table: Table, columns: Sequence[Column]) -> list[Column]:
        """Rows as `table` stores them."""
        return stored_rows(self.head.catalog, table, columns, self.context)

    def _rows(self, plan: Relation) -> tuple[dict[int, Column], int]:
        """The rows of `plan` by column id, and how many."""
        delta, columns = self.snapshot.planned_rows(plan, self.params, self.context, self.given)
        return {col.id: column for col, column in zip(columns, delta.columns, strict=False)}, len(delta)

    def _claimed(self, table: Table, rows: Delta) -> NDArray[np.bool_]:
        """Which of `rows` are there to be changed, once each, by this statement of the command."""
        earlier = None if self.together is None else self.together.deltas.get(table.oid)
        return claimed(self.head, table, rows, earlier)

    def _once(
        self, table: Table, old: Sequence[Col], values: dict[int, Column], count: int
    ) -> tuple[dict[int, Column], int]:
        """The rows of FROM or USING, of which each stored row that meets several counts with the first."""
        if not count:
            return values, 0
        keep = self._claimed(table, Delta.of([values[col.id] for col in old]))
        if keep.all():
            return values, count
        kept = pa.array(keep)
        return {id: column.filter(kept) for id, column in values.items()}, int(kept.true_count)

    def _returned(self, tag: str, returning: Output, values: Mapping[int, Column], count: int) -> Outcome:
        if not returning:
            return Outcome(tag, count=count)
        if count and any(has_subquery(expr) for _, expr in returning):
            rows = self._projected(returning, values, count)
        else:
            rows = tuple(self._expression(expr, values, count) for _, expr in returning)
        return Outcome(tag, tuple(col for col, _ in returning), rows, count)

    def _expression(self, expr: Expr, values: Mapping[int, Column], count: int) -> Column:
        if not count:
            return pa.array([], expr.type.storage)
        return evaluate(expr, values, count, self.context, self.params)

    def _projected(self, returning: Output, values: Mapping[int, Column], count: int) -> tuple[Column, ...]:
        """RETURNING with subqueries: a query over the changed rows, which sees the tables as they were before."""
        needed = {id: col for _, expr in returning for id, col in used(expr).items() if id in values}
        cells = [[Const(v, col.type) for v in values_of(col.type, values[id])] for id, col in needed.items()]
        rows = tuple(tuple(row) for row in zip(*cells, strict=True)) if cells else ((),) * count
        found, _ = self._rows(Project(Values(tuple(needed.values()), rows), returning))
        return tuple(found[col.id] for col, _ in returning)

    def _insert(self, statement: Insert) -> Change:
        table = stored_table(self.head, statement.table_oid)
        values, count = self._rows(statement.plan)
        columns = [values[col.id] for col in statement.excluded]
        for position, expr in statement.drawn:
            columns[position] = evaluate(expr, {}, count, self.context, self.params)
        if not count:
            return Change({}, self._returned("INSERT 0 0", statement.returning, _empty(statement.target), 0))
        delta = Delta.of(self._stored(table, columns))
        if statement.on_conflict is not None:
            delta = self._resolved(table, statement, statement.on_conflict, delta)
        self._check_unique(table, delta)
        added = delta.filter(delta.weights > 0)
        stored = {col.id: column for col, column in zip(statement.target, added.columns, strict=True)}
        outcome = self._returned(f"INSERT 0 {len(added)}", statement.returning, stored, len(added))
        gone = delta.filter(delta.weights < 0)
        events = []
        if len(gone):  # what these rows become stands first
            events.append(Event(table.oid, tuple(gone.columns), tuple(added.slice(0, len(gone)).columns)))
        return Change(self._followed({table.oid: delta}, events), outcome)

    def _resolved(self, table: Table, statement: Insert, conflict: OnConflict, proposed: Delta) -> Delta:
        """The delta of the rows `proposed` once ON CONFLICT has decided about those whose key is taken."""
        keys = unique_keys(self.head.catalog, table)
        if conflict.columns:
            keys = [key for key in keys if set(key.positions) == set(conflict.columns)][:1]
        if not conflict.update:
            keep = np.ones(len(proposed), bool)
            for key in keys:
                keep &= self._free(table, key, proposed)
            return proposed.filter(keep)
        (key,) = keys
        if conflict.of_table:
            proposed = self._settled(table, key, proposed, conflict.of_table)
        if not self._distinct(table, key, proposed):
            raise CardinalityViolation(
                "ON CONFLICT DO UPDATE command cannot affect row a second time",
                hint="Ensure that no rows proposed for insertion within the same command have duplicate constrained "
                "values.",
            )
        found = key.taken(self.head, table, proposed.columns, len(proposed), self.seed)
        if found is None or not len(found.query):
            return proposed
        taken = np.zeros(len(proposed), bool)
        taken[found.query] = True
        existing = Delta(found.delta.columns, np.ones(len(found.query), np.int64))
        updated = self._conflict_update(table, statement, conflict, existing, proposed.take(found.query))
        return concat([updated, proposed.filter(~taken)])

    def _settled(self, table: Table, key: UniqueKey, proposed: Delta, how: str) -> Delta:
        """One row for each key of the rows `proposed`: what comes of them one after another."""
        hashes = key.hashes(table, proposed.columns, len(proposed), self.seed)
        ids, first = group_ids(hashes.hi, hashes.lo)
        if len(first) == len(proposed):
            return proposed
        last = np.zeros(len(first), np.int64)
        np.maximum.at(last, ids, np.arange(len(proposed)))
        columns = []
        for column in proposed.columns:
            taken = last.copy()
            if how == "fill" and column.null_count:
                known = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
                latest = np.full(len(first), -1, np.int64)
                np.maximum.at(latest, ids[known], known)
                taken = np.where(latest < 0, last, latest)
            columns.append(column.take(pa.array(taken)))
        return Delta.of(columns)

    def _free(self, table: Table, key: UniqueKey, proposed: Delta) -> NDArray[np.bool_]:
        """Which rows may be inserted: nobody has their key, neither stored nor proposed before them."""
        hashes = key.hashes(table, proposed.columns, len(proposed), self.seed)
        ids, first = group_ids(hashes.hi, hashes.lo)
        free: NDArray[np.bool_] = (first[ids] == np.arange(len(proposed))) | ~key.complete(
            proposed.columns, len(proposed)
        )
        found = key.taken(self.head, table, proposed.columns, len(proposed), self.seed)
        if found is not None:
            free[found.query] = False
        return free

    def _distinct(self, table: Table, key: UniqueKey, proposed: Delta) -> bool:
        """Whether no two of the rows have one key."""
        whole = proposed.filter(key.complete(proposed.columns, len(proposed)))
        hashes = key.hashes(table, whole.columns, len(whole), self.seed)
        return len(group_ids(hashes.hi, hashes.lo)[1]) == len(whole)

    def _conflict_update(
        self, table: Table, statement: Insert, conflict: OnConflict, existing: Delta, excluded: Delta
    ) -> Delta:
        """DO UPDATE: retracts the rows of `existing` it applies to, and adds what they become."""

        def values() -> dict[int, Column]:
            pairs = [*zip(statement.target, existing.columns, strict=True)]
            return {col.id: c for col, c in [*pairs, *zip(statement.excluded, excluded.columns, strict=True)]}

        if conflict.where is not None:
            holds = evaluate(conflict.where, values(), len(existing), self.context, self.params).fill_null(False)
            keep = np.asarray(holds.to_numpy(zero_copy_only=False))
            existing, excluded = existing.filter(keep), excluded.filter(keep)
        count = len(existing)
        if not count:
            return existing
        made = [evaluate(expr, values(), count, self.context, self.params) for expr in conflict.update]
        made = self._stored(table, made)
        return concat([existing.negate(), Delta.of(made)])

    def _update(self, statement: Update) -> Change:
        table = stored_table(self.head, statement.table_oid)
        values, count = self._once(table, statement.old, *self._rows(statement.plan))
        tag = f"UPDATE {count}"
        if not count:
            return Change({}, self._returned(tag, statement.returning, values, 0))
        old = Delta.of([values[col.id] for col in statement.old])
        made = self._stored(table, [values[col.id] for col in statement.new])
        delta = concat([old.negate(), Delta.of(made)])
        self._check_unique(table, delta)
        both = zip(statement.old, statement.new, made, strict=True)
        after = values | {col.id: column for old, new, column in both for col in (old, new)}
        event = Event(table.oid, tuple(values[col.id] for col in statement.old), tuple(made))
        return Change(
            self._followed({table.oid: delta}, [event]), self._returned(tag, statement.returning, after, count)
        )

    def _delete(self, statement: Delete) -> Change:
        table = stored_table(self.head, statement.table_oid)
        values, count = self._once(table, statement.old, *self._rows(statement.plan))
        outcome = self._returned(f"DELETE {count}", statement.returning, values, count)
        if not count:
            return Change({}, outcome)
        gone = Delta.of([values[col.id] for col in statement.old], -1)
        return Change(self._followed({table.oid: gone}, [Event(table.oid, tuple(gone.columns))]), outcome)

    def _merge(self, statement: Merge) -> Change:
        table = stored_table(self.head, statement.table_oid)
        values, count = self._rows(statement.plan)
        if not count:
            return Change({}, Outcome("MERGE 0"))
        chosen = np.asarray(values[statement.action.id].to_numpy(zero_copy_only=False))
        kinds = np.array([action.kind for action in statement.actions])[chosen]
        gone = Delta.of([values[col.id] for col in statement.old]).filter(np.isin(kinds, ("update", "delete")))
        if not self._claimed(table, gone).all():
            raise CardinalityViolation(
                "MERGE command cannot affect row a second time",
                hint="Ensure that not more than one source row matches any one target row.",
            )
        new = [values[col.id] for col in statement.new]
        for i, action in enumerate(statement.actions):
            rows = np.flatnonzero(chosen == i)
            for position, expr in action.drawn if len(rows) else ():
                drawn = evaluate(expr, {}, len(rows), self.context, self.params)
                places = np.arange(count)
                places[rows] = count + np.arange(len(rows))
                new[position] = pa.concat_arrays([new[position], drawn]).take(pa.array(places))
        return self._merged(table, kinds, gone, Delta.of(new))

    def _merged(self, table: Table, kinds: NDArray[Any], gone: Delta, new: Delta) -> Change:
        """MERGE once it is known what is to be done with each row; `gone` are those to update or delete."""
        kept, changed = kinds[np.isin(kinds, ("update", "insert"))], kinds[np.isin(kinds, ("update", "delete"))]
        made = Delta.of(self._stored(table, new.filter(np.isin(kinds, ("update", "insert"))).columns))
        delta = concat([gone.negate(), made])
        self._check_unique(table, delta)
        before, after = gone.filter(changed == "update"), made.filter(kept == "update")
        events = [
            Event(table.oid, tuple(gone.filter(changed == "delete").columns)),
            Event(table.oid, tuple(before.columns), tuple(after.columns)),
        ]
        count = int(np.count_nonzero(kinds != "nothing"))
        return Change(self._followed({table.oid: delta}, events), Outcome(f"MERGE {count}", count=count))

    def _modify(self, statement: Modifying) -> Change:
        """A command of several statements, which see nothing of each other but what they return."""
        run, together = self.after(statement.along)
        last = statement.statement
        if isinstance(last, Query):
            delta, _ = run.snapshot.planned_rows(last.plan, self.params, self.context, run.given)
            shown = statement.columns or ()
            outcome = Outcome(f"SELECT {len(delta)}", shown, delta.columns[: len(shown)], len(delta))
        else:
            change = run.change(last)
            together.add(change.deltas)
            outcome = change.outcome
        return Change(self.ended(together), outcome)

    def after(self, along: Sequence[Along]) -> "tuple[Writing, Together]":
        """What runs the rest of a command once its WITH queries are through, and what those did."""
        given: dict[int, Delta] = {}
        together = Together()
        run = replace(self, given=given, together=together)
        for part in along:
            change = run.change(part.statement)
            together.add(change.deltas)
            if change.outcome.columns is not None:
                given[part.oid] = Delta(change.outcome.rows, np.ones(change.outcome.count, np.int64))
        return run, together

    def ended(self, together: Together) -> dict[int, Delta]:
        """All that a command does, with what foreign keys make of it."""
        return self._followed(together.deltas, together.events)

    def _truncate(self, statement: Truncate) -> Change:
        deltas = {}
        if statement.restarts:
            restart(self.head.catalog, statement.table_oids)
        for oid in statement.table_oids:
            spine = self.head.rows(stored_table(self.head, oid).oid)
            if spine is not None:
                deltas[oid] = spine.contents().negate()
        return Change(deltas, Outcome("TRUNCATE TABLE", notices=tuple(map(Notice, statement.notices))))


def restart(catalog: Catalog, tables: Sequence[int]) -> None:
    """Makes the sequences of these tables begin anew."""
    for oid in tables:
        for part in catalog.belonging(oid):
            if isinstance(part, NumberSequence):
                catalog.sequences.set(part, part.start, False)


def stored_table(head: Head, oid: int) -> Table:
    """The table that DML names. Raises WrongObjectType where users may not write to it."""
    thing = head.catalog.objects[oid]
    assert isinstance(thing, Table)
    if thing.errors_of:
        raise WrongObjectType(f'cannot change relation "{thing.name}"', detail="It holds what a source rejected.")
    return thing


def _empty(columns: Sequence[Col]) -> dict[int, Column]:
    return {col.id: pa.array([], col.type.storage) for col in columns}
