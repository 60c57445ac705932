"""Paths of SQL/JSON, followed through a value: PostgreSQL's jsonpath_exec.c.

What a path leads to is found one by one, so that nobody is told of an error behind what was asked for.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import Any

from pgstream.errors import DivisionByZero, FeatureNotSupported, UndefinedObject
from pgstream.functions.jsonb_places import place_of
from pgstream.functions.jsonpath_items import (
    ArrayNotFound,
    DividedByZero,
    InvalidSubscript,
    MemberNotFound,
    NumberNotFound,
    ObjectNotFound,
    PathError,
    SingletonRequired,
    Truth,
    double,
    holds,
    rounded,
    type_of,
)
from pgstream.functions.numerics import exact_difference, exact_product, exact_remainder, exact_sum, quotient
from pgstream.types.json_text import Number
from pgstream.types.jsonb import sorted_items
from pgstream.types.jsonpath_text import MANY, PREDICATES, Path, Step
from pgstream.types.numeric import decimal_of, numeric_text

Items = Iterator[Any]

_ARITHMETIC: Mapping[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": exact_sum,
    "-": exact_difference,
    "*": exact_product,
    "/": quotient,
    "%": exact_remainder,
}


@dataclass(slots=True)
class Walk:
    """One path being followed through `root`. `lax`: arrays are unwrapped, and what is not there is nothing."""

    root: Any
    variables: Mapping[str, Any]
    lax: bool
    ignoring: bool = field(init=False)
    """Whether what does not fit the value's structure is passed over."""
    size: int = -1
    """The size of the array whose subscripts are being computed."""

    def __post_init__(self) -> None:
        self.ignoring = self.lax

    def found(self, step: Step, value: Any, current: Any, unwrap: bool | None = None) -> Items:
        """What `step` and those behind it lead to from `value`; @ is `current`."""
        unwrap = self.lax if unwrap is None else unwrap
        if step.kind in PREDICATES:
            yield from self.behind(step, self.truth(step, current), current)
        elif step.kind in _LITERALS:
            yield from self.behind(step, _LITERALS[step.kind](self, step, current), current)
        elif step.kind in _ARITHMETIC:
            yield from self.behind(step, self._computed(step, current), current)
        elif step.kind in ("plus", "minus"):
            yield from self._signed(step, current)
        elif isinstance(value, list) and unwrap and step.kind in _UNWRAPPING and not _of_arrays(step):
            for item in value:
                yield from self.found(step, item, current, False)
        else:
            yield from _ACCESSORS[step.kind](self, step, value, current)

    def behind(self, step: Step, value: Any, current: Any, unwrap: bool | None = None) -> Items:
        """`value`, or what the steps behind `step` lead to from it."""
        if step.next is None:
            yield value
        else:
            yield from self.found(step.next, value, current, unwrap)

    def structural(self, error: type[PathError], message: str) -> None:
        """Raises PathError, unless structure is passed over."""
        if not self.ignoring:
            raise error(message)

    # -- accessors

    def key(self, step: Step, value: Any, current: Any) -> Items:
        if not isinstance(value, dict):
            self.structural(MemberNotFound, "jsonpath member accessor can only be applied to an object")
        elif step.text in value:
            yield from self.behind(step, value[step.text], current)
        else:
            self.structural(MemberNotFound, f'JSON object does not contain key "{step.text}"')

    def members(self, step: Step, value: Any, current: Any) -> Items:
        if isinstance(value, dict):
            for item in _children(value):
                yield from self.behind(step, item, current)
        else:
            self.structural(ObjectNotFound, "jsonpath wildcard member accessor can only be applied to an object")

    def elements(self, step: Step, value: Any, current: Any) -> Items:
        if isinstance(value, list):
            for item in value:
                yield from self.behind(step, item, current)
        elif self.lax:
            yield from self.behind(step, value, current)
        else:
            self.structural(ArrayNotFound, "jsonpath wildcard array accessor can only be applied to an array")

    def subscripts(self, step: Step, value: Any, current: Any) -> Items:
        if not isinstance(value, list) and not self.lax:
            self.structural(ArrayNotFound, "jsonpath array accessor can only be applied to an array")
            return
        items = value if isinstance(value, list) else [value]
        outer = self.size
        for span in step.args:
            self.size = len(items)
            ends = [self._index(end, value, current) for end in span.args]
            self.size = outer
            first, last = ends[0], ends[-1]
            if first < 0 or first > last or last >= len(items):
                self.structural(InvalidSubscript, "jsonpath array subscript is out of bounds")
            for item in items[max(first, 0) : min(last, len(items) - 1) + 1]:
                yield from self.behind(step, item, current)

    def _index(self, step: Step, value: Any, current: Any) -> int:
        found = list(self.found(step, current, current))
        if len(found) != 1 or not isinstance(found[0], Number):
            raise InvalidSubscript("jsonpath array subscript is not a single numeric value")
        index = int(decimal_of(found[0]).to_integral_value(ROUND_DOWN))
        if not -(2**31) <= index < 2**31:
            raise InvalidSubscript("jsonpath array subscript is out of integer range")
        return index

    def levels(self, step: Step, value: Any, current: Any) -> Items:
        if step.span[0] == 0:
            yield from self._passing(step, value, current)
        if isinstance(value, dict | list):
            yield from self._deeper(step, value, current, 1)

    def _deeper(self, step: Step, value: Any, current: Any, level: int) -> Items:
        first, last = step.span
        if level > last:
            return
        for item in _children(value):
            nested = isinstance(item, dict | list)
            if level >= first or (first == last == MANY and not nested):
                yield from self._passing(step, item, current)
            if level < last and nested:
                yield from self._deeper(step, item, current, level + 1)

    def _passing(self, step: Step, value: Any, current: Any) -> Items:
        """What is behind `step`, where structure is passed over."""
        outer, self.ignoring = self.ignoring, True
        try:
            yield from self.behind(step, value, current)
        finally:
            self.ignoring = outer

    def filtered(self, step: Step, value: Any, current: Any) -> Items:
        if self.truth(step.args[0], value):
            yield from self.behind(step, value, current)

    def method(self, step: Step, value: Any, current: Any) -> Items:
        name = step.text
        if name == "type":
            yield from self.behind(step, type_of(value), current)
        elif name == "size":
            if not isinstance(value, list) and not self.lax:
                self.structural(ArrayNotFound, "jsonpath item method .size() can only be applied to an array")
                return
            yield from self.behind(step, Number(len(value) if isinstance(value, list) else 1), current)
        elif name == "keyvalue":
            yield from self._pairs(step, value, current)
        elif name == "double":
            yield from self.behind(step, double(value), current)
        else:
            yield from self.behind(step, rounded(name, value), current)

    def _pairs(self, step: Step, value: Any, current: Any) -> Items:
        if not isinstance(value, dict):
            raise ObjectNotFound("jsonpath item method .keyvalue() can only be applied to an object")
        place = place_of(self.root, value)
        if place is None:
            raise FeatureNotSupported("jsonpath item method .keyvalue() is only supported for parts of the value yet")
        for key, item in sorted_items(value):
            yield from self.behind(step, {"key": key, "value": item, "id": Number(place)}, current)

    # -- expressions

    def variable(self, step: Step, _current: Any) -> Any:
        if step.text not in self.variables:
            raise UndefinedObject(f'could not find jsonpath variable "{step.text}"')
        return self.variables[step.text]

    def last(self, _step: Step, _current: Any) -> Any:
        return Number(self.size - 1)

    def _operands(self, step: Step, current: Any) -> Items:
        """What an operand gives, arrays unwrapped where the path is lax."""
        for item in self.found(step, current, current):
            if self.lax and isinstance(item, list):
                yield from item
            else:
                yield item

    def _computed(self, step: Step, current: Any) -> Number:
        sides = []
        found = [list(self._operands(arg, current)) for arg in step.args]
        for side, items in zip(("left", "right"), found, strict=True):
            if len(items) != 1 or not isinstance(items[0], Number):
                raise SingletonRequired(
                    f"{side} operand of jsonpath operator {step.kind} is not a single numeric value"
                )
            sides.append(decimal_of(items[0]))
        try:
            return Number(numeric_text(_ARITHMETIC[step.kind](sides[0], sides[1])))
        except DivisionByZero as error:
            raise DividedByZero(error.message) from None

    def _signed(self, step: Step, current: Any) -> Items:
        sign = "+" if step.kind == "plus" else "-"
        for item in list(self._operands(step.args[0], current)):
            if not isinstance(item, Number):
                raise NumberNotFound(f"operand of unary jsonpath operator {sign} is not a numeric value")
            made = item if sign == "+" else Number(numeric_text(-decimal_of(item)))
            yield from self.behind(step, made, current)

    # -- predicates

    def truth(self, step: Step, current: Any) -> Truth:
        """Whether a predicate holds."""
        match step.kind:
            case "&&":
                left = self.truth(step.args[0], current)
                if left is False:
                    return False
                right = self.truth(step.args[1], current)
                return left if right is True else right
            case "||":
                left = self.truth(step.args[0], current)
                if left is True:
                    return True
                right = self.truth(step.args[1], current)
                return left if right is False else right
            case "!":
                inner = self.truth(step.args[0], current)
                return None if inner is None else not inner
            case "is unknown":
                return self.truth(step.args[0], current) is None
            case "exists":
                return self._exists(step.args[0], current)
        if step.kind not in PREDICATES:
            return None
        return self._compared(step, current)

    def _exists(self, step: Step, current: Any) -> Truth:
        try:
            found = self.found(step, current, current)
            if not self.lax:
                return bool(list(found))
            return next((True for _ in found), False)
        except PathError:
            return None

    def _compared(self, step: Step, current: Any) -> Truth:
        try:
            lefts = list(self._operands(step.args[0], current))
            if step.kind == "like_regex":
                rights: list[Any] = [None]
            elif step.kind == "starts with":
                rights = list(self.found(step.args[1], current, current))
            else:
                rights = list(self._operands(step.args[1], current))
        except PathError:
            return None
        met, unknown = False, False
        for left in lefts:
            for right in rights:
                one = holds(step, left, right)
                if one is None and not self.lax:
                    return None
                if one and self.lax:
                    return True
                met, unknown = met or bool(one), unknown or one is None
        return True if met else None if unknown else False


_LITERALS: Mapping[str, Callable[[Walk, Step, Any], Any]] = {
    "$": lambda walk, step, current: walk.root,
    "@": lambda walk, step, current: current,
    "string": lambda walk, step, current: step.text,
    "number": lambda walk, step, current: Number(step.text),
    "null": lambda walk, step, current: None,
    "true": lambda walk, step, current: True,
    "false": lambda walk, step, current: False,
    "var": Walk.variable,
    "last": Walk.last,
}
_ACCESSORS: Mapping[str, Callable[[Walk, Step, Any, Any], Items]] = {
    "key": Walk.key,
    ".*": Walk.members,
    "[*]": Walk.elements,
    "[]": Walk.subscripts,
    ".**": Walk.levels,
    "?": Walk.filtered,
    "method": Walk.method,
}
_UNWRAPPING = frozenset({"key", ".*", "?", "method"})


def _of_arrays(step: Step) -> bool:
    return step.kind == "method" and step.text in ("type", "size")


def _children(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [item for _, item in sorted_items(value)]


def followed(path: Path, root: Any, variables: Mapping[str, Any]) -> Items:
    """What `path` leads to in `root`."""
    return Walk(root, variables, not path.strict).found(path.step, root, root)
