"""Bound statements: what a statement is once every name in it is resolved."""

from dataclasses import dataclass
from typing import Any

from pgstream.catalog.objects import Check, ForeignKey, IndexColumn, Sequence, TableColumn, Watermark
from pgstream.catalog.shared import NOTHING_NAMED, Named
from pgstream.plan.expressions import Col, Expr
from pgstream.plan.relations import Relation
from pgstream.plan.terms import PLAIN, Terms
from pgstream.sql.bind.alterations import Alteration as Alteration
from pgstream.sql.bind.alterations import AlterTable as AlterTable
from pgstream.sql.bind.alterations import CommentOn as CommentOn
from pgstream.sql.bind.alterations import CreateFunction as CreateFunction
from pgstream.sql.bind.alterations import CreateSequence as CreateSequence
from pgstream.sql.bind.alterations import Rename as Rename
from pgstream.sql.bind.alterations import RenameColumn as RenameColumn
from pgstream.sql.bind.alterations import RenameConstraint as RenameConstraint
from pgstream.sql.bind.alterations import SetSchema as SetSchema
from pgstream.storage.order import OrderColumn

Output = tuple[tuple[Col, Expr], ...]
"""A RETURNING list: result columns and what they are computed as."""


@dataclass(frozen=True, slots=True)
class Query:
    """SELECT or VALUES. The visible result is the first columns of `plan`, as many as `Bound.columns` has; further
    columns only feed the Sort at the plan's root."""

    plan: Relation
    terms: Terms = PLAIN


@dataclass(frozen=True, slots=True)
class OnConflict:
    """ON CONFLICT over the table's key `columns` (0-based positions; empty: any unique key).

    DO NOTHING where `update` is empty. Else the existing row becomes `update` (one expression for each of the table's
    columns) where `where` holds; both are over `Insert.target` (the existing row) and `Insert.excluded`.
    `of_table` is the table's own clause, which takes rows of one key one after another.
    """

    columns: tuple[int, ...]
    update: tuple[Expr, ...] = ()
    where: Expr | None = None
    of_table: str = ""


@dataclass(frozen=True, slots=True)
class Insert:
    """INSERT INTO a table, or a continuous one INTO a sink. `plan` gives full rows: one column for each of the
    table's, defaults included and types coerced. `excluded` are the plan's columns as ON CONFLICT names them, `target`
    the existing row's; RETURNING expressions are over `target` as the stored row."""

    table_oid: int
    plan: Relation
    target: tuple[Col, ...]
    on_conflict: OnConflict | None = None
    returning: Output = ()
    drawn: tuple[tuple[int, Expr], ...] = ()
    """Volatile defaults by column position, which each row gets one of: the plan has NULLs there."""

    @property
    def excluded(self) -> tuple[Col, ...]:
        return self.plan.columns[: len(self.target)]


@dataclass(frozen=True, slots=True)
class Feed:
    """INSERT INTO a sink: a continuous query. `query` is the whole statement's text. A sink that was declared without
    columns takes its `columns`."""

    sink_oid: int
    plan: Relation
    query: str
    search_path: tuple[str, ...]
    depends: frozenset[int]
    terms: Terms = PLAIN
    columns: tuple[TableColumn, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeShape:
    """How changes are told: `diffs` (each row with mz_diff), `upsert` or `debezium` (each key with mz_state), `ops`
    (each copy of a row with RisingWave's op and rw_timestamp).

    `key` holds column positions, `order` the order of the rows of one tick over mz_diff (position 0) and the columns.
    """

    envelope: str = "diffs"
    progress: bool = False
    key: tuple[int, ...] = ()
    order: tuple[OrderColumn, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscribe:
    """A query whose changes somebody wants to be told. `depends` holds the OIDs of the relations that it reads.

    The changes after `as_of` (or a later time, with `at_least`) and before `up_to` are told, and with `snapshot` the
    rows as of then; times are numerics in ms or timestamps.
    """

    plan: Relation
    depends: frozenset[int]
    shape: ChangeShape = ChangeShape()
    snapshot: bool = True
    as_of: Expr | None = None
    at_least: bool = False
    up_to: Expr | None = None
    terms: Terms = PLAIN


@dataclass(frozen=True, slots=True)
class Update:
    """UPDATE. `plan` has a row for each row to change, `old` its columns now and `new` after; RETURNING expressions
    are over the plan with `new` in place of `old`."""

    table_oid: int
    plan: Relation
    old: tuple[Col, ...]
    new: tuple[Col, ...]
    returning: Output = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE. `plan` has a row for each row to delete, `old` its columns."""

    table_oid: int
    plan: Relation
    old: tuple[Col, ...]
    returning: Output = ()


@dataclass(frozen=True, slots=True)
class Truncate:
    table_oids: tuple[int, ...]
    restarts: bool = False
    """Whether the sequences of the tables begin anew."""
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CreateTable:
    schema_oid: int
    name: str
    columns: tuple[TableColumn, ...]
    primary_key: tuple[int, ...] = ()
    primary_key_name: str | None = None
    unique: tuple[tuple[str | None, tuple[int, ...]], ...] = ()
    if_not_exists: bool = False
    exists: bool = False
    """The relation is there already and IF NOT EXISTS was given: only a notice is left to do."""
    watermark: Watermark | None = None
    append_only: bool = False
    taken_key: str = ""
    indexes: tuple[tuple[tuple[IndexColumn, ...], bool], ...] = ()
    """Indexes that serve no constraint, each with whether it is unique: those of a table that LIKE names."""
    checks: tuple[Check, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    sequences: tuple[tuple[int, Sequence], ...] = ()
    """The sequences of serial and identity columns, by position."""


@dataclass(frozen=True, slots=True)
class CreateTableAs:
    """CREATE TABLE … AS: the rows of `plan` (None: WITH NO DATA) become those of a new table."""

    table: CreateTable
    plan: Relation | None
    exists: bool = False
    along: tuple[Any, ...] = ()
    """The WITH queries that change something (see `modifying.py`)."""

    @property
    def name(self) -> str:
        return self.table.name


@dataclass(frozen=True, slots=True)
class CreateView:
    schema_oid: int
    name: str
    columns: tuple[TableColumn, ...]
    query: str
    search_path: tuple[str, ...]
    depends: frozenset[int]
    replaces: int | None = None
    """The OID of the view that OR REPLACE replaces."""


@dataclass(frozen=True, slots=True)
class CreateMaterializedView:
    schema_oid: int
    name: str
    columns: tuple[TableColumn, ...]
    plan: Relation
    query: str
    search_path: tuple[str, ...]
    depends: frozenset[int]
    options: tuple[tuple[str, str], ...] = ()
    if_not_exists: bool = False
    exists: bool = False
    terms: Terms = PLAIN
    kept: tuple[tuple[str, str], ...] = ()
    """Its options that say how long it keeps what."""
    replaces: int | None = None
    """The OID of the view that OR REPLACE replaces."""


@dataclass(frozen=True, slots=True)
class CreateSource:
    """CREATE SOURCE, or CREATE TABLE with a connector. No columns: the connector declares them."""

    schema_oid: int
    name: str
    columns: tuple[TableColumn, ...]
    options: tuple[tuple[str, str], ...]
    format: str
    encode: str
    format_options: tuple[tuple[str, str], ...]
    primary_key: tuple[int, ...]
    if_not_exists: bool = False
    exists: bool = False
    option_positions: tuple[tuple[str, int], ...] = ()
    watermark: Watermark | None = None
    named: Named = NOTHING_NAMED


@dataclass(frozen=True, slots=True)
class CreateSink:
    """CREATE SINK. `plan` is None where INSERT INTO statements feed it."""

    schema_oid: int
    name: str
    columns: tuple[TableColumn, ...]
    options: tuple[tuple[str, str], ...]
    format: str
    encode: str
    format_options: tuple[tuple[str, str], ...]
    plan: Relation | None
    query: str
    search_path: tuple[str, ...]
    depends: frozenset[int]
    if_not_exists: bool = False
    exists: bool = False
    option_positions: tuple[tuple[str, int], ...] = ()
    terms: Terms = PLAIN
    named: Named = NOTHING_NAMED


@dataclass(frozen=True, slots=True)
class CreateSubscription:
    """CREATE SUBSCRIPTION … FROM a table or materialized view."""

    schema_oid: int
    name: str
    relation_oid: int
    retention_ms: int
    if_not_exists: bool = False
    exists: bool = False


@dataclass(frozen=True, slots=True)
class CreateIndex:
    """CREATE INDEX; `name` is None where it is to be chosen."""

    relation_oid: int
    name: str | None
    columns: tuple[IndexColumn, ...]
    unique: bool = False
    if_not_exists: bool = False
    exists: bool = False


@dataclass(frozen=True, slots=True)
class CreateSchema:
    name: str
    if_not_exists: bool = False
    exists: bool = False


@dataclass(frozen=True, slots=True)
class CreateDatabase:
    name: str


@dataclass(frozen=True, slots=True)
class DropDatabase:
    name: str
    missing_ok: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """DROP of the objects with these OIDs. `missing` holds what IF EXISTS skips, as the notices word it."""

    kind: str
    oids: tuple[int, ...]
    cascade: bool = False
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explain:
    """EXPLAIN: `statement` is a bound Query, Insert, Update, Delete or CreateMaterializedView."""

    statement: Any
    options: tuple[tuple[str, str], ...] = ()

    @property
    def analyze(self) -> bool:
        return dict(self.options).get("analyze", "false") in ("true", "on", "1")

    @property
    def state(self) -> bool:
        """Whether it asks what the query would keep, were it kept."""
        return dict(self.options).get("state", "false") in ("true", "on", "1")

    @property
    def operators(self) -> bool:
        """Whether it asks what the operators of a materialized view have done and keep."""
        return dict(self.options).get("operators", "false") in ("true", "on", "1")

    @property
    def format(self) -> str:
        """`text` or `json`."""
        return dict(self.options).get("format", "text")


@dataclass(frozen=True, slots=True)
class Nothing:
    """A statement that is accepted and changes nothing; `notice` is what to tell about it."""

    notice: str | None = None
