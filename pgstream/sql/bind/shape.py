"""A table in the course of an ALTER TABLE."""

from dataclasses import dataclass, field, replace
from typing import Any

from pgstream.catalog.objects import Sequence, Table, TableColumn
from pgstream.errors import UndefinedColumn
from pgstream.plan.expressions import Expr
from pgstream.plan.relations import Scan

Node = Any


@dataclass(slots=True)
class Shape:
    """A table as it will be after the commands so far: its columns, and what of the old row each of them is."""

    table: Table
    old: Scan
    columns: list[TableColumn]
    sources: list[Expr]
    kept: list[int]
    dropped: list[int] = field(default_factory=list)
    retyped: list[int] = field(default_factory=list)
    cascade: bool = False
    unconstrained: list[int] = field(default_factory=list)
    rearranged: bool = False
    primary_key: tuple[str | None, tuple[str, ...]] | None = None
    unique: list[tuple[str | None, tuple[str, ...]]] = field(default_factory=list)
    notices: list[tuple[str, str]] = field(default_factory=list)
    sequences: dict[str, Sequence] = field(default_factory=dict)
    unnumbered: list[int] = field(default_factory=list)
    validated: list[int] = field(default_factory=list)
    """The OIDs of foreign keys that are seen to hold."""
    foreign: list[tuple[Node, tuple[str, ...]]] = field(default_factory=list)
    """Foreign keys to be, and the columns that refer."""

    def place(self, name: str) -> int:
        """The position of a column. Raises UndefinedColumn."""
        for i, column in enumerate(self.columns):
            if column.name == name:
                return i
        raise UndefinedColumn(f'column "{name}" of relation "{self.table.name}" does not exist')

    @property
    def now(self) -> Table:
        """The table with the columns that it has by now."""
        return replace(self.table, columns=tuple(self.columns))
