"""Impulse: a counter that ticks, as Arroyo has it."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pgstream.connectors.connector import Connector, Opening, declare, declared
from pgstream.connectors.paced import PacedSource, pace
from pgstream.connectors.source import Rows
from pgstream.formats.format import Field
from pgstream.formats.options import option, read_duration_us
from pgstream.formats.sheet import null_column
from pgstream.types.definition import SqlType


@dataclass(frozen=True, kw_only=True)
class ImpulseOptions:
    """WITH options of `connector = 'impulse'`."""

    event_rate: float | None = option(
        "event_rate", default=None, minimum=0.001, doc="Rows a second; as fast as possible where not given."
    )
    event_time_interval: int | None = option(
        "event_time_interval",
        default=None,
        read=read_duration_us,
        doc="Time between rows; that of event_rate if not given.",
    )
    message_count: int | None = option(
        "message_count", default=None, minimum=0, doc="How many rows; endless if not given."
    )


FIELDS = (
    Field("counter", SqlType("int8")),
    Field("subtask_index", SqlType("int8")),
    Field("event_time", SqlType("timestamp")),
)


def open_source(options: ImpulseOptions, opening: Opening) -> PacedSource:
    """Rows 0, 1, 2, …"""
    fields = declared(FIELDS, opening.fields, "impulse")
    step_us = options.event_time_interval
    if step_us is None:
        step_us = round(1e6 / options.event_rate) if options.event_rate else 0

    def column(field: Field, first: int, count: int) -> pa.Array:
        counter = np.arange(first, first + count, dtype=np.int64)
        if field.name == "counter":
            return pa.array(counter)
        if field.name == "subtask_index":
            return pa.array(np.zeros(count, np.int64))
        return pa.array(opening.created_us + counter * step_us).cast(field.type.storage)

    def make(first: int, count: int, needed: frozenset[int]) -> Rows:
        columns = (
            column(field, first, count) if c in needed else null_column(field.type.storage, count)
            for c, field in enumerate(fields)
        )
        return Rows(tuple(columns), count)

    return PacedSource(
        fields=fields,
        make=make,
        total=options.message_count,
        **pace(options.event_rate),
        world=opening.world,
        created_us=opening.created_us,
        passed_over=opening.passed_over,
        row_bytes=24,
    )


IMPULSE = declare(Connector(name="impulse", doc="Counts.", options=ImpulseOptions, source=open_source))
