"""Which function binds which AST node.

Expressions contain queries and queries contain expressions, and each topic has its own file: every file registers
what it binds here, and calls the others through here.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from pgstream.errors import FeatureNotSupported
from pgstream.plan.expressions import Expr

if TYPE_CHECKING:
    from pgstream.sql.bind.names import Level
    from pgstream.sql.bind.query import BoundQuery

Node = Any
Handler = TypeVar("Handler", bound=Callable[..., Any])

_EXPRESSIONS: dict[type, Callable[["Level", Node], Expr]] = {}
_FROM_ITEMS: dict[type, Callable[..., Any]] = {}
_QUERIES: dict[type, Callable[..., "BoundQuery"]] = {}


def binds(*kinds: type) -> Callable[[Handler], Handler]:
    """Declares the decorated `(level, node) -> Expr` as what binds expression nodes of these kinds."""

    def declared(handler: Handler) -> Handler:
        for kind in kinds:
            _EXPRESSIONS[kind] = handler
        return handler

    return declared


def binds_from(*kinds: type) -> Callable[[Handler], Handler]:
    """Declares the decorated `(level, node) -> FromItem` as what binds FROM items of these kinds."""

    def declared(handler: Handler) -> Handler:
        for kind in kinds:
            _FROM_ITEMS[kind] = handler
        return handler

    return declared


def binds_query(*kinds: type) -> Callable[[Handler], Handler]:
    """Declares the decorated `(binding, node, parent) -> BoundQuery` as what binds whole queries of these kinds."""

    def declared(handler: Handler) -> Handler:
        for kind in kinds:
            _QUERIES[kind] = handler
        return handler

    return declared


def bind_expression(level: "Level", node: Node) -> Expr:
    """The expression that `node` means where the names of `level` are visible."""
    handler = _EXPRESSIONS.get(type(node))
    if handler is None:
        raise FeatureNotSupported(f"{_name(node)} is not supported yet", position=level.binding.position_of(node))
    return level.binding.located(handler(level, node), node)


def bind_from_item(level: "Level", node: Node) -> Any:
    handler = _FROM_ITEMS.get(type(node))
    if handler is None:
        position = level.binding.position_of(node)
        raise FeatureNotSupported(f"{_name(node)} in FROM is not supported yet", position=position)
    return handler(level, node)


def bind_query(binding: Any, node: Node, parent: "Level | None" = None, **options: Any) -> "BoundQuery":
    """The plan of a query, whose correlated names are found in `parent`."""
    handler = _QUERIES.get(type(node))
    if handler is None:
        raise FeatureNotSupported(f"{_name(node)} in a query is not supported yet", position=binding.position_of(node))
    return handler(binding, node, parent, **options)


def _name(node: Node) -> str:
    return type(node).__name__
