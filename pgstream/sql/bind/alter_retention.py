"""ALTER MATERIALIZED VIEW … SET (retention = …), RESET (retention): how long a view keeps what it holds."""

from dataclasses import dataclass
from typing import Any

from pgstream.catalog.objects import MaterializedView
from pgstream.errors import FeatureNotSupported, InvalidParameterValue
from pgstream.sql.bind.options import option_text
from pgstream.sql.bind.view_options import SPELLED, Options, keeping_options
from pgstream.sql.parse import enums

Node = Any
Kind = enums.AlterTableType

OPTION_COMMANDS = (Kind.AT_SetRelOptions, Kind.AT_ResetRelOptions)


@dataclass(frozen=True, slots=True)
class AlterRetention:
    """What a materialized view's options are from now on, of those that say how long it keeps what."""

    oid: int
    kept: Options


def alter_retention(view: MaterializedView, commands: list[Node]) -> AlterRetention:
    """The options of `view` after these commands. Raises SqlError."""
    kept = dict(view.kept)
    for command in commands:
        if command.subtype not in OPTION_COMMANDS:
            raise FeatureNotSupported("options of a materialized view are altered alone")
        for option in command.def_ or ():
            name = SPELLED.get(option.defname)
            if name is None:
                raise InvalidParameterValue(
                    f'unrecognized parameter "{option.defname}"',
                    hint="retention and state_ttl can be altered.",
                    position=option.location,
                )
            if command.subtype == Kind.AT_ResetRelOptions:
                kept.pop(name, None)
            else:
                kept |= keeping_options([(name, option_text(option), option.location)])
    return AlterRetention(view.oid, tuple(sorted(kept.items())))
