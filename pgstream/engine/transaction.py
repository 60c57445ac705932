"""Workspaces: where a session's statements run, alone or as one transaction.

    Autocommit    each statement is a tick of its own
    Transaction   statements run on a fork of the head; COMMIT applies what they did as one tick

See `docs/decisions/0003-transactions-are-forks.md`.
"""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pgstream.catalog.objects import Source, Table
from pgstream.delta import Column, Delta
from pgstream.engine.altered import check_altered, check_unaltered, finish_building, given_shape, install_reshaped
from pgstream.engine.backfill import Backfill
from pgstream.engine.carrying import carried
from pgstream.engine.changing import Dml, Writing
from pgstream.engine.conflicts import check_conflicts
from pgstream.engine.copying import full_rows
from pgstream.engine.database import Database
from pgstream.engine.draft import Draft
from pgstream.engine.explaining import explained
from pgstream.engine.filling import define_filled, filling
from pgstream.engine.head import Head
from pgstream.engine.literals import PlainRow
from pgstream.engine.loop import Later, Loop, Promise
from pgstream.engine.outcome import Notice, Outcome
from pgstream.engine.reading import Snapshot
from pgstream.engine.rebinding import rebound
from pgstream.engine.references import check_committed, check_pending, require_none_pending
from pgstream.engine.retyping import Reshaping, reshape, reshaped_by
from pgstream.engine.sharing import Asked
from pgstream.engine.watching import Watch, stored_as_it_is
from pgstream.engine.written import Written
from pgstream.errors import ActiveSqlTransaction, InvalidCatalogName, ObjectInUse, SerializationFailure
from pgstream.functions.registry import EvalContext
from pgstream.sql.bind import Bound
from pgstream.sql.bind import statements as bound_statements
from pgstream.sql.bind.subscriptions import AlterSubscription
from pgstream.sql.parse import Parsed

Params = tuple[Column, ...]
CLUSTER_STATEMENTS = (bound_statements.CreateDatabase, bound_statements.DropDatabase)
"""Statements that concern no database alone."""

LONE_STATEMENTS = (*CLUSTER_STATEMENTS, bound_statements.CreateSubscription, AlterSubscription)
"""Statements that run in no transaction: a subscription remembers from the tick in which it is made."""


class Workspace(Protocol):
    """Where statements run."""

    def snapshot(self) -> Snapshot:
        """What the next statement reads."""

    def execute(self, parsed: Parsed, bound: Bound, params: Params, context: EvalContext) -> "Future[Outcome]":
        """Runs a statement that changes something, on the engine thread."""

    def insert_rows(
        self, table_oid: int, positions: tuple[int, ...], columns: tuple[Column, ...], context: EvalContext
    ) -> "Future[int]":
        """COPY: adds rows, of which `columns` are given at `positions` and the rest take their defaults."""


def durable(context: EvalContext) -> bool:
    """Whether the session waits for the commit, or only for the tick."""
    return context.settings.get("synchronous_commit", "on") != "off"


class Cluster(Protocol):
    """All databases of the server, on the engine thread."""

    def create(self, name: str) -> None:
        """Raises DuplicateDatabase."""

    def drop(self, name: str) -> None:
        """Raises InvalidCatalogName."""


class Autocommit:
    """Every statement is a transaction of its own."""

    def __init__(self, database: Database, loop: Loop, cluster: Cluster) -> None:
        self._database = database
        self._loop = loop
        self._cluster = cluster

    def snapshot(self) -> Snapshot:
        return self._database.snapshot()

    def execute(self, parsed: Parsed, bound: Bound, params: Params, context: EvalContext) -> "Future[Outcome]":
        if isinstance(bound.statement, Dml):
            asked = Asked(parsed, bound, params, context)
            return self._loop.submit_shared(self._database.run_together, asked, durable=durable(context))
        return self._loop.submit_open(lambda future: self._define(parsed, bound, params, context, future))

    def insert_row(
        self, parsed: Parsed, bound: Bound, row: tuple[Any, ...], context: EvalContext, promise: Promise
    ) -> None:
        """As `execute`, for a `repeatable` INSERT with plain values (see `types/values.py`)."""
        asked = Asked(parsed, bound, (), context, row)
        self._loop.submit_promised(self._database.run_together, asked, promise, durable=durable(context))

    def _define(
        self, parsed: Parsed, bound: Bound, params: Params, context: EvalContext, future: "Future[Outcome]"
    ) -> Outcome:
        database = self._database
        fresh = rebound(parsed, bound, database.head, context)
        if isinstance(fresh.statement, bound_statements.Explain):
            return explained(database.snapshot(), fresh, params, context)
        if isinstance(fresh.statement, CLUSTER_STATEMENTS):
            return self._over_cluster(fresh.statement)
        if isinstance(fresh.statement, bound_statements.CreateTableAs):
            return define_filled(database, fresh, params, context)
        if isinstance(fresh.statement, bound_statements.Alteration | Reshaping):
            finish_building(database)
            fresh = rebound(parsed, fresh, database.head, context)
            if isinstance(fresh.statement, Reshaping):
                return reshape(database, fresh, params, context)
        outcome = database.define(fresh, future)
        if outcome is None:
            raise Later
        assert isinstance(outcome, Outcome)
        return outcome

    def settled(self, context: EvalContext) -> "Future[None]":
        """Done when the store knows what values sequences have given."""
        return self._loop.submit(lambda: None, durable=durable(context))

    def watch(self, parsed: Parsed, bound: Bound, context: EvalContext) -> "Future[Watch]":
        """Opens a channel for a bound Subscribe. Who is given the Watch must end it by `unwatch`."""
        return self._loop.submit_open(lambda future: self._watch(parsed, bound, context, future))

    def _watch(self, parsed: Parsed, bound: Bound, context: EvalContext, future: "Future[Watch]") -> Watch:
        database = self._database
        fresh = rebound(parsed, bound, database.head, context)
        statement = fresh.statement
        assert isinstance(statement, bound_statements.Subscribe)
        oid = None if statement.terms.closes else stored_as_it_is(statement.plan, database.head)
        if oid is not None:
            return database.watch(oid, statement.depends)
        watch = database.define(fresh, future)
        if watch is None:
            raise Later
        assert isinstance(watch, Watch)
        return watch

    def unwatch(self, relation_oid: int) -> "Future[None]":
        """Ends what `watch` began."""
        return self._loop.submit(lambda: self._database.unwatch(relation_oid), durable=False)

    def _over_cluster(self, statement: bound_statements.CreateDatabase | bound_statements.DropDatabase) -> Outcome:
        if isinstance(statement, bound_statements.CreateDatabase):
            self._cluster.create(statement.name)
            return Outcome("CREATE DATABASE")
        if statement.name == self._database.place.name:
            raise ObjectInUse("cannot drop the currently open database")
        try:
            self._cluster.drop(statement.name)
        except InvalidCatalogName as error:
            if not statement.missing_ok:
                raise
            return Outcome("DROP DATABASE", notices=(Notice(f"{error.message}, skipping"),))
        return Outcome("DROP DATABASE")

    def insert_rows(
        self, table_oid: int, positions: tuple[int, ...], columns: tuple[Column, ...], context: EvalContext
    ) -> "Future[int]":
        def run() -> int:
            table = self._database.table(self._database.head, table_oid)
            rows = full_rows(self._database.snapshot(), table, positions, columns, context)
            return self._database.insert_rows(table_oid, rows, context)

        return self._loop.submit(run, durable=durable(context))


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of a transaction that ROLLBACK TO goes back to."""

    base: Head | None
    fork: Head | None
    written: tuple[int, int]
    drafts: int


class Transaction:
    """A fork of the head. Made when the session's first statement needs it; forks at the first write, or at the first
    read where the isolation level asks for one snapshot."""

    def __init__(self, database: Database, loop: Loop, one_snapshot: bool) -> None:
        self._database = database
        self._loop = loop
        self._base: Head | None = None
        self._fork: Head | None = None
        self._written = Written()
        self._drafts: list[Draft] = []
        if one_snapshot:
            self._forked()

    @property
    def head(self) -> Head:
        """The fork, or the database's head while there is none."""
        return self._database.head if self._fork is None else self._fork

    def snapshot(self) -> Snapshot:
        return self._database.snapshot_of(self.head)

    def execute(self, parsed: Parsed, bound: Bound, params: Params, context: EvalContext) -> "Future[Outcome]":
        return self._loop.submit(lambda: self._run(parsed, bound, params, context), durable=False)

    def _run(self, parsed: Parsed, bound: Bound, params: Params, context: EvalContext) -> Outcome:
        head = self._forked()
        fresh = rebound(parsed, bound, head, context)
        if isinstance(fresh.statement, bound_statements.Explain):
            return explained(self.snapshot(), fresh, params, context)
        if isinstance(fresh.statement, LONE_STATEMENTS):
            raise ActiveSqlTransaction(f"{fresh.tag} cannot run inside a transaction block")
        if isinstance(fresh.statement, Reshaping):
            made, draft = reshaped_by(self._database, head, fresh, params, context)
            shaped = given_shape(head.catalog, made.catalog)
            require_none_pending(head.catalog, self._written.merged(shaped))
            self._fork = made
            self._written.reshape(shaped)
            self._drafts.append(draft)
            return draft.outcome
        if not isinstance(fresh.statement, Dml):
            self._fork, draft = self._database.defined(head, fresh)
            self._drafts.append(draft)
            change = filling(self._database, head, draft, params, context)
            self._change(self._fork, change.deltas)
            return change.outcome
        change = self._writing(head, params, context).change(fresh.statement)
        self._change(head, change.deltas)
        return change.outcome

    def insert_rows(
        self, table_oid: int, positions: tuple[int, ...], columns: tuple[Column, ...], context: EvalContext
    ) -> "Future[int]":
        def run() -> int:
            head = self._forked()
            table = self._database.table(head, table_oid)
            rows = full_rows(self.snapshot(), table, positions, columns, context)
            delta = self._writing(head, (), context).insert_rows(table, rows)
            self._change(head, {table_oid: delta})
            return len(delta)

        return self._loop.submit(run, durable=False)

    def insert_many(
        self, parsed: Parsed, bound: Bound, params: Params, count: int, context: EvalContext
    ) -> "Future[None]":
        """Runs a `repeatable` INSERT `count` times, each parameter a column of as many values; all or nothing."""

        def run() -> None:
            head = self._forked()
            statement = rebound(parsed, bound, head, context).statement
            plain = PlainRow.of(statement.plan)
            assert plain is not None
            table = self._database.table(head, statement.table_oid)
            delta = self._writing(head, (), context).insert_rows(table, plain.rows(params, count, context))
            self._change(head, {table.oid: delta})

        return self._loop.submit(run, durable=False)

    def _writing(self, head: Head, params: Params, context: EvalContext) -> Writing:
        return replace(self._database.writing(head, params, context), deferring=True)

    def _forked(self) -> Head:
        if self._base is None:
            self._base = self._fork = self._database.head
        self._database.forks.add(self)
        return self.head

    def _change(self, head: Head, deltas: Mapping[int, Delta]) -> None:
        changed = {oid: delta for oid, delta in deltas.items() if len(delta)}
        if changed:
            self._fork = self._database.advanced(head, changed)
            self._written.changes.append(changed)

    def commit(self) -> "Future[None]":
        """Makes everything the transaction did visible at one tick, and durable. Raises SerializationFailure or
        UniqueViolation where somebody else was first; the transaction is over either way."""
        return self._loop.submit(self._commit)

    def rollback(self) -> "Future[None]":
        """Forgets everything the transaction did."""
        return self._loop.submit(self._end, durable=False)

    @property
    def mark(self) -> Mark:
        """Where the transaction stands; valid between its statements."""
        return Mark(self._base, self._fork, self._written.mark, len(self._drafts))

    def back_to(self, mark: Mark) -> "Future[None]":
        """Forgets what the transaction did since `mark`."""

        def run() -> None:
            redefined = len(self._drafts) > mark.drafts
            if mark.base is not None:
                self._base, self._fork = mark.base, mark.fork
            else:
                self._fork = self._base
            self._written.back_to(mark.written)
            del self._drafts[mark.drafts :]
            if redefined:
                self._database.sweep()

        return self._loop.submit(run, durable=False)

    def _end(self) -> None:
        self._database.forks.discard(self)
        if self._drafts:
            self._database.sweep()

    def _commit(self) -> None:
        try:
            if self._base is None or self._fork is None or not (self._written or self._drafts):
                return
            self._database.require_there()
            check_committed(self._fork, self._written.merged(), self._database.seed)
            told = bool(self._written) and self._base.tells_ticks  # as one tick, of now
            fork = carried(self._fork, self._base, self._database.head)
            if any(draft.reshapes for draft in self._drafts):
                install_reshaped(self._database, self._base, self._fork)
            elif fork is None or self._database.builds.going_on or told:
                self._replay()
            elif self._drafts:
                self._database.install(fork)
            else:
                self._database.head = fork
        finally:
            self._end()

    def _replay(self) -> None:
        """The head has moved on: does at the new one what was done at the fork."""
        database = self._database
        deltas = self._written.merged()
        head = database.head
        for oid, delta in deltas.items():
            thing = head.catalog.objects.get(oid)
            if isinstance(thing, Table):
                check_unaltered(self._base, thing)
                check_conflicts(head, thing, delta, self._database.seed)
        check_pending(head, deltas, self._database.seed)
        if self._drafts:
            head = self._redefined(head)
        database.adopt_tick(head, {oid: delta for oid, delta in deltas.items() if self._lives(oid, head)})

    def _lives(self, oid: int, head: Head) -> bool:
        """Whether a table written to is still there; not where the transaction itself dropped it."""
        assert self._fork is not None
        if oid in head.catalog.objects:
            return True
        if oid in self._fork.catalog.objects:
            raise SerializationFailure("could not serialize access due to concurrent update of the catalog")
        return False

    def _redefined(self, head: Head) -> Head:
        """The head with the fork's definitions, backfilled from what the head has now."""
        assert self._base is not None
        assert self._fork is not None
        old, new = self._base.catalog.objects, self._fork.catalog.objects
        catalog, roots = head.catalog, head.roots
        check_altered(self._base, self._fork, head)
        gone = set(new.gone(old))
        if any(dependent.oid not in gone for oid in gone for dependent in catalog.dependents(oid)):
            raise SerializationFailure("could not serialize access due to concurrent update of the catalog")
        catalog, roots = catalog.drop(gone), roots.drop(gone)
        for oid, thing in sorted(new.changed(old), key=lambda item: item[0]):
            schema = getattr(thing, "schema_oid", 0)
            if catalog.names.get((schema, thing.name), oid) != oid or not self._reads_exist(thing, catalog.objects):
                raise SerializationFailure("could not serialize access due to concurrent update of the catalog")
            catalog = catalog.put(thing)
            if oid in self._fork.roots.stored:
                roots = roots.store(oid, self._fork.roots.stored[oid])
            if oid in self._fork.roots.sent:
                roots = roots.send(oid, self._fork.roots.sent[oid])
        for oid in (oid for draft in self._drafts for oid in draft.over):
            node = self._fork.roots.stored.get(oid)
            roots = roots if node is None or roots.stored.get(oid) is node else roots.store(oid, node)
        made = replace(head, catalog=catalog, roots=roots)
        backfill = Backfill(self._database.circuit, head, roots, self._database.replays, self._database.tick())
        while not backfill.advance():
            pass
        return backfill.finish(made)

    @staticmethod
    def _reads_exist(thing: Any, objects: Mapping[int, Any]) -> bool:
        return isinstance(thing, Source) or all(oid in objects for oid in getattr(thing, "depends", ()))
