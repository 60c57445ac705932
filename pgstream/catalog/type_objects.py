"""Columns, and the types that a user declares, as frozen values."""

from dataclasses import dataclass

from pgstream.types.definition import SqlType


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a stored relation. `default` is the SQL text of its default expression, `generated` that of what it
    is computed as from the other columns. An `identity` column, `a` for ALWAYS and `d` for BY DEFAULT, has the next
    value of its sequence for a default."""

    name: str
    type: SqlType
    not_null: bool = False
    default: str | None = None
    generated: str | None = None
    identity: str = ""


@dataclass(frozen=True, slots=True)
class CompositeType:
    """What CREATE TYPE … AS (…) declares: the type of rows that stand in no relation. `columns` are its attributes.

    Its OIDs are those of a relation without rows: `oid` in pg_class, `oid + 1` the type, `oid + 2` the array over it.
    """

    oid: int
    schema_oid: int
    name: str
    columns: tuple[TableColumn, ...]

    @property
    def depends(self) -> frozenset[int]:
        return frozenset()


@dataclass(frozen=True, slots=True)
class EnumLabel:
    """A label of an enum type. Its OID is what is stored; it stands where its rank does among those of the others."""

    oid: int
    name: str
    rank: str


@dataclass(frozen=True, slots=True)
class EnumType:
    """What CREATE TYPE … AS ENUM declares. `labels` are in order.

    `oid + 1` is the OID of the type, `oid + 2` that of the array over it.
    """

    oid: int
    schema_oid: int
    name: str
    labels: tuple[EnumLabel, ...]

    @property
    def depends(self) -> frozenset[int]:
        return frozenset()
