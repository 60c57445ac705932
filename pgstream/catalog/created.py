"""Objects as the CREATE statement that would make them again, which SHOW CREATE prints."""

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.definitions import index_definition, quoted
from pgstream.catalog.hiding import shown
from pgstream.catalog.objects import Index, MaterializedView, Relation, Sink, Source, Table, View, Watermark
from pgstream.catalog.shared import Connection

Created = Relation | Index
_CONFLICTS = {"ignore": "DO NOTHING", "overwrite": "DO UPDATE FULL", "fill": "DO UPDATE IF NOT NULL"}


def created_by(catalog: Catalog, thing: Created) -> str:
    """The statement, without a semicolon. Names of schemas are left out, as they are in the text of a view."""
    match thing:
        case Index():
            return index_definition(catalog, thing)
        case View():
            return f"CREATE VIEW {quoted(thing.name)} AS {_query(thing.query)}"
        case MaterializedView():
            kept = ", ".join(f"{name} = {_literal(value)}" for name, value in thing.kept)
            options = f" WITH ({kept})" if kept else ""
            return f"CREATE MATERIALIZED VIEW {quoted(thing.name)}{options} AS {_query(thing.query)}"
        case Source():
            return _with(catalog, f"CREATE SOURCE {quoted(thing.name)} {_columns(thing)}", thing)
        case Sink() if thing.query:
            return _with(catalog, f"CREATE SINK {quoted(thing.name)} AS {_query(thing.query)}", thing)
        case Sink():
            return _with(catalog, f"CREATE SINK {quoted(thing.name)} {_columns(thing)}", thing)
        case Table():
            grows = " APPEND ONLY" if thing.append_only else ""
            conflict = f" ON CONFLICT {_CONFLICTS[thing.on_conflict]}" if thing.on_conflict else ""
            return f"CREATE TABLE {quoted(thing.name)} {_columns(thing)}{grows}{conflict}"
    raise AssertionError(f"{type(thing).__name__} was not made by a statement")


def _query(text: str) -> str:
    return text.strip().rstrip(";").rstrip()


def _columns(thing: Table | Source | Sink) -> str:
    """The parenthesised list of columns, key and watermark."""
    key = _key(thing)
    parts = []
    for column in thing.columns:
        default = f" DEFAULT {column.default}" if column.default else ""
        needed = " NOT NULL" if column.not_null and column.name not in key else ""
        parts.append(f"{quoted(column.name)} {column.type}{default}{needed}")
    if key:
        parts.append(f"PRIMARY KEY ({', '.join(quoted(name) for name in key)})")
    watermark = None if isinstance(thing, Sink) else thing.watermark
    if watermark is not None:
        parts.append(_watermark(thing, watermark))
    return f"({', '.join(parts)})"


def _key(thing: Table | Source | Sink) -> tuple[str, ...]:
    positions: tuple[int, ...] = ()
    if isinstance(thing, Source):
        positions = thing.primary_key
    elif isinstance(thing, Table) and thing.primary_key is not None:
        positions = thing.primary_key.columns
    return tuple(thing.columns[position].name for position in positions)


def _watermark(thing: Table | Source | Sink, watermark: Watermark) -> str:
    said = f" AS {watermark.expression}" if watermark.expression else ""
    return f"WATERMARK FOR {quoted(thing.columns[watermark.column].name)}{said}"


def _with(catalog: Catalog, head: str, thing: Source | Sink) -> str:
    given = [f"{name} = {_literal(shown(name, value))}" for name, value in thing.options if _is_given(name)]
    given += [f"{name} = SECRET {quoted(catalog.objects[oid].name)}" for name, oid in thing.named.secrets]
    if isinstance(thing, Source) and thing.watermark is not None:
        given += _limits(thing.watermark)
    outside: list[str] = []
    registries: list[str] = []
    for oid in thing.named.connections:
        connection = catalog.objects[oid]
        assert isinstance(connection, Connection)
        named = registries if connection.kind == "schema_registry" else outside
        named.append(f"connection = {quoted(connection.name)}")
    format = f" FORMAT {thing.format}" if thing.format else ""
    encode = f" ENCODE {thing.encode}" if thing.encode else ""
    registry = f" ({registries[0]})" if registries else ""
    return f"{head} WITH ({', '.join([*given, *outside])}){format}{encode}{registry}"


def _limits(watermark: Watermark) -> list[str]:
    """The options of a watermark that are not as usual."""
    usual = Watermark(0)
    spans = {"idle_timeout": (watermark.idle_us, usual.idle_us), "max_ahead": (watermark.ahead_us, usual.ahead_us)}
    found = [f"{name} = '{us} us'" for name, (us, default) in spans.items() if us != default]
    return [*found, *([f"late = {_literal(watermark.late)}"] if watermark.late else [])]


def _is_given(name: str) -> bool:
    """Whether a user writes an option of that name; the others say what other clauses and the start have said."""
    return not name.startswith(("metadata.", "pgstream."))


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
