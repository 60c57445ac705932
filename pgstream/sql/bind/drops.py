"""DROP of every kind."""

from typing import Any

from pgstream.catalog.objects import (
    KIND_NAMES,
    CatalogObject,
    Feed,
    Index,
    MaterializedView,
    Sequence,
    Sink,
    Source,
    Table,
    View,
)
from pgstream.catalog.shared import Connection, Secret
from pgstream.catalog.system import SystemRelation
from pgstream.errors import (
    FeatureNotSupported,
    InsufficientPrivilege,
    InvalidSchemaName,
    SqlError,
    UndefinedObject,
    UndefinedTable,
    WrongObjectType,
)
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.routines import dropped_functions
from pgstream.sql.bind.statements import Drop
from pgstream.sql.bind.user_types import dropped_types
from pgstream.sql.parse import Parsed, ast, enums
from pgstream.sql.streaming import DropStreamStmt

Node = Any
Kind = enums.ObjectType

_KINDS: dict[Any, type] = {
    Kind.OBJECT_TABLE: Table,
    Kind.OBJECT_VIEW: View,
    Kind.OBJECT_MATVIEW: MaterializedView,
    Kind.OBJECT_INDEX: Index,
    Kind.OBJECT_SEQUENCE: Sequence,
}


_OUTSIDE: dict[str, type] = {"SOURCE": Source, "SINK": Sink, "SECRET": Secret, "CONNECTION": Connection}


@binds_statement(ast.DropStmt)
def bind_drop(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """DROP TABLE, VIEW, MATERIALIZED VIEW, INDEX and SCHEMA."""
    cascade = node.behavior == enums.DropBehavior.DROP_CASCADE
    if node.removeType == Kind.OBJECT_SCHEMA:
        names = [[part.sval] if isinstance(part, ast.String) else [p.sval for p in part] for part in node.objects]
        return _schemas(binding, [name[-1] for name in names], bool(node.missing_ok), cascade)
    if node.removeType in (Kind.OBJECT_TYPE, Kind.OBJECT_DOMAIN):
        return dropped_types(binding, node, cascade, f"DROP {node.removeType.name.removeprefix('OBJECT_')}")
    if node.removeType in (Kind.OBJECT_FUNCTION, Kind.OBJECT_ROUTINE):
        return dropped_functions(binding, node)
    wanted = _KINDS.get(node.removeType)
    if wanted is None:
        kind = node.removeType.name.removeprefix("OBJECT_").lower()
        raise FeatureNotSupported(f"DROP {kind.upper()} is not supported yet", position=parsed.start)
    names = [[part.sval for part in name] for name in node.objects]
    return dropped(binding, wanted, names, bool(node.missing_ok), cascade)


@binds_statement(DropStreamStmt)
def bind_drop_stream(binding: Binding, node: DropStreamStmt, parsed: Parsed) -> Command:
    """DROP SOURCE, SINK, SECRET and CONNECTION."""
    wanted = _OUTSIDE[node.kind]
    names = [[r.relname] if r.schemaname is None else [r.schemaname, r.relname] for r in node.relations]
    return dropped(binding, wanted, names, node.missing_ok, node.cascade)


def dropped(binding: Binding, wanted: type, names: list[list[str]], missing_ok: bool, cascade: bool) -> Command:
    """DROP of the objects of kind `wanted` that `names` name."""
    kind = KIND_NAMES[wanted]
    oids: list[int] = []
    missing: list[str] = []
    for name in names:
        found = _find(binding, name, kind, missing_ok, missing)
        if found is None:
            continue
        if not isinstance(found, wanted) and not (wanted is Table and isinstance(found, Source)):
            raise _wrong_kind(found, kind)
        oids.append(found.oid)
    made = Drop(kind, tuple(dict.fromkeys(oids)), cascade, tuple(missing))
    return Command(made, f"DROP {kind.upper()}")


def _find(binding: Binding, name: list[str], kind: str, missing_ok: bool, missing: list[str]) -> CatalogObject | None:
    """The object; None, with a notice noted, where IF EXISTS skips it."""
    schema = name[-2] if len(name) > 1 else None
    if schema is not None and schema not in binding.catalog.schema_oids:
        if missing_ok:
            missing.append(f'schema "{schema}" does not exist, skipping')
            return None
        raise InvalidSchemaName(f'schema "{schema}" does not exist')
    found = binding.catalog.lookup(schema, name[-1], binding.search_path)
    if isinstance(found, SystemRelation):
        raise InsufficientPrivilege(f'permission denied: "{name[-1]}" is a system catalog')
    if found is not None and not isinstance(found, Feed):
        return found
    shown = ".".join(name)
    if missing_ok:
        missing.append(f'{kind} "{shown}" does not exist, skipping')
        return None
    if kind in ("index", "subscription", "secret", "connection"):
        raise UndefinedObject(f'{kind} "{shown}" does not exist')
    raise UndefinedTable(f'{kind} "{shown}" does not exist')


_ARTICLES = {"index": "an"}


def _wrong_kind(found: CatalogObject, kind: str) -> SqlError:
    actual = KIND_NAMES[type(found)]
    article = _ARTICLES.get(kind, "a")
    return WrongObjectType(
        f'"{found.name}" is not {article} {kind}', hint=f"Use DROP {actual.upper()} to remove {_with_article(actual)}."
    )


def _with_article(kind: str) -> str:
    return f"{_ARTICLES.get(kind, 'a')} {kind}"


def _schemas(binding: Binding, names: list[str], missing_ok: bool, cascade: bool) -> Command:
    oids, missing = [], []
    for name in names:
        oid = binding.catalog.schema_oids.get(name)
        if oid is not None:
            if name in ("pg_catalog", "information_schema"):
                raise InsufficientPrivilege(f"cannot drop schema {name} because it is required by the database system")
            oids.append(oid)
        elif missing_ok:
            missing.append(f'schema "{name}" does not exist, skipping')
        else:
            raise InvalidSchemaName(f'schema "{name}" does not exist')
    return Command(Drop("schema", tuple(oids), cascade, tuple(missing)), "DROP SCHEMA")
