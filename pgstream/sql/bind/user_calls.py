"""Calls of user functions: which one a call means, with named and missing arguments."""

from collections.abc import Sequence
from typing import Any

from pgstream.catalog.objects import SqlFunction
from pgstream.errors import SyntaxError42601
from pgstream.plan.expressions import Expr
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.coercion import coerce
from pgstream.sql.bind.overloads import Candidate
from pgstream.sql.bind.stored import bind_default_node
from pgstream.sql.parse import ast, parse

Node = Any


def argument_names(binding: Binding, node: Node) -> tuple[str, ...]:
    """The names of the last arguments of a call, where it says them."""
    names: list[str] = []
    for arg in node.args or ():
        if isinstance(arg, ast.NamedArgExpr):
            if arg.name in names:
                raise SyntaxError42601(f'argument name "{arg.name}" used more than once', position=arg.location)
            names.append(arg.name)
        elif names:
            raise SyntaxError42601(
                "positional argument cannot follow named argument", position=binding.position_of(arg)
            )
    return tuple(names)


def user_candidates(
    binding: Binding, schema: str | None, name: str, count: int, names: Sequence[str]
) -> list[Candidate]:
    """The user's functions that can be called as `name` with `count` arguments, of which the last have `names`."""
    found: list[Candidate] = []
    seen: set[tuple[str, ...]] = set()
    for each in binding.search_path if schema is None else (schema,):
        for function in binding.catalog.functions(each, name):
            signature = tuple(argument.type.name for argument in function.inputs)
            places = _places(function, count, names)
            if places is not None and signature not in seen:
                types = tuple(function.inputs[place].type.name for place in places)
                found.append(Candidate(function, types, places=places))
            seen.add(signature)
    return found


def _places(function: SqlFunction, count: int, names: Sequence[str]) -> tuple[int, ...] | None:
    """Which parameter each given argument is; None where the function cannot be called so."""
    known = [argument.name for argument in function.inputs]
    places = list(range(count - len(names)))
    for name in names:
        if name not in known or known.index(name) in places:
            return None
        places.append(known.index(name))
    if len(places) > len(known) or any(place >= len(known) for place in places):
        return None
    left = [argument for i, argument in enumerate(function.inputs) if i not in places]
    return tuple(places) if all(argument.default is not None for argument in left) else None


def all_arguments(binding: Binding, candidate: Candidate, given: Sequence[Expr]) -> tuple[Expr, ...]:
    """The arguments in the order of the parameters, defaults among them."""
    function: SqlFunction = candidate.declared
    known = dict(zip(candidate.places, given, strict=True))
    return tuple(known.get(i) or _default(binding, each) for i, each in enumerate(function.inputs))


def _default(binding: Binding, argument: Any) -> Expr:
    [parsed] = parse(f"SELECT {argument.default}")
    made = coerce(binding, bind_default_node(binding, parsed.node.targetList[0].val), argument.type, "a")
    assert made is not None
    return made
