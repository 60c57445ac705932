"""`SELECT * FROM subscribe('view' [, snapshot => false, progress => true, as_of => t, up_to => t])`.

The same as SUBSCRIBE, in words that every driver and every tool lets pass. The first argument names a relation, or is a
query.
"""

from dataclasses import replace
from typing import Any

from pgstream.errors import FeatureNotSupported, SyntaxError42601
from pgstream.sql.streaming.reader import Grammar, Node
from pgstream.sql.streaming.subscribe import SubscribeStmt

_RESTRICTING = (
    *("whereClause", "groupClause", "havingClause", "sortClause", "limitCount", "limitOffset"),
    *("distinctClause", "windowClause", "withClause", "lockingClause"),
)


def with_subscriptions(node: Node, whole: str, grammar: Grammar) -> Node:
    """A statement of the text `whole` whose query, if it is such a SELECT, is a SubscribeStmt; `node` itself where
    it is not."""
    kind = type(node).__name__
    if kind == "SelectStmt":
        return _subscription(node, whole, grammar) or node
    if kind in ("CopyStmt", "DeclareCursorStmt", "ExplainStmt") and type(node.query).__name__ == "SelectStmt":
        node.query = _subscription(node.query, whole, grammar) or node.query
    return node


def _subscription(select: Node, whole: str, grammar: Grammar) -> SubscribeStmt | None:
    call = _call(select)
    if call is None:
        return None
    place = call.location
    if not _takes_everything(select):
        raise FeatureNotSupported(
            "a subscription is selected from by SELECT * alone",
            hint="Subscribe to a query: subscribe('SELECT … FROM … WHERE …').",
            position=place,
        )
    if not call.args:
        raise SyntaxError42601("subscribe() takes the name of a relation, or a query", position=place)
    first, *others = call.args
    made = replace(_watched(_text(first, place), place, whole, grammar), tag="SELECT")
    for argument in others:
        made = _with(made, argument, place)
    return made


def _call(select: Node) -> Any:
    """The call of subscribe() that is all of FROM."""
    items: tuple[Node, ...] = select.fromClause or ()
    if len(items) != 1 or type(items[0]).__name__ != "RangeFunction" or len(items[0].functions) != 1:
        return None
    call = items[0].functions[0][0]
    if type(call).__name__ != "FuncCall" or [part.sval for part in call.funcname] != ["subscribe"]:
        return None
    return call


def _takes_everything(select: Node) -> bool:
    """Whether a SELECT asks for all columns and rows as they come."""
    targets: tuple[Node, ...] = select.targetList or ()
    star = len(targets) == 1 and type(targets[0].val).__name__ == "ColumnRef"
    star = star and type(targets[0].val.fields[-1]).__name__ == "A_Star"
    return star and not any(getattr(select, name) for name in _RESTRICTING)


def _watched(text: str, place: int, whole: str, grammar: Grammar) -> SubscribeStmt:
    """What the first argument asks for. Its positions point into the literal, where that is spelled plainly."""
    at = max(whole.find(text, place), place)
    if text.split(maxsplit=1)[0].upper() in ("SELECT", "WITH", "VALUES", "TABLE"):
        return SubscribeStmt(place, query=grammar.statement(" " * at + text))
    return SubscribeStmt(place, relation=grammar.statement("TABLE".ljust(at) + text).fromClause[0])


def _text(argument: Node, place: int) -> str:
    value = getattr(getattr(argument, "val", None), "sval", None)
    if not isinstance(value, str) or not value.strip():
        raise SyntaxError42601("subscribe() takes the name of a relation, or a query", position=place)
    return value


def _with(made: SubscribeStmt, argument: Node, place: int) -> SubscribeStmt:
    """The statement with one of the named arguments."""
    match getattr(argument, "name", None):
        case "snapshot":
            return replace(made, snapshot=_boolean(argument.arg, place))
        case "progress":
            return replace(made, progress=_boolean(argument.arg, place))
        case "as_of":
            return replace(made, as_of=argument.arg)
        case "up_to":
            return replace(made, up_to=argument.arg)
    raise SyntaxError42601(
        "subscribe() takes snapshot, progress, as_of and up_to by name",
        hint="subscribe('view', snapshot => false)",
        position=place,
    )


def _boolean(node: Node, place: int) -> bool:
    value = getattr(getattr(node, "val", None), "boolval", None)
    if not isinstance(value, bool):
        raise SyntaxError42601("snapshot and progress of subscribe() are true or false", position=place)
    return value
