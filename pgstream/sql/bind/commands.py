"""Which function binds which kind of statement."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pgstream.errors import FeatureNotSupported
from pgstream.plan.expressions import Col
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.dispatch import bind_query
from pgstream.sql.bind.statements import Query
from pgstream.sql.parse import Parsed, ast, enums

Node = Any
Binder = TypeVar("Binder", bound=Callable[..., "Command"])


@dataclass(frozen=True, slots=True)
class Command:
    """A bound statement with its command tag (row counts are added by whoever runs it) and result columns."""

    statement: Any
    tag: str
    columns: tuple[Col, ...] | None = None


_STATEMENTS: dict[type, Callable[[Binding, Node, Parsed], Command]] = {}


def binds_statement(*kinds: type) -> Callable[[Binder], Binder]:
    """Declares the decorated `(binding, node, parsed) -> Command` as what binds statements of these kinds."""

    def declared(binder: Binder) -> Binder:
        for kind in kinds:
            _STATEMENTS[kind] = binder
        return binder

    return declared


def bind_statement(binding: Binding, parsed: Parsed) -> Command:
    return bind_node(binding, parsed.node, parsed)


def bind_node(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """The statement that `node`, a part of `parsed`, means."""
    binder = _STATEMENTS.get(type(node))
    if binder is None:
        name = _words(type(node).__name__.removesuffix("Stmt"))
        raise FeatureNotSupported(f"{name} is not supported yet", position=_start(parsed))
    return binder(binding, node, parsed)


def _words(name: str) -> str:
    """`CreateTrig` as CREATE TRIG."""
    return "".join(f" {letter}" if letter.isupper() else letter.upper() for letter in name).strip()


def _start(parsed: Parsed) -> int:
    return parsed.start + len(parsed.whole[parsed.start :]) - len(parsed.whole[parsed.start :].lstrip())


@binds_statement(ast.SelectStmt)
def bind_select_statement(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """SELECT, VALUES, and their set operations; SELECT … INTO is CREATE TABLE … AS."""
    if node.intoClause is not None:
        query = ast.SelectStmt(**{slot: getattr(node, slot) for slot in node if slot != "intoClause"})
        table = enums.ObjectType.OBJECT_TABLE
        return bind_node(binding, ast.CreateTableAsStmt(query=query, into=node.intoClause, objtype=table), parsed)
    query = bind_query(binding, node, ordered=True)
    return Command(Query(query.plan), "SELECT", query.columns)
