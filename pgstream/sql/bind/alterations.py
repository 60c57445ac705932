"""Bound statements that alter what is there, or what others are computed by. See `statements.py`."""

from dataclasses import dataclass

from pgstream.catalog.objects import ForeignKey, Sequence, SqlFunction, Table
from pgstream.plan.relations import Relation


@dataclass(frozen=True, slots=True)
class Rename:
    """ALTER … RENAME of a relation, index or schema; renaming an index renames the constraint that it serves."""

    oid: int
    new_name: str


@dataclass(frozen=True, slots=True)
class RenameColumn:
    """ALTER … RENAME COLUMN; `position` is 0-based."""

    oid: int
    position: int
    new_name: str


@dataclass(frozen=True, slots=True)
class RenameConstraint:
    """ALTER … RENAME CONSTRAINT of one that no index serves."""

    oid: int
    old_name: str
    new_name: str


@dataclass(frozen=True, slots=True)
class SetSchema:
    """ALTER … SET SCHEMA."""

    oid: int
    schema_oid: int


@dataclass(frozen=True, slots=True)
class AlterTable:
    """ALTER TABLE of columns: `table` is what it becomes.

    `kept` has, for each of its columns, the position of the old column that it was, -1 for a new one; `plan` gives the
    rows as they will be, None where they stay. `dropped` and `retyped` hold positions of old columns. `notices` are
    messages with their SQLSTATEs. `unconstrained` has the OIDs of indexes whose constraints are dropped.
    """

    oid: int
    table: Table
    kept: tuple[int, ...]
    plan: Relation | None = None
    dropped: tuple[int, ...] = ()
    retyped: tuple[int, ...] = ()
    cascade: bool = False
    unique: tuple[tuple[str | None, tuple[int, ...]], ...] = ()
    notices: tuple[tuple[str, str], ...] = ()
    unconstrained: tuple[int, ...] = ()
    primary_key: tuple[str | None, tuple[int, ...]] | None = None
    """A key to be, with its name if it was given one."""
    sequences: tuple[tuple[str, Sequence], ...] = ()
    """The sequences that columns get, or have with other options, by column name."""
    foreign_keys: tuple[ForeignKey, ...] = ()
    """Those that are new, over the columns as they will be."""
    validated: tuple[int, ...] = ()
    unnumbered: tuple[int, ...] = ()
    """The OIDs of sequences that go."""


@dataclass(frozen=True, slots=True)
class CreateSequence:
    """CREATE or ALTER SEQUENCE; `sequence` has no OID where it is new, and no node where it is to begin anew."""

    sequence: Sequence
    name: str
    exists: bool = False


@dataclass(frozen=True, slots=True)
class CreateFunction:
    """CREATE FUNCTION; `function` has no OID where it replaces none."""

    function: SqlFunction


@dataclass(frozen=True, slots=True)
class CommentOn:
    """COMMENT ON the object `object_oid` of a system catalog, or one of its columns, which is or belongs to the object
    `whole_oid`; None for no comment any more."""

    object_oid: int
    whole_oid: int
    class_oid: int
    text: str | None
    column: str = ""


Alteration = Rename | RenameColumn | RenameConstraint | SetSchema | AlterTable | CreateFunction
