"""EXPLAIN, statements about databases, and those that are accepted and do nothing.

Statements about the session itself (BEGIN, SET, PREPARE, DECLARE, LISTEN, COPY, VACUUM, …) are not bound: the session
runs them from their AST.
"""

from typing import Any

from pgstream.catalog.objects import MaterializedView
from pgstream.errors import FeatureNotSupported, InvalidParameterValue, SyntaxError42601, WrongObjectType
from pgstream.sql.bind import statements as bound
from pgstream.sql.bind.binding import TEXT, Binding
from pgstream.sql.bind.commands import Command, bind_node, binds_statement
from pgstream.sql.bind.lookup import find_relation
from pgstream.sql.bind.options import value_text
from pgstream.sql.parse import Parsed, ast, enums
from pgstream.types.definition import BY_NAME, SqlType

Node = Any

_EXPLAIN_OPTIONS = [
    "analyze",
    "verbose",
    "costs",
    "settings",
    "generic_plan",
    "state",
    "buffers",
    "wal",
    "timing",
    "summary",
    "format",
    "memory",
    "serialize",
    "operators",
]

_OTHERS = ("backfill", "distsql", "logical", "physical", "trace")
"""Which of its plans RisingWave is to show: here is one."""


@binds_statement(ast.ExplainStmt)
def bind_explain(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """EXPLAIN of a query, a data change or a materialized view to be."""
    options = []
    for option in node.options or ():
        if option.defname in _OTHERS:
            continue
        if option.defname not in _EXPLAIN_OPTIONS:
            raise SyntaxError42601(f'unrecognized EXPLAIN option "{option.defname}"', position=option.location)
        options.append((option.defname, "true" if option.arg is None else value_text(option.arg).lower()))
    format = dict(options).get("format", "text")
    if format not in ("text", "json", "xml", "yaml"):
        raise InvalidParameterValue(
            f'unrecognized value for EXPLAIN option "format": "{format}"', position=_format_position(node)
        )
    if format not in ("text", "json"):
        raise FeatureNotSupported(f"EXPLAIN in format {format} is not supported yet", position=_format_position(node))
    inner = bind_node(binding, node.query, parsed)
    if "operators" in dict(options):
        _check_kept(binding, node)
    column = binding.col("QUERY PLAN", type_for_format(format))
    return Command(bound.Explain(inner.statement, tuple(options)), "EXPLAIN", (column,))


def _check_kept(binding: Binding, node: Node) -> None:
    """Raises WrongObjectType where it is not the rows of one materialized view that are asked for."""
    for oid, place in binding.named:
        found = binding.catalog.objects[oid]
        if not isinstance(found, MaterializedView):
            raise WrongObjectType(f'"{found.name}" is not a materialized view', position=place.location)
    if len(binding.named) != 1:
        raise FeatureNotSupported("EXPLAIN (OPERATORS) tells of one materialized view: write TABLE and its name")


def _format_position(node: Node) -> int | None:
    return next((option.location for option in node.options or () if option.defname == "format"), None)


def type_for_format(format: str) -> Any:
    """The type of EXPLAIN's column."""
    return SqlType("json") if format == "json" and "json" in BY_NAME else TEXT


@binds_statement(ast.CreatedbStmt)
def bind_create_database(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """CREATE DATABASE; its options are those of every database here."""
    return Command(bound.CreateDatabase(node.dbname), "CREATE DATABASE")


@binds_statement(ast.DropdbStmt)
def bind_drop_database(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """DROP DATABASE."""
    return Command(bound.DropDatabase(node.dbname, bool(node.missing_ok)), "DROP DATABASE")


@binds_statement(ast.RefreshMatViewStmt)
def bind_refresh(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """REFRESH MATERIALIZED VIEW: there is nothing to refresh."""
    found = find_relation(binding, node.relation, pointed=False)
    if not isinstance(found, MaterializedView):
        raise FeatureNotSupported(f'"{found.name}" is not a materialized view')
    notice = f'materialized view "{found.name}" is always up to date'
    return Command(bound.Nothing(notice), "REFRESH MATERIALIZED VIEW")


_IGNORED: dict[type, str] = {
    ast.AlterDefaultPrivilegesStmt: "ALTER DEFAULT PRIVILEGES",
    ast.ReindexStmt: "REINDEX",
    ast.ClusterStmt: "CLUSTER",
}


@binds_statement(*_IGNORED)
def bind_ignored(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """Statements that ask for nothing that pgstream keeps."""
    return Command(bound.Nothing(), _IGNORED[type(node)])


@binds_statement(ast.GrantStmt)
def bind_grant(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """GRANT and REVOKE: there is one role, which may do everything."""
    if node.objtype == enums.ObjectType.OBJECT_TABLE and node.targtype == enums.GrantTargetType.ACL_TARGET_OBJECT:
        for named in node.objects:
            find_relation(binding, named, pointed=False)
    return Command(bound.Nothing(), "GRANT" if node.is_grant else "REVOKE")


_EXTENSIONS = ("uuid-ossp", "pgcrypto", "plpgsql")


@binds_statement(ast.CreateExtensionStmt)
def bind_create_extension(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """CREATE EXTENSION of those whose functions are built in."""
    if node.extname not in _EXTENSIONS:
        raise FeatureNotSupported(f'extension "{node.extname}" is not available', position=parsed.start)
    return Command(bound.Nothing(f'extension "{node.extname}" already exists, skipping'), "CREATE EXTENSION")
