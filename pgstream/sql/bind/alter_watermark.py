"""Watermarks of what is there already: ALTER TABLE … SET (idle_timeout = …), and LATENESS."""

from dataclasses import dataclass, replace
from typing import Any

from pgstream.catalog.objects import Source, Table, Watermark
from pgstream.errors import FeatureNotSupported, InvalidParameterValue
from pgstream.sql.bind.alter_retention import OPTION_COMMANDS
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.lookup import find_relation
from pgstream.sql.bind.options import option_text
from pgstream.sql.bind.statements import Nothing
from pgstream.sql.bind.watermarks import LIMITS, altered_limits, bind_watermark
from pgstream.sql.parse import Parsed, enums
from pgstream.sql.streaming import Option
from pgstream.sql.streaming.lateness import LatenessStmt

Node = Any

STORAGE = ("fillfactor", "parallel_workers", "toast_tuple_target", "vacuum_index_cleanup", "vacuum_truncate")
"""PostgreSQL's options of how a table is stored, which change nothing here."""


@dataclass(frozen=True, slots=True)
class AlterWatermark:
    """The watermark of a source or table from now on."""

    oid: int
    watermark: Watermark


def alter_limits(table: Table, commands: list[Node]) -> AlterWatermark | Nothing:
    """The watermark of `table` after SET and RESET of its options. Raises SqlError."""
    options: list[Option] = []
    for command in commands:
        if command.subtype not in OPTION_COMMANDS:
            raise FeatureNotSupported("options of a table are altered alone")
        resets = command.subtype == enums.AlterTableType.AT_ResetRelOptions
        for option in command.def_ or ():
            if option.defname in STORAGE or option.defname.startswith("autovacuum_"):
                continue
            if option.defname not in LIMITS:
                raise InvalidParameterValue(
                    f'unrecognized parameter "{option.defname}"',
                    hint=f"{', '.join(LIMITS)} can be altered.",
                    position=option.location,
                )
            options.append(Option(option.defname, "" if resets else option_text(option), option.location))
    watermark = altered_limits(table, options)
    return Nothing() if watermark is None else AlterWatermark(table.oid, watermark)


@binds_statement(LatenessStmt)
def bind_lateness(binding: Binding, node: LatenessStmt, parsed: Parsed) -> Command:
    """LATENESS of a column of a source or table."""
    found = find_relation(binding, node.relation)
    if not isinstance(found, Source | Table) or (isinstance(found, Source) and found.watermark is None):
        what = "a source that declares no watermark" if isinstance(found, Source) else "a view"
        raise FeatureNotSupported(
            f"LATENESS of {what} is not supported",
            hint="Declare it where the rows come in: a column of CREATE TABLE or CREATE SOURCE may have LATENESS.",
            position=node.watermark.position,
        )
    made = bind_watermark(binding, found.name, found.columns, (node.watermark,))
    assert made is not None
    if found.watermark is not None:
        made = replace(made, idle_us=found.watermark.idle_us, ahead_us=found.watermark.ahead_us)
    binding.depends.add(found.oid)
    return Command(AlterWatermark(found.oid, made), "LATENESS")
