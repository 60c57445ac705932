"""What the optimizer may know of the stored relations of one head."""

from collections.abc import Sequence
from dataclasses import dataclass

from pgstream.catalog.objects import MaterializedView, Source, Table
from pgstream.engine.head import Head
from pgstream.sql.optimize.facts import Written
from pgstream.types.definition import SqlType


@dataclass(frozen=True, slots=True)
class HeadFacts:
    """Keys come from the catalog, row counts from the spines."""

    head: Head

    def unique_keys(self, oid: int) -> Sequence[tuple[int, ...]]:
        thing = self.head.catalog.objects.get(oid)
        if isinstance(thing, Table) and thing.primary_key is not None:
            return (thing.primary_key.columns,)
        return (thing.row_key,) if isinstance(thing, Source) and thing.row_key else ()

    def append_only(self, oid: int) -> bool:
        thing = self.head.catalog.objects.get(oid)
        if isinstance(thing, Table):
            return thing.append_only
        return isinstance(thing, Source) and not thing.row_key

    def written_by_key(self, oid: int) -> Written | None:
        thing = self.head.catalog.objects.get(oid)
        if not isinstance(thing, Source) or not thing.row_key:
            return None
        return Written(tuple(column.type for column in thing.columns), thing.row_key)

    def event_time(self, oid: int) -> int | None:
        """The position of the column for which a relation declares a watermark."""
        thing = self.head.catalog.objects.get(oid)
        marked = isinstance(thing, Source | Table) and thing.watermark is not None
        return thing.watermark.column if marked else None  # type: ignore[union-attr]

    def refuses_late(self, oid: int) -> bool:
        thing = self.head.catalog.objects.get(oid)
        return isinstance(thing, Source) and not thing.row_key

    def event_type(self, oid: int) -> SqlType:
        """The type of that column."""
        thing = self.head.catalog.objects[oid]
        assert isinstance(thing, Source | Table)
        assert thing.watermark is not None
        return thing.columns[thing.watermark.column].type

    def row_estimate(self, oid: int) -> int | None:
        rows = self.head.rows(oid)
        return None if rows is None else rows.total()


def arranged_by(head: Head, oid: int) -> tuple[int, ...]:
    """The column positions by which the rows of a stored relation are arranged; empty where by none."""
    thing = head.catalog.objects.get(oid)
    if isinstance(thing, Table):
        return () if thing.primary_key is None else thing.primary_key.columns
    return (thing.unique_key or ()) if isinstance(thing, MaterializedView) else ()
