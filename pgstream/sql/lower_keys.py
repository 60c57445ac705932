"""Join keys: the equalities of a join's condition that a hash can decide, and what is left of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from pgstream.plan.expressions import CastExpr, Expr, IsDistinct, Not
from pgstream.plan.rewrite import used
from pgstream.sql.optimize.predicates import comparison, conjunction, conjuncts, is_volatile, refers_only_to
from pgstream.types.definition import SqlType

_INTEGERS = ("int2", "int4", "int8")
_FLOATS = ("float4", "float8")
_TEXTS = ("text", "varchar")


@dataclass(frozen=True, slots=True)
class Condition:
    """A join condition taken apart: `keys` are pairs (left, right) of equal types, of which the first `null_equal`
    take NULLs as equal; `left` and `right` concern one side alone."""

    keys: tuple[tuple[Expr, Expr], ...]
    null_equal: int
    left: Expr | None
    right: Expr | None
    residual: Expr | None


def take_apart(condition: Expr | None, left: Iterable[int], right: Iterable[int]) -> Condition:
    """`condition` of a join whose sides have the column ids `left` and `right`."""
    lefts, rights = frozenset(left), frozenset(right)
    safe: list[tuple[Expr, Expr]] = []
    plain: list[tuple[Expr, Expr]] = []
    sides: dict[str, list[Expr]] = {"left": [], "right": [], "residual": []}
    for part in conjuncts(condition):
        operands, null_equal = _equality(part)
        pair = None if operands is None else _pair(*operands, lefts, rights)
        if pair is not None:
            (safe if null_equal else plain).append(pair)
        elif used(part) and not is_volatile(part) and refers_only_to(part, lefts):
            sides["left"].append(part)
        elif used(part) and not is_volatile(part) and refers_only_to(part, rights):
            sides["right"].append(part)
        else:
            sides["residual"].append(part)
    rest = {name: conjunction(parts) for name, parts in sides.items()}
    return Condition((*safe, *plain), len(safe), rest["left"], rest["right"], rest["residual"])


def _equality(part: Expr) -> tuple[tuple[Expr, Expr] | None, bool]:
    """The operands of an equality, and whether it takes NULLs as equal."""
    if isinstance(part, Not) and isinstance(part.arg, IsDistinct):
        return (part.arg.left, part.arg.right), True
    found = comparison(part)
    return (found[1:] if found is not None and found[0] == "=" else None), False


def _pair(a: Expr, b: Expr, left: frozenset[int], right: frozenset[int]) -> tuple[Expr, Expr] | None:
    """The operands as (left, right) of one type; None where a hash cannot compare them."""
    if is_volatile(a) or is_volatile(b) or not used(a) or not used(b):
        return None
    if refers_only_to(a, right) and refers_only_to(b, left):
        a, b = b, a
    elif not (refers_only_to(a, left) and refers_only_to(b, right)):
        return None
    common = key_type(a.type, b.type)
    return None if common is None else (_cast(a, common), _cast(b, common))


def key_type(left: SqlType, right: SqlType) -> SqlType | None:
    """The type in which values of both compare by hash as = compares them; None where there is none."""
    if left.name == right.name:
        definition = left.definition
        incomparable = definition.attributes is not None and definition.order_key is None
        return None if incomparable or left.name in ("record", "json") else left.bare()
    for family in (_INTEGERS, _FLOATS, _TEXTS):
        if left.name in family and right.name in family:
            return SqlType(family[max(family.index(left.name), family.index(right.name))])
    return None


def _cast(expr: Expr, target: SqlType) -> Expr:
    return expr if expr.type.storage == target.storage else CastExpr(expr, target, True)
