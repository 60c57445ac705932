"""Connectors: sources and sinks, one file per outside system. They move bytes or columns; formats know the bytes.

Importing this package declares them all.
"""

from pgstream.connectors import blackhole, datagen, filesystem, impulse, kafka, nexmark, printing
from pgstream.connectors.connections import CONNECTION_KINDS
from pgstream.connectors.connector import CONNECTORS, Connector, check_options, create_sink, create_source
from pgstream.connectors.places import NO_PLACES, Places
from pgstream.connectors.sink import Changes, Cursor, Sink
from pgstream.connectors.source import Batch, Limits, Offset, Reading, Rejected, Rows, Source, read

__all__ = [
    "CONNECTION_KINDS",
    "CONNECTORS",
    "NO_PLACES",
    "Batch",
    "Changes",
    "Connector",
    "Cursor",
    "Limits",
    "Offset",
    "Places",
    "Reading",
    "Rejected",
    "Rows",
    "Sink",
    "Source",
    "blackhole",
    "check_options",
    "create_sink",
    "create_source",
    "datagen",
    "filesystem",
    "impulse",
    "kafka",
    "nexmark",
    "printing",
    "read",
]
