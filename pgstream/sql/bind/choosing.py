"""Which function a call means: its name, and the overload that its arguments choose."""

from typing import Any

from pgstream.errors import AmbiguousFunction, InvalidSchemaName, UndefinedFunction, WrongObjectType
from pgstream.functions.registry import AGGREGATES, Aggregate
from pgstream.plan.expressions import Expr
from pgstream.sql.bind.coercion import pathway
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.overloads import Candidate, NotUnique, function_candidates, resolve
from pgstream.sql.bind.user_calls import argument_names, user_candidates
from pgstream.sql.bind.within_group import preferred
from pgstream.types.definition import BY_NAME

Node = Any


def function_name(level: Level, node: Node) -> str:
    """The called name; functions live in pg_catalog, and information_schema's there too."""
    names = [part.sval for part in node.funcname]
    if len(names) > 1 and names[-2] not in level.binding.catalog.schema_oids:
        raise InvalidSchemaName(f'schema "{names[-2]}" does not exist', position=node.location)
    return str(names[-1])


def choose_function(level: Level, node: Node, name: str, args: list[Expr]) -> Candidate | None:
    """What the call resolves to; None where it is a cast in the form of a call, such as text(x)."""
    shown = ".".join(part.sval for part in node.funcname)
    types = [arg.type.bare() for arg in args]
    names = argument_names(level.binding, node)
    said = [*[""] * (len(types) - len(names)), *(f"{name} => " for name in names)]
    signature = f"{shown}({', '.join(f'{word}{type}' for word, type in zip(said, types, strict=True))})"
    schema = node.funcname[-2].sval if len(node.funcname) > 1 else "pg_catalog"
    builtin = schema in ("pg_catalog", "information_schema") and not names
    candidates = preferred(node, function_candidates(name, len(args))) if builtin else []
    given = node.funcname[-2].sval if len(node.funcname) > 1 else None
    candidates = _with_users(candidates, user_candidates(level.binding, given, name, len(args), names))
    if node.agg_star:
        candidates = [candidate for candidate in candidates if isinstance(candidate.declared, Aggregate)]
    try:
        chosen = resolve(candidates, [type.name for type in types])
    except NotUnique:
        raise AmbiguousFunction(
            f"function {signature} is not unique",
            hint="Could not choose a best candidate function. You might need to add explicit type casts.",
            position=node.location,
        ) from None
    if chosen is None and len(args) == 1 and name in BY_NAME and _is_cast(types[0].name, name):
        return None
    if chosen is None:
        raise _undefined(node, name, shown, signature)
    return chosen


def _with_users(builtin: list[Candidate], users: list[Candidate]) -> list[Candidate]:
    """Both, without the user's functions that a builtin of the same arguments hides."""
    known = {candidate.arguments for candidate in builtin}
    return [*builtin, *(candidate for candidate in users if candidate.arguments not in known)]


def _is_cast(source: str, target: str) -> bool:
    if source == "unknown":
        return True
    return pathway(source, target, "e") is not None


def _undefined(node: Node, name: str, shown: str, signature: str) -> Exception:
    if not node.args and not node.agg_star and any(not made.arguments for made in AGGREGATES.get(name, ())):
        return WrongObjectType(
            f"{shown}(*) must be used to call a parameterless aggregate function", position=node.location
        )
    if node.agg_star:
        signature = f"{shown}()"
    if node.agg_order and not node.agg_within_group:
        return UndefinedFunction(
            f"function {signature} does not exist",
            hint="No aggregate function matches the given name and argument types. Perhaps you misplaced ORDER BY;"
            " ORDER BY must appear after all regular arguments of the aggregate.",
            position=node.location,
        )
    return UndefinedFunction(
        f"function {signature} does not exist",
        hint="No function matches the given name and argument types. You might need to add explicit type casts.",
        position=node.location,
    )
