"""The objects a user declares, as frozen values.

An object is replaced, never changed. `depends` holds the OIDs of the relations that an object's query reads: what
DROP … RESTRICT refuses over, and CASCADE follows.

A relation owns three consecutive OIDs, as PostgreSQL gives every relation a row type and its array type:
`oid` for pg_class, `oid + 1` for its row type and `oid + 2` for the array of that.
"""

from dataclasses import dataclass

from pgstream.catalog.rule_objects import Argument as Argument
from pgstream.catalog.rule_objects import Check as Check
from pgstream.catalog.rule_objects import Comment as Comment
from pgstream.catalog.rule_objects import DomainType as DomainType
from pgstream.catalog.rule_objects import ForeignKey as ForeignKey
from pgstream.catalog.rule_objects import Sequence as Sequence
from pgstream.catalog.rule_objects import SqlFunction as SqlFunction
from pgstream.catalog.shared import NOTHING_NAMED, Connection, Named, Secret
from pgstream.catalog.type_objects import CompositeType as CompositeType
from pgstream.catalog.type_objects import EnumLabel as EnumLabel
from pgstream.catalog.type_objects import EnumType as EnumType
from pgstream.catalog.type_objects import TableColumn as TableColumn

PG_CATALOG = 11
PUBLIC = 2200
INFORMATION_SCHEMA = 13000
SUPERUSER = 10
FIRST_USER_OID = 16384
OIDS_PER_RELATION = 3


@dataclass(frozen=True, slots=True)
class Schema:
    """A namespace. `oid` is 11 for pg_catalog and 2200 for public, as in every PostgreSQL."""

    oid: int
    name: str


@dataclass(frozen=True, slots=True)
class PrimaryKey:
    """A table's primary key: 0-based column positions in key order, and the OIDs of constraint and index."""

    oid: int
    index_oid: int
    name: str
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Watermark:
    """The event time of a relation: the column at a position, and how far each row says that time has come.

    `expression` is SQL text over the relation's columns; empty: the default lag behind the column. A partition that
    gives nothing for `idle_us` is not waited for; a row whose time is over `ahead_us` past the clock moves nothing.
    `late` is the name of the relation for rows that come too late; empty: that of the source, and `_late`.
    """

    column: int
    expression: str = ""
    idle_us: int = 5_000_000
    ahead_us: int = 3_600_000_000
    late: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A stored table that takes INSERT, UPDATE and DELETE.

    `errors_of` is the OID of the source whose rejected records it holds, or, with `late`, the rows that came too late;
    users only read such a table. One that is `append_only` takes INSERT and nothing else. `on_conflict` is what an
    INSERT does that does not say it and whose primary key is taken: "ignore", "overwrite", "fill" (overwrite with what
    is not NULL), or empty, for an error.
    """

    oid: int
    schema_oid: int
    name: str
    columns: tuple[TableColumn, ...]
    primary_key: PrimaryKey | None = None
    depends: frozenset[int] = frozenset()
    errors_of: int = 0
    watermark: Watermark | None = None
    append_only: bool = False
    on_conflict: str = ""
    late: bool = False
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A plain view: its query's text, inlined wherever it is used, and resolved under `search_path`."""

    oid: int
    schema_oid: int
    name: str
    columns: tuple[TableColumn, ...]
    query: str
    search_path: tuple[str, ...]
    depends: frozenset[int]


@dataclass(frozen=True, slots=True)
class MaterializedView:
    """A view that is kept. `unique_key` holds column positions by which its rows are distinct and arranged, `kept` its
    options that say how long it keeps what."""

    oid: int
    schema_oid: int
    name: str
    columns: tuple[TableColumn, ...]
    query: str
    search_path: tuple[str, ...]
    depends: frozenset[int]
    unique_key: tuple[int, ...] | None = None
    kept: tuple[tuple[str, str], ...] = ()


CHANGE_FORMATS = frozenset(("upsert", "debezium", "debezium_json", "debezium_avro", "debezium_protobuf"))
"""Formats whose records are changes by key."""


def changes_by_key(format: str, options: tuple[tuple[str, str], ...]) -> bool:
    """Whether the records of a source are changes by key; `format` is its FORMAT clause."""
    return not CHANGE_FORMATS.isdisjoint((format.lower(), dict(options).get("format", "").lower()))


@dataclass(frozen=True, slots=True)
class Source:
    """An external, replayable stream of rows. `options` are the WITH options as written, in order.

    `format` and `encode` are upper case (PLAIN, JSON), or empty where the connector decides. `created_us` is when
    it was created, which a replay of a paced generator sees again.
    """

    oid: int
    schema_oid: int
    name: str
    columns: tuple[TableColumn, ...]
    options: tuple[tuple[str, str], ...]
    format: str = ""
    encode: str = ""
    primary_key: tuple[int, ...] = ()
    depends: frozenset[int] = frozenset()
    created_us: int = 0
    watermark: Watermark | None = None
    named: Named = NOTHING_NAMED

    @property
    def row_key(self) -> tuple[int, ...]:
        """The columns by which its records take the place of earlier ones; none where each is a row of its own."""
        return self.primary_key if changes_by_key(self.format, self.options) else ()

    @property
    def errors_name(self) -> str:
        """The relation that keeps the records this source could not make rows of."""
        return f"{self.name}_errors"

    @property
    def late_name(self) -> str:
        """The relation that keeps the rows that came behind this source's watermark, if it declares one."""
        return (self.watermark.late if self.watermark is not None else "") or f"{self.name}_late"


@dataclass(frozen=True, slots=True)
class Sink:
    """An external receiver of changes.

    `query` is what feeds it where it was declared with its query (`CREATE SINK … AS`, `CREATE SINK … FROM`), and
    empty where `INSERT INTO` statements feed it, each a `Feed`.
    """

    oid: int
    schema_oid: int
    name: str
    columns: tuple[TableColumn, ...]
    options: tuple[tuple[str, str], ...]
    format: str = ""
    encode: str = ""
    query: str = ""
    search_path: tuple[str, ...] = ()
    depends: frozenset[int] = frozenset()
    created_us: int = 0
    named: Named = NOTHING_NAMED


@dataclass(frozen=True, slots=True)
class Feed:
    """A continuous `INSERT INTO sink SELECT …`, whose text `query` is. Named after its sink."""

    oid: int
    schema_oid: int
    name: str
    sink_oid: int
    query: str
    search_path: tuple[str, ...]
    depends: frozenset[int]
    columns: tuple[TableColumn, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexColumn:
    """One key column of an index."""

    position: int
    descending: bool = False
    nulls_first: bool = False


@dataclass(frozen=True, slots=True)
class Index:
    """An arrangement of a relation by some of its columns. `primary` for the index of a primary key.

    `constraint_oid` is the UNIQUE constraint that the index serves; 0 for an index that was made as one.
    """

    oid: int
    schema_oid: int
    name: str
    relation_oid: int
    columns: tuple[IndexColumn, ...]
    unique: bool = False
    primary: bool = False
    constraint_oid: int = 0

    @property
    def depends(self) -> frozenset[int]:
        return frozenset({self.relation_oid})


@dataclass(frozen=True, slots=True)
class Subscription:
    """A memory of how a relation changed. Everything after `since_ms` that is not older than `retention_ms` is there.

    Times are milliseconds since 1970.
    """

    oid: int
    schema_oid: int
    name: str
    relation_oid: int
    retention_ms: int
    since_ms: int

    @property
    def depends(self) -> frozenset[int]:
        return frozenset({self.relation_oid})


Relation = Table | View | MaterializedView | Source | Sink
UserType = CompositeType | EnumType | DomainType
Unlisted = Index | Feed | Subscription | Secret | Connection | UserType | SqlFunction | Sequence | ForeignKey | Comment
"""What has a name among the relations without being one."""

CatalogObject = Schema | Relation | Unlisted

KIND_NAMES: dict[type, str] = {
    Schema: "schema",
    Table: "table",
    View: "view",
    MaterializedView: "materialized view",
    Source: "source",
    Sink: "sink",
    Feed: "feed",
    Index: "index",
    Subscription: "subscription",
    Secret: "secret",
    Connection: "connection",
    CompositeType: "type",
    EnumType: "type",
    DomainType: "type",
    SqlFunction: "function",
    Sequence: "sequence",
    ForeignKey: "constraint",
    Comment: "comment",
}
"""What error messages call each kind."""
