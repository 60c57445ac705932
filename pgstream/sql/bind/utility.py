"""Statements about the session: transactions, settings, prepared statements, cursors, notifications, EXPLAIN, and those
that are accepted and do nothing."""

from typing import Any

from pgstream.catalog.objects import MaterializedView
from pgstream.errors import FeatureNotSupported, InvalidParameterValue, SyntaxError42601
from pgstream.plan.expressions import Expr
from pgstream.sql.bind import statements as bound
from pgstream.sql.bind.binding import TEXT, Binding
from pgstream.sql.bind.commands import Command, bind_node, binds_statement
from pgstream.sql.bind.dispatch import bind_expression, bind_query
from pgstream.sql.bind.lookup import find_relation
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.options import value_text
from pgstream.sql.bind.types import type_of
from pgstream.sql.parse import Parsed, ast, deparse, enums
from pgstream.types.definition import BY_NAME, SqlType

Node = Any
Kind = enums.TransactionStmtKind

_TRANSACTIONS: dict[Any, tuple[Any, str]] = {
    Kind.TRANS_STMT_BEGIN: ("begin", "BEGIN"),
    Kind.TRANS_STMT_START: ("start", "START TRANSACTION"),
    Kind.TRANS_STMT_COMMIT: ("commit", "COMMIT"),
    Kind.TRANS_STMT_ROLLBACK: ("rollback", "ROLLBACK"),
    Kind.TRANS_STMT_SAVEPOINT: ("savepoint", "SAVEPOINT"),
    Kind.TRANS_STMT_RELEASE: ("release", "RELEASE"),
    Kind.TRANS_STMT_ROLLBACK_TO: ("rollback to", "ROLLBACK"),
}


@binds_statement(ast.TransactionStmt)
def bind_transaction(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """BEGIN, COMMIT, ROLLBACK and savepoints."""
    if node.kind not in _TRANSACTIONS:
        raise FeatureNotSupported("two-phase commit is not supported yet", position=parsed.start)
    kind, tag = _TRANSACTIONS[node.kind]
    options = tuple((option.defname, value_text(option.arg)) for option in node.options or ())
    return Command(bound.TransactionControl(kind, options, node.savepoint_name, bool(node.chain)), tag)


_SETS = enums.VariableSetKind


@binds_statement(ast.VariableSetStmt)
def bind_set(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """SET and RESET."""
    name = (node.name or "").lower()
    local = bool(node.is_local)
    match node.kind:
        case _SETS.VAR_SET_VALUE:
            return Command(bound.SetVariable(name, set_value(name, node.args), local), "SET")
        case _SETS.VAR_SET_DEFAULT:
            return Command(bound.SetVariable(name, None, local), "SET")
        case _SETS.VAR_SET_CURRENT:
            raise FeatureNotSupported("SET … FROM CURRENT is not supported yet", position=parsed.start)
        case _SETS.VAR_RESET:
            return Command(bound.SetVariable(name, None), "RESET")
        case _SETS.VAR_RESET_ALL:
            return Command(bound.SetVariable("", None), "RESET")
        case _:
            return _set_characteristics(node, name, local)


def _set_characteristics(node: Node, name: str, local: bool) -> Command:
    """SET TRANSACTION and SET SESSION CHARACTERISTICS: settings by the names SHOW has for them."""
    if name == "transaction snapshot":
        raise FeatureNotSupported("SET TRANSACTION SNAPSHOT is not supported yet")
    options = tuple((option.defname, value_text(option.arg)) for option in node.args)
    prefix = "default_" if name == "session characteristics" else ""
    return Command(bound.SetCharacteristics(tuple((prefix + key, value) for key, value in options)), "SET")


def set_value(name: str, args: tuple[Node, ...]) -> str:
    """The value of SET name = …: lists joined as the setting's text."""
    if name == "timezone" and len(args) == 1 and isinstance(args[0], ast.TypeCast):
        return f"INTERVAL '{value_text(args[0].arg)}'"
    texts = [value_text(arg) for arg in args]
    if name == "search_path":
        return ", ".join(_quoted(text) for text in texts)
    return ", ".join(texts)


def _quoted(name: str) -> str:
    plain = name.replace("_", "a").replace("$", "a").isalnum() and name == name.lower() and not name[:1].isdigit()
    return name if plain else '"' + name.replace('"', '""') + '"'


@binds_statement(ast.VariableShowStmt)
def bind_show(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """SHOW."""
    name = node.name
    if name.lower() == "all":
        cols = tuple(binding.col(each, TEXT) for each in ("name", "setting", "description"))
        return Command(bound.ShowVariable("all"), "SHOW", cols)
    return Command(bound.ShowVariable(name.lower()), "SHOW", (binding.col(_shown_name(name), TEXT),))


_SPELLINGS = {
    "datestyle": "DateStyle",
    "intervalstyle": "IntervalStyle",
    "timezone": "TimeZone",
    "timezone_abbreviations": "timezone_abbreviations",
}


def _shown_name(name: str) -> str:
    return _SPELLINGS.get(name.lower(), name.lower())


@binds_statement(ast.PrepareStmt)
def bind_prepare(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """PREPARE: the query is bound for its errors here, and again by whoever runs it."""
    types = tuple(type_of(binding, each) for each in node.argtypes or ())
    inner = Binding(binding.catalog, binding.scope, types, parsed)
    bind_node(inner, node.query, parsed)
    inner.parameter_types()
    return Command(bound.Prepare(node.name, node.query, deparse(node.query), types), "PREPARE")


@binds_statement(ast.ExecuteStmt)
def bind_execute(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """EXECUTE."""
    level = Level(binding, clause="EXECUTE")
    arguments: list[Expr] = [bind_expression(level, arg) for arg in node.params or ()]
    return Command(bound.Execute(node.name, tuple(arguments)), "EXECUTE")


@binds_statement(ast.DeallocateStmt)
def bind_deallocate(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """DEALLOCATE."""
    return Command(bound.Deallocate(node.name), "DEALLOCATE" if node.name else "DEALLOCATE ALL")


_CURSOR_BINARY, _CURSOR_SCROLL, _CURSOR_NO_SCROLL, _CURSOR_HOLD = 0x1, 0x2, 0x4, 0x20


@binds_statement(ast.DeclareCursorStmt)
def bind_declare(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """DECLARE … CURSOR."""
    query = bind_query(binding, node.query, ordered=True)
    options = node.options or 0
    scroll = True if options & _CURSOR_SCROLL else False if options & _CURSOR_NO_SCROLL else None
    hold, binary = bool(options & _CURSOR_HOLD), bool(options & _CURSOR_BINARY)
    made = bound.DeclareCursor(node.portalname, query.plan, query.columns, hold, scroll, binary)
    return Command(made, "DECLARE CURSOR")


_DIRECTIONS: dict[Any, Any] = {
    enums.FetchDirection.FETCH_FORWARD: "forward",
    enums.FetchDirection.FETCH_BACKWARD: "backward",
    enums.FetchDirection.FETCH_ABSOLUTE: "absolute",
    enums.FetchDirection.FETCH_RELATIVE: "relative",
}
_FETCH_ALL = 2**63 - 1


@binds_statement(ast.FetchStmt)
def bind_fetch(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """FETCH and MOVE."""
    count = None if node.howMany is not None and node.howMany >= _FETCH_ALL else node.howMany or 0
    made = bound.Fetch(node.portalname, _DIRECTIONS[node.direction], count, bool(node.ismove))
    return Command(made, "MOVE" if node.ismove else "FETCH")


@binds_statement(ast.ClosePortalStmt)
def bind_close(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """CLOSE."""
    return Command(bound.CloseCursor(node.portalname), "CLOSE CURSOR" if node.portalname else "CLOSE CURSOR ALL")


@binds_statement(ast.ListenStmt)
def bind_listen(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """LISTEN."""
    return Command(bound.Listen(node.conditionname), "LISTEN")


@binds_statement(ast.UnlistenStmt)
def bind_unlisten(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """UNLISTEN."""
    return Command(bound.Unlisten(node.conditionname), "UNLISTEN")


@binds_statement(ast.NotifyStmt)
def bind_notify(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """NOTIFY."""
    return Command(bound.Notify(node.conditionname, node.payload or ""), "NOTIFY")


_DISCARDS: dict[Any, Any] = {
    enums.DiscardMode.DISCARD_ALL: "all",
    enums.DiscardMode.DISCARD_PLANS: "plans",
    enums.DiscardMode.DISCARD_SEQUENCES: "sequences",
    enums.DiscardMode.DISCARD_TEMP: "temp",
}


@binds_statement(ast.DiscardStmt)
def bind_discard(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """DISCARD."""
    kind = _DISCARDS[node.target]
    return Command(bound.Discard(kind), f"DISCARD {kind.upper()}")


_EXPLAIN_OPTIONS = [
    "analyze",
    "verbose",
    "costs",
    "settings",
    "generic_plan",
    "buffers",
    "wal",
    "timing",
    "summary",
    "format",
    "memory",
    "serialize",
    "state",
]


@binds_statement(ast.ExplainStmt)
def bind_explain(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """EXPLAIN of a query, a data change or a materialized view to be."""
    options = []
    for option in node.options or ():
        if option.defname not in _EXPLAIN_OPTIONS:
            raise SyntaxError42601(f'unrecognized EXPLAIN option "{option.defname}"', position=option.location)
        options.append((option.defname, "true" if option.arg is None else value_text(option.arg).lower()))
    format = dict(options).get("format", "text")
    if format not in ("text", "json", "xml", "yaml"):
        raise InvalidParameterValue(
            f'unrecognized value for EXPLAIN option "format": "{format}"', position=_format_position(node)
        )
    inner = bind_node(binding, node.query, parsed)
    column = binding.col("QUERY PLAN", type_for_format(format))
    return Command(bound.Explain(inner.statement, tuple(options)), "EXPLAIN", (column,))


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
    ast.CommentStmt: "COMMENT",
    ast.AlterDefaultPrivilegesStmt: "ALTER DEFAULT PRIVILEGES",
    ast.CheckPointStmt: "CHECKPOINT",
    ast.LockStmt: "LOCK TABLE",
    ast.ConstraintsSetStmt: "SET CONSTRAINTS",
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
    return Command(bound.Nothing(), "GRANT" if node.is_grant else "REVOKE")


@binds_statement(ast.VacuumStmt)
def bind_vacuum(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """VACUUM and ANALYZE, of relations that exist."""
    for relation in node.rels or ():
        if relation.relation is not None:
            find_relation(binding, relation.relation, pointed=False)
    return Command(bound.Nothing(), "VACUUM" if node.is_vacuumcmd else "ANALYZE")


_EXTENSIONS = ("uuid-ossp", "pgcrypto", "plpgsql")


@binds_statement(ast.CreateExtensionStmt)
def bind_create_extension(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """CREATE EXTENSION of those whose functions are built in."""
    if node.extname not in _EXTENSIONS:
        raise FeatureNotSupported(f'extension "{node.extname}" is not available', position=parsed.start)
    return Command(bound.Nothing(f'extension "{node.extname}" already exists, skipping'), "CREATE EXTENSION")
