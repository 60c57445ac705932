"""JSON_VALUE, JSON_QUERY and JSON_EXISTS, as the calls that they stand for."""

from typing import Any

from pgstream.errors import FeatureNotSupported
from pgstream.plan.expressions import Expr
from pgstream.sql.bind.dispatch import bind_expression, binds
from pgstream.sql.bind.names import Level
from pgstream.sql.parse import ast, deparse, enums

Node = Any
_BEHAVIORS = enums.JsonBehaviorType
_WRAPPERS = {
    enums.JsonWrapper.JSW_UNSPEC: "without",
    enums.JsonWrapper.JSW_NONE: "without",
    enums.JsonWrapper.JSW_CONDITIONAL: "conditional",
    enums.JsonWrapper.JSW_UNCONDITIONAL: "always",
}
_NULL = ast.A_Const(isnull=True)
_EMPTY_DOCUMENTS = {
    _BEHAVIORS.JSON_BEHAVIOR_EMPTY_ARRAY: "[]",
    _BEHAVIORS.JSON_BEHAVIOR_EMPTY: "[]",
    _BEHAVIORS.JSON_BEHAVIOR_EMPTY_OBJECT: "{}",
}


@binds(ast.JsonFuncExpr)
def bind_json_function(level: Level, node: Node) -> Expr:
    """One of the three."""
    if node.passing:
        raise FeatureNotSupported("PASSING of JSON functions is not supported yet", position=node.location)
    document = _cast(node, node.context_item.raw_expr, _type("text"))
    args = (document, _cast(node, node.pathspec, _type("text")))
    match node.op:
        case enums.JsonExprOp.JSON_EXISTS_OP:
            made = _call(node, "json_path_found", args)
        case enums.JsonExprOp.JSON_VALUE_OP:
            made = _value(node, args)
        case enums.JsonExprOp.JSON_QUERY_OP:
            made = _document(node, args)
        case _:
            raise FeatureNotSupported("JSON_TABLE is not supported yet", position=node.location)
    return bind_expression(level, made)


def _value(node: Node, args: tuple[Node, ...]) -> Node:
    """The scalar in the type that RETURNING names; NULL, or what ON EMPTY and ON ERROR say, where there is none."""
    scalar = _call(node, "json_path_scalar", args)
    if node.output is not None:
        wanted = node.output.typeName
        valid = _call(node, "pg_input_is_valid", (scalar, _text(deparse(wanted))))
        known = [(_is_null(node, scalar), _NULL), (valid, _cast(node, scalar, wanted))]
        scalar = _case(node, known, _otherwise(node.on_error))
    outcome = _call(node, "json_path_outcome", args)
    cases = [
        (_equal(node, outcome, word), _otherwise(behavior))
        for word, behavior in (("empty", node.on_empty), ("error", node.on_error))
        if _otherwise(behavior) is not None
    ]
    return _case(node, cases, scalar) if cases else scalar


def _document(node: Node, args: tuple[Node, ...]) -> Node:
    """The document as text, or as RETURNING names it."""
    made = _call(node, "json_path_document", (*args, _text(_WRAPPERS[node.wrapper])))
    empty = _otherwise(node.on_empty) or _otherwise(node.on_error)
    if empty is not None:
        known = ast.CoalesceExpr(args=(made, empty), location=node.location)
        made = _case(node, [(_is_null(node, args[0]), _NULL)], known)
    return made if node.output is None else _cast(node, made, node.output.typeName)


def _otherwise(behavior: Node) -> Node:
    """What stands for a value that is not there; None for NULL."""
    if behavior is None or behavior.btype in (_BEHAVIORS.JSON_BEHAVIOR_NULL, _BEHAVIORS.JSON_BEHAVIOR_FALSE):
        return None
    if behavior.btype == _BEHAVIORS.JSON_BEHAVIOR_DEFAULT:
        return behavior.expr
    if behavior.btype in _EMPTY_DOCUMENTS:
        return _text(_EMPTY_DOCUMENTS[behavior.btype])
    raise FeatureNotSupported("this behavior of JSON functions is not supported yet", position=behavior.location)


def _text(value: str) -> Node:
    return ast.A_Const(isnull=False, val=ast.String(sval=value))


def _type(name: str) -> Node:
    return ast.TypeName(names=(ast.String(sval=name),), typemod=-1)


def _call(node: Node, name: str, args: tuple[Node, ...]) -> Node:
    return ast.FuncCall(funcname=(ast.String(sval=name),), args=args, location=node.location)


def _cast(node: Node, value: Node, type: Node) -> Node:
    return ast.TypeCast(arg=value, typeName=type, location=node.location)


def _is_null(node: Node, value: Node) -> Node:
    return ast.NullTest(arg=value, nulltesttype=enums.NullTestType.IS_NULL, location=node.location)


def _equal(node: Node, value: Node, word: str) -> Node:
    kind = enums.A_Expr_Kind.AEXPR_OP
    equals = (ast.String(sval="="),)
    return ast.A_Expr(kind=kind, name=equals, lexpr=value, rexpr=_text(word), location=node.location)


def _case(node: Node, cases: list[tuple[Node, Node]], otherwise: Node) -> Node:
    whens = tuple(ast.CaseWhen(expr=expr, result=result, location=node.location) for expr, result in cases)
    return ast.CaseExpr(args=whens, defresult=otherwise, location=node.location)
