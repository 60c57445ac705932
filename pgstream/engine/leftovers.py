"""Leftovers: the relations that hold what views did not get of a source."""

from pgstream.catalog.objects import Source, TableColumn
from pgstream.types.definition import SqlType

ERROR_COLUMNS = (
    TableColumn("raw", SqlType("bytea")),
    TableColumn("message", SqlType("text"), True),
    TableColumn("place", SqlType("text"), True),
    TableColumn("rejected_at", SqlType("timestamptz"), True),
    TableColumn("replayed_at", SqlType("timestamptz")),
)
"""What a source's errors relation holds: the record's bytes, why it was rejected, where it stood, and when. A record
that was replayed as something else has those bytes, and the time of that."""


def late_columns(source: Source) -> tuple[TableColumn, ...]:
    """What a source's relation of late rows holds: the row, where it stood, the watermark that it was behind, and when
    it came."""
    assert source.watermark is not None
    moment = source.columns[source.watermark.column].type.bare()
    return (
        *(TableColumn(column.name, column.type) for column in source.columns),
        TableColumn("pgstream_place", SqlType("text"), True),
        TableColumn("pgstream_watermark", moment, True),
        TableColumn("pgstream_late_at", SqlType("timestamptz"), True),
    )
