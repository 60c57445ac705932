"""What a connector is, and the registry: one declaration per outside system.

    CREATE SOURCE s WITH (connector = 'nexmark', "nexmark.table.type" = 'bid')

The options are the connector's dataclass and, where it moves bytes, that of the format. `create_source` and
`create_sink` are all that the engine calls.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgstream.connectors.places import NO_PLACES, Places
from pgstream.connectors.sink import Cursor, Sink
from pgstream.connectors.source import Source
from pgstream.errors import FeatureNotSupported, InvalidParameterValue, WrongObjectType
from pgstream.formats.format import Field
from pgstream.formats.formats import ENVELOPED, FORMATS, AnyFormat
from pgstream.formats.options import known_options, parse_options, refuse_unknown, suggested
from pgstream.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a connector is opened with beside its own options.

    `fields` are the declared columns, None where the statement declares none; `created_us` is when the object was
    created, which a replay sees again; relative paths are under `directory`. A source gives nothing for the records
    at the places `passed_over`. The `envelope` (plain, upsert or debezium) says what a record means, and `key` are the
    positions of the columns by which it then changes rows.
    """

    fields: tuple[Field, ...] | None
    format: AnyFormat | None
    format_options: Any
    world: World
    created_us: int
    directory: Path
    passed_over: Places = NO_PLACES
    envelope: str = "plain"
    key: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """An outside system: its options as a dataclass, and how to open it for reading or writing.

    `formats`: it moves bytes, so statements name a format; `default_format` where they may leave it out.
    """

    name: str
    doc: str
    options: type
    source: Callable[[Any, Opening], Source] | None = None
    sink: Callable[[Any, Opening, Cursor | None], Sink] | None = None
    formats: bool = False
    default_format: Callable[[Any], str | None] = lambda options: None
    aliases: tuple[str, ...] = ()


CONNECTORS: dict[str, Connector] = {}


def declare(connector: Connector) -> Connector:
    """Registers `connector` under its name and aliases."""
    for name in (connector.name, *connector.aliases):
        assert name not in CONNECTORS, name
        CONNECTORS[name] = connector
    return connector


ENGINE_OPTIONS = ("rate_limit", "source_rate_limit", "paused", "force_append_only")
"""What the engine itself reads of the options of sources and sinks."""

OUTSIDE_CONNECTOR = ("connector", "type", *ENGINE_OPTIONS)
STATEMENT_OPTIONS = (*OUTSIDE_CONNECTOR, "format", "encode")


def connector_of(options: Mapping[str, str]) -> Connector:
    """The connector that WITH options name. Raises InvalidParameterValue."""
    name = options.get("connector", "").lower()
    if name not in CONNECTORS:
        wrong = f'connector "{name}" does not exist' if name else 'option "connector" is required'
        raise InvalidParameterValue(wrong, hint=suggested("connector", name, CONNECTORS))
    return CONNECTORS[name]


def named_envelope(options: Mapping[str, str]) -> str:
    """What the records of a source are, or what a sink writes of its changes."""
    named = options.get("format", "").lower()
    return "debezium" if named.startswith("debezium_") else named if named in ("upsert", "debezium") else "plain"


def named_format(rest: dict[str, str]) -> str | None:
    """The format that is named: by itself, or as an envelope around an encoding. Takes what it reads from `rest`."""
    envelope, encoding = rest.pop("format", "").lower(), rest.pop("encode", "").lower()
    if rest.get("framing", "newline") == "newline":  # as all formats of lines are framed
        rest.pop("framing", None)
    if rest.get("bad_data", "drop") == "drop":  # into the errors relation
        rest.pop("bad_data", None)
    if not encoding:
        return envelope or None
    if envelope in ("", "plain", "upsert"):
        return encoding
    if envelope != "debezium" or encoding not in ENVELOPED:
        raise FeatureNotSupported(f"FORMAT {envelope.upper()} ENCODE {encoding.upper()} is not supported")
    return ENVELOPED[encoding]


def open_format(
    connector: Connector, settings: Any, rest: dict[str, str]
) -> tuple[AnyFormat | None, Any, dict[str, str]]:
    """The format that is left in `rest`, its options, and what is left then."""
    name = named_format(rest)
    if not connector.formats:
        return None, None, rest
    name = name or connector.default_format(settings)
    if name is None:
        raise InvalidParameterValue(
            'option "format" is required', hint=f"Known formats are: {', '.join(sorted(FORMATS))}."
        )
    if name not in FORMATS:
        raise InvalidParameterValue(
            f'format "{name}" does not exist', hint=f"Known formats are: {', '.join(sorted(FORMATS))}."
        )
    form = FORMATS[name]
    options: Any
    options, rest = parse_options(form.options, rest)
    return form, options, rest


def opening(
    options: Mapping[str, str],
    fields: tuple[Field, ...] | None,
    world: World,
    created_us: int,
    directory: Path,
    passed_over: Places = NO_PLACES,
    key: tuple[int, ...] = (),
) -> tuple[Connector, Any, Opening]:
    """The connector that `options` name, its options, and the rest of what it is opened with."""
    connector = connector_of(options)
    envelope = named_envelope(options)
    rest = {name: value for name, value in options.items() if name not in OUTSIDE_CONNECTOR}
    settings: Any
    settings, rest = parse_options(connector.options, rest)
    form, format_options, rest = open_format(connector, settings, rest)
    classes = (connector.options,) if form is None else (connector.options, form.options)
    refuse_unknown(rest, sorted(known_options(*classes) + list(STATEMENT_OPTIONS)))
    return (
        connector,
        settings,
        Opening(
            fields=fields,
            format=form,
            format_options=format_options,
            world=world,
            created_us=created_us,
            directory=directory,
            passed_over=passed_over,
            envelope=envelope,
            key=key,
        ),
    )


def check_options(options: Mapping[str, str]) -> None:
    """Raises SqlError where the options of a source or sink are wrong, as far as nobody outside has to be asked."""
    connector = connector_of(options)
    rest = {name: value for name, value in options.items() if name not in OUTSIDE_CONNECTOR}
    settings: Any
    settings, rest = parse_options(connector.options, rest)
    form, _, rest = open_format(connector, settings, rest)
    classes = (connector.options,) if form is None else (connector.options, form.options)
    refuse_unknown(rest, sorted(known_options(*classes) + list(STATEMENT_OPTIONS)))


def create_source(
    options: Mapping[str, str],
    fields: tuple[Field, ...] | None,
    *,
    world: World,
    created_us: int,
    directory: Path = Path(),
    passed_over: Places = NO_PLACES,
    key: tuple[int, ...] = (),
) -> Source:
    """The source that a CREATE SOURCE statement describes; `fields` are its declared columns, if any, and `key` the
    positions of its primary key. For the records at the places `passed_over` it gives nothing.

    Raises SqlError for wrong options or columns, and where the outside cannot be read.
    """
    connector, settings, given = opening(options, fields, world, created_us, directory, passed_over, key)
    if connector.source is None:
        raise WrongObjectType(f'connector "{connector.name}" cannot be read from')
    return connector.source(settings, given)


def create_sink(
    options: Mapping[str, str],
    fields: tuple[Field, ...],
    cursor: Cursor | None,
    *,
    world: World,
    created_us: int,
    directory: Path = Path(),
) -> Sink:
    """The sink that a CREATE SINK statement describes, as of `cursor`: None for a new sink."""
    connector, settings, given = opening(options, fields, world, created_us, directory)
    if connector.sink is None:
        raise WrongObjectType(f'connector "{connector.name}" cannot be written to')
    return connector.sink(settings, given, cursor)


def declared(own: tuple[Field, ...], fields: tuple[Field, ...] | None, connector: str) -> tuple[Field, ...]:
    """The columns a generator shows: all of its `own`, or the declared ones, matched by name.

    Raises InvalidParameterValue for a column that it does not have or that has another type.
    """
    if fields is None:
        return own
    known = {field.name: field for field in own}
    for field in fields:
        if field.name not in known:
            raise InvalidParameterValue(
                f'connector "{connector}" has no column "{field.name}"', hint=f"Its columns are: {', '.join(known)}."
            )
        kind = known[field.name].type
        if field.type.storage != kind.storage:
            raise InvalidParameterValue(f'column "{field.name}" of connector "{connector}" is of type {kind}')
    return fields
