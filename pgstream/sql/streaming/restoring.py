"""What the rewriting hid from Postgres' grammar, put back into its tree: subscripts, TRY_CAST, IF NOT EXISTS."""

from typing import Any, Protocol

from pgstream.sql.streaming.clauses import UNLESS
from pgstream.sql.streaming.reader import Token
from pgstream.sql.streaming.rewriting import SUBSCRIPT

Node = Any


class Parser(Protocol):
    """Postgres' grammar and its tree: `nodes` has the classes of that."""

    nodes: Any

    def statement(self, text: str) -> Node:
        """The AST of the one statement in `text`."""

    def shown(self, node: Node) -> str:
        """SQL text that parses to `node`."""

    def tokens(self, text: str) -> list[Token]:
        """The tokens of `text`."""


def restored(raw: Any, text: str, grammar: str, parser: Parser) -> Any:
    """The statements `raw` of what was made of `text` for Postgres' grammar, as `text` means them."""
    if UNLESS in grammar:
        _unless_there(raw, parser.nodes)
    if SUBSCRIPT in grammar or "try_cast" in text.lower():
        return _restored(raw, text, parser)
    return raw


def _unless_there(raw: Any, nodes: Any) -> None:
    """Takes the mark of CREATE VIEW IF NOT EXISTS from the names of views, and says so among their options."""
    for view in (each.stmt for each in raw if isinstance(each.stmt, nodes.ViewStmt)):
        name = view.view
        if UNLESS in (name.catalogname, name.schemaname):
            name.schemaname = name.schemaname if name.catalogname else None
            name.catalogname = None
            view.options = (*(view.options or ()), nodes.DefElem(defname=UNLESS, location=name.location))


def _restored(node: Any, text: str, parser: Parser) -> Any:
    """A tree with what was hidden in casts."""
    nodes = parser.nodes
    if isinstance(node, tuple):
        return tuple(_restored(part, text, parser) for part in node)
    if not isinstance(node, nodes.Node):
        return node
    for slot in node:
        value = getattr(node, slot)
        if isinstance(value, tuple | nodes.Node):
            setattr(node, slot, _restored(value, text, parser))
    if isinstance(node, nodes.TypeCast):
        names = [part.sval for part in node.typeName.names or ()]
        if names == [SUBSCRIPT]:
            return _subscripted(node, text, parser)
        if text[max(node.location - 4, 0) : node.location].upper() == "TRY_":
            return _tried(node, parser)
    return node


def _subscripted(node: Any, text: str, parser: Parser) -> Any:
    """`f(x)[i]` of a cast that stands at the bracket."""
    bracket = text.index("[", node.location)
    depth, end = 0, bracket
    for token in parser.tokens(text):
        if token.start >= bracket:
            depth += {"ASCII_91": 1, "ASCII_93": -1}.get(token.name, 0)
            if not depth:
                end = token.end
                break
    query = parser.statement("SELECT".ljust(bracket - 1) + "a" + text[bracket:end])
    return parser.nodes.A_Indirection(arg=node.arg, indirection=query.targetList[0].val.indirection)


def _tried(node: Any, parser: Parser) -> Any:
    """TRY_CAST: NULL where the value's text is none of the type's."""
    nodes, place = parser.nodes, node.location
    as_text = nodes.TypeName(names=(nodes.String(sval="text"),), typemod=-1, location=place)
    shown = nodes.TypeCast(arg=node.arg, typeName=as_text, location=place)
    wanted = nodes.A_Const(isnull=False, val=nodes.String(sval=parser.shown(node.typeName)))
    called = (nodes.String(sval="pg_input_is_valid"),)
    valid = nodes.FuncCall(funcname=called, args=(shown, wanted), location=place)
    cast = nodes.TypeCast(arg=shown, typeName=node.typeName, location=place)
    when = nodes.CaseWhen(expr=valid, result=cast, location=place)
    return nodes.CaseExpr(args=(when,), location=place)
