"""Single items that paths of SQL/JSON lead to: their types, comparisons and methods, and what is wrong with them."""

from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from pgstream.errors import SqlError
from pgstream.functions.patterns import compiled
from pgstream.types.json_text import Number
from pgstream.types.jsonpath_text import Step
from pgstream.types.numeric import decimal_of, numeric_text

Truth = bool | None
"""None: unknown."""

_WHOLE = {"floor": ROUND_FLOOR, "ceiling": ROUND_CEILING}


class PathError(SqlError):
    """What is wrong with a value that a path is followed through; a predicate makes it unknown."""


class MemberNotFound(PathError):
    sqlstate = "2203A"


class ObjectNotFound(PathError):
    sqlstate = "2203C"


class ArrayNotFound(PathError):
    sqlstate = "22039"


class InvalidSubscript(PathError):
    sqlstate = "22033"


class NonNumericItem(PathError):
    sqlstate = "22036"


class SingletonRequired(PathError):
    sqlstate = "22038"


class NumberNotFound(PathError):
    sqlstate = "2203B"


class DividedByZero(PathError):
    sqlstate = "22012"


def type_of(value: Any) -> str:
    """What `.type()` says."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    if isinstance(value, Number):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def double(value: Any) -> Number:
    """What `.double()` makes of an item."""
    if not isinstance(value, str):
        raise NonNumericItem("jsonpath item method .double() can only be applied to a string or numeric value")
    number = isinstance(value, Number)
    try:
        made = float(value)
        if made != made or made in (float("inf"), float("-inf")) or "_" in value:
            raise ValueError(value)
    except ValueError:
        what = "numeric" if number else "string"
        raise NonNumericItem(
            f"{what} argument of jsonpath item method .double()"
            " is not a valid representation of a double precision number",
        ) from None
    return value if isinstance(value, Number) else Number(numeric_text(Decimal(f"{made:.15g}")))


def rounded(name: str, value: Any) -> Number:
    """What `.abs()`, `.floor()` and `.ceiling()` make of an item."""
    if not isinstance(value, Number):
        raise NonNumericItem(f"jsonpath item method .{name}() can only be applied to a numeric value")
    known = decimal_of(value)
    return Number(numeric_text(abs(known) if name == "abs" else known.to_integral_value(_WHOLE[name])))


def holds(step: Step, left: Any, right: Any) -> Truth:
    """Whether a predicate holds of two items; None where they do not compare."""
    if step.kind == "like_regex":
        return None if type_of(left) != "string" else bool(compiled(step.text, _letters(step)).search(left))
    if step.kind == "starts with":
        return left.startswith(right) if type_of(left) == type_of(right) == "string" else None
    kind = type_of(left)
    if kind != type_of(right):
        return step.kind == "!=" if left is None or right is None else None
    if kind in ("array", "object"):
        return None
    if kind == "number":
        left, right = decimal_of(left), decimal_of(right)
    elif kind == "null":
        left = right = 0
    return _TESTS[step.kind](left, right)


_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: bool(left == right),
    "!=": lambda left, right: bool(left != right),
    "<": lambda left, right: bool(left < right),
    "<=": lambda left, right: bool(left <= right),
    ">": lambda left, right: bool(left > right),
    ">=": lambda left, right: bool(left >= right),
}


def _letters(step: Step) -> str:
    """LIKE_REGEX's flags as those of the functions for regular expressions."""
    flags = step.args[1].text
    case = "i" if "i" in flags else ""
    if "q" in flags:
        return case + "q"
    return case + {"": "p", "s": "", "m": "n", "sm": "w"}["".join(flag for flag in "sm" if flag in flags)]
