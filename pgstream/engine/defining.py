"""DDL: from a bound definition to the catalog and circuit that have it.

A definition gives a `Draft`: the catalog and the roots as they will be, and the nodes whose past must be computed
before they may join the ticks (`engine/backfill.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pgstream.catalog.objects import (
    Check,
    Feed,
    Index,
    IndexColumn,
    MaterializedView,
    PrimaryKey,
    Schema,
    Sink,
    Source,
    Table,
    TableColumn,
    View,
    Watermark,
    changes_by_key,
)
from pgstream.circuit.circuit import Circuit, Node
from pgstream.connectors.connector import check_options
from pgstream.connectors.source import Settling
from pgstream.engine.commenting import commented
from pgstream.engine.connecting import Connecting, connected
from pgstream.engine.constraints import require_distinct
from pgstream.engine.draft import Draft, free_name, require_free
from pgstream.engine.dropping import drop, without_defaults
from pgstream.engine.facts import HeadFacts
from pgstream.engine.head import Head
from pgstream.engine.keeping import endless_notices, lowered, optimised
from pgstream.engine.leftovers import ERROR_COLUMNS, late_columns
from pgstream.engine.numbering import sequence_made, with_sequences
from pgstream.engine.outcome import Notice, Outcome
from pgstream.engine.outside import all_options, settings_of
from pgstream.engine.referring_keys import with_keys
from pgstream.engine.renaming import renamed
from pgstream.engine.replay import open_source
from pgstream.engine.retaining import subscribed
from pgstream.engine.roots import Roots
from pgstream.engine.user_types import created_type
from pgstream.engine.vault import Vault
from pgstream.errors import DuplicateSchema, InvalidTableDefinition, WrongObjectType
from pgstream.operators.arrange import Arrange
from pgstream.operators.input import Input
from pgstream.plan.relations import Relation as Plan
from pgstream.plan.terms import PLAIN, Terms
from pgstream.sql.bind import statements as bound
from pgstream.sql.bind.subscriptions import AlterSubscription
from pgstream.sql.bind.user_types import CreateType
from pgstream.sql.lower import Lowered, Lowering
from pgstream.sql.unique_keys import unique_key
from pgstream.storage.run import ArrangementSpec
from pgstream.world import World


@dataclass(slots=True)
class Definer:
    """Runs definitions against `circuit`. `new_oids(n)` gives the first of n OIDs that were never used."""

    circuit: Circuit
    world: World
    new_oids: Callable[[int], int]
    vault: Vault

    def define(self, head: Head, statement: object, tag: str) -> Draft:
        """What `statement`, a bound definition, makes of `head`."""
        if getattr(statement, "exists", False):
            return Draft(head, Outcome(tag, notices=(_skipped(statement),)))
        match statement:
            case bound.CreateTable():
                return self._create_table(head, statement)
            case bound.CreateTableAs():
                draft = self._create_table(head, statement.table)
                return replace(draft, outcome=Outcome(tag), filled=statement.plan, along=statement.along)
            case bound.CreateView():
                return self._create_view(head, statement)
            case bound.CreateMaterializedView():
                return self._create_materialized_view(head, statement)
            case bound.CreateSource():
                return self._create_source(head, statement, tag)
            case bound.CreateSink():
                return self._create_sink(head, statement, tag)
            case bound.Feed():
                return self._create_feed(head, statement)
            case bound.CreateIndex():
                return self._create_index(head, statement)
            case bound.CreateSubscription() | AlterSubscription():
                return subscribed(head, statement, self.circuit, self.new_oids, tag)
            case bound.CreateSequence() | bound.CreateSchema() | bound.CommentOn():
                return self._create_other(head, statement, tag)
            case bound.Subscribe():
                return self._define_hidden(head, statement)
            case CreateType():
                return created_type(head, statement, self.new_oids, tag)
            case bound.Nothing():
                return Draft(head, Outcome(tag, notices=tuple(map(Notice, filter(None, [statement.notice])))))
        return self._redefine(head, statement, tag)

    def _redefine(self, head: Head, statement: object, tag: str) -> Draft:
        """What a statement about something that is there makes of `head`, or one about what is outside."""
        match statement:
            case bound.Rename() | bound.RenameColumn() | bound.RenameConstraint() | bound.SetSchema():
                return renamed(head, statement, tag)
            case bound.Drop():
                return self._drop(head, statement, tag)
            case _ if isinstance(statement, Connecting):
                return connected(head, statement, self.vault, self.new_oids(1), tag)
        raise AssertionError(f"no definition: {statement}")

    # -- what is stored

    def _create_table(self, head: Head, statement: bound.CreateTable) -> Draft:
        require_free(head.catalog, statement.schema_oid, statement.name)
        oid = self.new_oids(5)
        key = None
        if statement.primary_key:
            name = statement.primary_key_name or free_name(head.catalog, statement.schema_oid, f"{statement.name}_pkey")
            key = PrimaryKey(oid + 4, oid + 3, name, statement.primary_key)
        columns = tuple(
            replace(column, not_null=True) if position in statement.primary_key else column
            for position, column in enumerate(statement.columns)
        )
        table = Table(
            oid,
            statement.schema_oid,
            statement.name,
            columns,
            key,
            watermark=statement.watermark,
            append_only=statement.append_only,
            on_conflict=statement.taken_key,
            checks=self.made_checks(statement.checks),
        )
        named = tuple((columns[position].name, sequence) for position, sequence in statement.sequences)
        catalog, table = with_sequences(head.catalog, table, named, self.new_oids)
        catalog, roots = catalog.put(table), head.roots.store(oid, self.table_node(table))
        if key is not None:
            keys = tuple(IndexColumn(position) for position in key.columns)
            catalog = catalog.put(Index(key.index_oid, table.schema_oid, key.name, oid, keys, True, True))
        made, built = replace(head, catalog=catalog, roots=roots), [oid]
        for wish, positions in statement.unique:
            made, index_oid = self.unique_index(made, table, wish, positions)
            built.append(index_oid)
        made, referring = with_keys(made, table, statement.foreign_keys, self.circuit, self.new_oids)
        built += referring
        for index_columns, unique in statement.indexes:
            draft = self._create_index(made, bound.CreateIndex(oid, None, index_columns, unique))
            made = draft.head
            built += draft.built
        return Draft(made, Outcome("CREATE TABLE"), tuple(built))

    def made_checks(self, checks: tuple[Check, ...]) -> tuple[Check, ...]:
        """`checks` with the OIDs of those that have none yet."""
        return tuple(check if check.oid else replace(check, oid=self.new_oids(1)) for check in checks)

    def unique_index(self, head: Head, table: Table, name: str | None, positions: tuple[int, ...]) -> tuple[Head, int]:
        """`head` with the index that a UNIQUE constraint of a new table asks for, and its OID."""
        columns = "_".join(table.columns[position].name for position in positions)
        chosen = name or free_name(head.catalog, table.schema_oid, f"{table.name}_{columns}_key")
        require_free(head.catalog, table.schema_oid, chosen)
        oid = self.new_oids(4)
        keys = tuple(IndexColumn(position) for position in positions)
        index = Index(oid, table.schema_oid, chosen, table.oid, keys, True, constraint_oid=oid + 3)
        node = self.index_node(head.roots, index)
        return replace(head, catalog=head.catalog.put(index), roots=head.roots.store(oid, node)), oid

    def table_node(self, table: Table) -> Node:
        """Where a table's rows are kept: arranged by its primary key."""
        key = () if table.primary_key is None else table.primary_key.columns
        return self._arranged(self._input(table.oid, table.columns), key)

    def _input(self, oid: int, columns: Sequence[TableColumn]) -> Node:
        types = tuple(column.type for column in columns)
        return self.circuit.add(Input(oid, tuple(range(len(types))), types))

    def _arranged(self, node: Node, key: tuple[int, ...]) -> Node:
        return self.circuit.add(Arrange(ArrangementSpec(node.types, key, ())), [node])

    # -- what is computed

    def lowered(self, head: Head, plan: Plan, oid: int, terms: Terms = PLAIN) -> Lowered:
        """The node of an optimised plan; the materialized views it reads are their own nodes."""

        def node_of(read: int) -> Node | None:
            kept = isinstance(head.catalog.objects.get(read), MaterializedView)
            return head.roots.stored[read] if kept else None

        facts = HeadFacts(head)
        return lowered(Lowering(self.circuit, facts, f"{oid}", node_of), plan, facts, terms)

    def view_node(self, head: Head, plan: Plan, oid: int, terms: Terms = PLAIN) -> tuple[Node, tuple[int, ...] | None]:
        """Where a materialized view's rows are kept, and the unique key they are arranged by."""
        facts = HeadFacts(head)
        made = optimised(plan, facts, terms)
        key = unique_key(made, facts)
        return self._arranged(self.lowered(head, made, oid, terms).node, key or ()), key

    def _define_hidden(self, head: Head, statement: bound.Subscribe) -> Draft:
        """A query that is watched: stored as a view is, but nobody else sees it, and no restart brings it back."""
        oid = self.new_oids(1)
        node, _ = self.view_node(head, statement.plan, oid, statement.terms)
        made = replace(head, roots=head.roots.store(oid, node))
        return Draft(made, Outcome("SUBSCRIBE"), (oid,), watched=statement.depends)

    def _create_view(self, head: Head, statement: bound.CreateView) -> Draft:
        require_free(head.catalog, statement.schema_oid, statement.name)
        oid = self.new_oids(3)
        view = View(
            oid,
            statement.schema_oid,
            statement.name,
            statement.columns,
            statement.query,
            statement.search_path,
            statement.depends,
        )
        return Draft(replace(head, catalog=head.catalog.put(view)), Outcome("CREATE VIEW"))

    def _create_materialized_view(self, head: Head, statement: bound.CreateMaterializedView) -> Draft:
        require_free(head.catalog, statement.schema_oid, statement.name)
        oid = self.new_oids(3)
        node, key = self.view_node(head, statement.plan, oid, statement.terms)
        view = MaterializedView(
            oid,
            statement.schema_oid,
            statement.name,
            statement.columns,
            statement.query,
            statement.search_path,
            statement.depends,
            key,
            statement.kept,
        )
        made = replace(head, catalog=head.catalog.put(view), roots=head.roots.store(oid, node))
        notices = endless_notices(head, statement.name, statement.plan, node.inputs[0])
        return Draft(made, Outcome("CREATE MATERIALIZED VIEW", notices=notices), (oid,))

    def _create_index(self, head: Head, statement: bound.CreateIndex) -> Draft:
        relation = head.catalog.objects[statement.relation_oid]
        if not isinstance(relation, Table | MaterializedView):
            raise WrongObjectType(f'cannot create index on relation "{relation.name}"')
        names = [relation.columns[key.position].name for key in statement.columns]
        name = statement.name
        if name is None:
            name = free_name(head.catalog, relation.schema_oid, f"{relation.name}_{'_'.join(names)}_idx")
        require_free(head.catalog, relation.schema_oid, name)
        oid = self.new_oids(3)
        index = Index(oid, relation.schema_oid, name, relation.oid, statement.columns, statement.unique)
        require_distinct(head, index)
        node = self.index_node(head.roots, index)
        made = replace(head, catalog=head.catalog.put(index), roots=head.roots.store(oid, node))
        return Draft(made, Outcome("CREATE INDEX"), (oid,))

    def index_node(self, roots: Roots, index: Index) -> Node:
        """Where an index keeps its relation's rows: arranged by the index's columns."""
        relation = roots.stored[index.relation_oid]
        return self._arranged(relation.inputs[0], tuple(key.position for key in index.columns))

    # -- what is outside

    def _create_source(self, head: Head, statement: bound.CreateSource, tag: str) -> Draft:
        require_free(head.catalog, statement.schema_oid, statement.name)
        options = all_options(statement.options, statement.format_options, statement.format, statement.encode)
        draft = Source(
            0, statement.schema_oid, statement.name, statement.columns, options, statement.format, statement.encode,
            statement.primary_key, statement.named.oids, self.world.now_us(), named=statement.named,
        )  # fmt: skip
        reader = open_source(head.catalog, draft, self.world)
        settled = reader.settled() if isinstance(reader, Settling) else {}
        known = {column.name: column for column in statement.columns}
        columns = tuple(known.get(name, TableColumn(name, type)) for name, type in reader.fields)
        reader.close()
        if changes_by_key(statement.format, options) and not statement.primary_key:
            raise InvalidTableDefinition(
                "a source of changes needs a PRIMARY KEY", hint="Its columns tell which row a record changes."
            )
        oid, errors_oid = self.new_oids(3), self.new_oids(3)
        options = (*options, *settled.items())
        source = replace(draft, oid=oid, columns=columns, options=options, watermark=_event_time(statement, columns))
        require_free(head.catalog, statement.schema_oid, source.errors_name)
        errors = Table(errors_oid, source.schema_oid, source.errors_name, ERROR_COLUMNS, errors_of=oid)
        made = replace(
            head,
            catalog=head.catalog.put(source).put(errors),
            roots=head.roots.store(errors_oid, self.table_node(errors)),
        )
        if source.watermark is not None:
            return self._with_late(made, source, tag, errors_oid)
        return Draft(made, Outcome(tag), (errors_oid,))

    def _with_late(self, head: Head, source: Source, tag: str, errors_oid: int) -> Draft:
        """`head` with the relation for rows that come behind the watermark of a new source."""
        require_free(head.catalog, source.schema_oid, source.late_name)
        oid = self.new_oids(3)
        late = Table(oid, source.schema_oid, source.late_name, late_columns(source), errors_of=source.oid, late=True)
        roots = head.roots.store(oid, self.table_node(late))
        made = replace(head, catalog=head.catalog.put(late), roots=roots)
        return Draft(made, Outcome(tag), (errors_oid, oid))

    def _create_sink(self, head: Head, statement: bound.CreateSink, tag: str) -> Draft:
        require_free(head.catalog, statement.schema_oid, statement.name)
        oid = self.new_oids(3)
        options = all_options(statement.options, statement.format_options, statement.format, statement.encode)
        sink = Sink(
            oid, statement.schema_oid, statement.name, statement.columns, options, statement.format, statement.encode,
            statement.query, statement.search_path, statement.depends | statement.named.oids, self.world.now_us(),
            statement.named,
        )  # fmt: skip
        made = replace(head, catalog=head.catalog.put(sink))
        if statement.plan is None:
            settings = settings_of(made.catalog, sink)
            with settings.concealing():
                check_options(settings.options)
            return Draft(made, Outcome(tag))
        return self._sending(made, sink, statement.plan, tag, statement.terms)

    def _create_feed(self, head: Head, statement: bound.Feed) -> Draft:
        sink = head.catalog.objects[statement.sink_oid]
        assert isinstance(sink, Sink)
        oid = self.new_oids(3)
        name = free_name(head.catalog, sink.schema_oid, f"{sink.name}_feed")
        feed = Feed(oid, sink.schema_oid, name, sink.oid, statement.query, statement.search_path, statement.depends)
        if statement.columns:
            head = replace(head, catalog=head.catalog.put(replace(sink, columns=statement.columns)))
        made = replace(head, catalog=head.catalog.put(feed))
        return self._sending(made, feed, statement.plan, "INSERT 0 0", statement.terms)

    def _sending(self, head: Head, thing: Sink | Feed, plan: Plan, tag: str, terms: Terms) -> Draft:
        roots = head.roots.send(thing.oid, self.sent_node(head, plan, thing.oid, terms))
        return Draft(replace(head, roots=roots), Outcome(tag), (thing.oid,))

    def sent_node(self, head: Head, plan: Plan, oid: int, terms: Terms = PLAIN) -> Node:
        """The node whose changes a sink or feed sends."""
        return self.lowered(head, optimised(plan, HeadFacts(head), terms), oid, terms).node

    # -- names and ends

    def _create_other(
        self, head: Head, statement: bound.CreateSequence | bound.CreateSchema | bound.CommentOn, tag: str
    ) -> Draft:
        if isinstance(statement, bound.CommentOn):
            return commented(head, statement, self.new_oids)
        if isinstance(statement, bound.CreateSequence):
            return sequence_made(head, statement, self.new_oids, tag)
        if statement.name in head.catalog.schema_oids:
            raise DuplicateSchema(f'schema "{statement.name}" already exists')
        catalog = head.catalog.put(Schema(self.new_oids(1), statement.name))
        return Draft(replace(head, catalog=catalog), Outcome("CREATE SCHEMA"))

    def _drop(self, head: Head, statement: bound.Drop, tag: str) -> Draft:
        catalog, freed = without_defaults(head.catalog, statement)
        gone, notices = drop(catalog, statement)
        notices = (*notices, *freed)
        made = replace(head, catalog=catalog.drop(gone), roots=head.roots.drop(gone)) if gone else head
        return Draft(made, Outcome(tag, notices=notices), dropped=frozenset(gone))


def _event_time(statement: bound.CreateSource, columns: tuple[TableColumn, ...]) -> Watermark | None:
    """The declared watermark, by where its column stands among those that the source gives."""
    declared = statement.watermark
    if declared is None:
        return None
    name = statement.columns[declared.column].name
    return replace(declared, column=[column.name for column in columns].index(name))


def _skipped(statement: object) -> Notice:
    kind = "schema" if isinstance(statement, bound.CreateSchema) else "relation"
    name = getattr(statement, "name", "")
    state = "42P06" if kind == "schema" else "42P07"
    return Notice(f'{kind} "{name}" already exists, skipping', sqlstate=state)
