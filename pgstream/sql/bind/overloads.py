"""Overload resolution: which function or operator a call means.

PostgreSQL's parse_func.c (func_get_detail, func_match_argtypes, func_select_candidate) and parse_oper.c, working on
type names; `unknown` stands for a literal or parameter whose type nothing decided yet.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pgstream.errors import DatatypeMismatch
from pgstream.functions.registry import (
    AGGREGATES,
    FUNCTIONS,
    OPERATORS,
    WINDOW_FUNCTIONS,
    Aggregate,
    Function,
    WindowFunction,
)
from pgstream.sql.bind.coercion import can_coerce
from pgstream.sql.bind.types import POLYMORPHIC
from pgstream.types.definition import BY_NAME, SqlType, array_of
from pgstream.types.domain import name_below

Declared = Any
"""A Function, Aggregate, WindowFunction or Operator."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A declaration with its argument types spread out to the number of arguments of the call."""

    declared: Declared
    arguments: tuple[str, ...]
    is_variadic: bool = False
    places: tuple[int, ...] = ()
    """Of a user's function: which of its parameters each given argument is."""


class NotUnique(Exception):
    """Several candidates are equally good."""


def function_candidates(name: str, count: int) -> list[Candidate]:
    """What can be called as `name` with `count` arguments; a variadic one only where no other takes the same."""
    found: list[Candidate] = []
    for function in FUNCTIONS.get(name, ()):
        found += _spread(function, function.arguments, function.defaults, function.variadic, count)
    for aggregate in AGGREGATES.get(name, ()):
        if aggregate.kind == "h":
            continue
        found += _spread(aggregate, aggregate.arguments, 0, False, count)
    for window in WINDOW_FUNCTIONS.get(name, ()):
        found += _spread(window, window.arguments, window.defaults, False, count)
    plain = {candidate.arguments for candidate in found if not candidate.is_variadic}
    return [candidate for candidate in found if not candidate.is_variadic or candidate.arguments not in plain]


def _spread(
    declared: Function | Aggregate | WindowFunction,
    arguments: tuple[str, ...],
    defaults: int,
    variadic: bool,
    count: int,
) -> list[Candidate]:
    if variadic:
        fixed, last = arguments[:-1], arguments[-1]
        least = len(fixed) if last == "any" else len(arguments)
        if count >= least:
            return [Candidate(declared, fixed + (last,) * (count - len(fixed)), True)]
        return []
    if len(arguments) - defaults <= count <= len(arguments):
        return [Candidate(declared, arguments[:count])]
    return []


@cache
def operator_candidates(name: str, count: int) -> Sequence[Candidate]:
    """Prefix operators for one argument, infix operators for two."""
    found = []
    for operator in OPERATORS.get(name, ()):
        if operator.left is None and count == 1:
            found.append(Candidate(operator, (operator.right,)))
        elif operator.left is not None and count == 2:
            found.append(Candidate(operator, (operator.left, operator.right)))
    return found


def resolve(candidates: Sequence[Candidate], types: Sequence[str]) -> Candidate | None:
    """The candidate that a call with arguments of `types` means; None for none. Raises NotUnique."""
    exact = [candidate for candidate in candidates if candidate.arguments == tuple(types)]
    if exact:
        return min(exact, key=lambda candidate: candidate.is_variadic)
    fitting = [candidate for candidate in candidates if _fits(candidate, types)]
    if len(fitting) <= 1:
        return fitting[0] if fitting else None
    chosen = _select(fitting, [name_below(name) for name in types])
    if chosen is None:
        raise NotUnique
    return chosen


def resolve_operator(candidates: Sequence[Candidate], types: Sequence[str]) -> Candidate | None:
    """`resolve`, after trying an unknown operand as the type of the other one. Raises NotUnique."""
    tried = list(types)
    if len(types) == 2 and "unknown" in types:
        known = [name for name in types if name != "unknown"]
        tried = [known[0], known[0]] if known else tried
    exact = [candidate for candidate in candidates if candidate.arguments == tuple(tried)]
    return exact[0] if exact else resolve(candidates, types)


def _fits(candidate: Candidate, types: Sequence[str]) -> bool:
    if not can_coerce(types, candidate.arguments, "i"):
        return False
    if not any(name in POLYMORPHIC for name in candidate.arguments):
        return True
    return _generic(candidate.arguments, types) is not None


def _select(candidates: list[Candidate], types: Sequence[str]) -> Candidate | None:
    """func_select_candidate: exact matches, then preferred types, then guesses for unknown arguments."""
    known = [i for i, name in enumerate(types) if name != "unknown"]
    kept = _most(candidates, lambda c: sum(c.arguments[i] == types[i] for i in known))
    if len(kept) == 1:
        return kept[0]
    kept = _most(kept, lambda c: sum(_same_or_preferred(c.arguments[i], types[i]) for i in known))
    if len(kept) == 1:
        return kept[0]
    if len(known) == len(types):
        return _least_variadic(kept)
    kept = _by_category(kept, [i for i in range(len(types)) if i not in known])
    if len(kept) == 1:
        return kept[0]
    if known and len({types[i] for i in known}) == 1:
        same = [types[known[0]]] * len(types)
        fitting = [candidate for candidate in kept if _fits(candidate, same)]
        if len(fitting) == 1:
            return fitting[0]
    return None


def _least_variadic(candidates: list[Candidate]) -> Candidate | None:
    plain = [candidate for candidate in candidates if not candidate.is_variadic]
    return plain[0] if len(plain) == 1 else None


def _most(candidates: list[Candidate], score: Callable[[Candidate], int]) -> list[Candidate]:
    best = max(score(candidate) for candidate in candidates)
    return [candidate for candidate in candidates if score(candidate) == best]


def _same_or_preferred(argument: str, given: str) -> bool:
    return argument == given or (_category(argument) == _category(given) and _preferred(argument))


def _category(name: str) -> str:
    definition = BY_NAME.get(name)
    return "P" if definition is None or name in POLYMORPHIC else definition.category


def _preferred(name: str) -> bool:
    definition = BY_NAME.get(name)
    return definition is not None and definition.preferred


def _by_category(candidates: list[Candidate], unknown: list[int]) -> list[Candidate]:
    """Those that agree with the likeliest type category of each unknown argument; all where there is none."""
    slots: list[tuple[int, str, bool]] = []
    for i in unknown:
        chosen, preferred, conflict = "", False, False
        for candidate in candidates:
            category, is_preferred = _category(candidate.arguments[i]), _preferred(candidate.arguments[i])
            if not chosen:
                chosen, preferred = category, is_preferred
            elif category == chosen:
                preferred = preferred or is_preferred
            elif category == "S":
                chosen, preferred = "S", is_preferred
            else:
                conflict = True
        if conflict and chosen != "S":
            return candidates
        slots.append((i, chosen, preferred))
    kept = [
        candidate
        for candidate in candidates
        if all(
            _category(candidate.arguments[i]) == chosen and (not preferred or _preferred(candidate.arguments[i]))
            for i, chosen, preferred in slots
        )
    ]
    return kept or candidates


@dataclass(frozen=True, slots=True)
class Generic:
    """What the polymorphic types of one call stand for; None where nothing decides it."""

    element: str | None
    array: str | None
    compatible: str | None


def _generic(arguments: Sequence[str], types: Sequence[str]) -> Generic | None:
    """The concrete types that make the call consistent; None where it is not."""
    element: str | None = None
    array: str | None = None
    compatible: list[str] = []
    for declared, given in zip(arguments, types, strict=True):
        if given == "unknown":
            continue
        if declared in ("anyenum", "anyarray", "anycompatiblearray"):
            given = name_below(given)
        if declared in ("anyelement", "anynonarray", "anyenum"):
            if element not in (None, given) or (declared == "anynonarray" and _element(given) is not None):
                return None
            if declared == "anyenum" and _category(given) != "E":
                return None
            element = given
        elif declared == "anyarray":
            if array not in (None, given) or _element(given) is None:
                return None
            array = given
        elif declared in ("anycompatible", "anycompatiblenonarray"):
            compatible.append(given)
        elif declared == "anycompatiblearray":
            inner = _element(given)
            if inner is None:
                return None
            compatible.append(inner)
        elif declared in POLYMORPHIC:
            return None
    if array is not None:
        inner = _element(array)
        if element not in (None, inner):
            return None
        element = inner
    chosen = _common(compatible)
    if compatible and chosen is None:
        return None
    return Generic(element, array, chosen)


def _element(name: str) -> str | None:
    definition = BY_NAME.get(name)
    return None if definition is None else definition.element


def _common(names: list[str]) -> str | None:
    """select_common_type over names; None where there is none."""
    chosen: str | None = None
    for name in names:
        if chosen is None or name == chosen:
            chosen = name
        elif _category(name) != _category(chosen):
            return None
        elif not _preferred(chosen) and can_coerce([chosen], [name], "i") and not can_coerce([name], [chosen], "i"):
            chosen = name
    if chosen is not None and not all(can_coerce([name], [chosen], "i") for name in names):
        return None
    return chosen


def concrete(
    arguments: Sequence[str], result: str, types: Sequence[str], position: int | None
) -> tuple[tuple[str, ...], str]:
    """Argument and result types with polymorphic ones replaced. Raises DatatypeMismatch where nothing decides them."""
    wanted = [*arguments, result]
    if not any(name in POLYMORPHIC for name in wanted):
        return tuple(arguments), result
    generic = _generic(arguments, types)
    assert generic is not None, (arguments, types)
    if generic.compatible is None and any(name.startswith("anycompatible") for name in wanted):
        generic = Generic(generic.element, generic.array, "text")
    made = [_filled(name, generic, position) for name in wanted]
    return tuple(made[:-1]), made[-1]


def _filled(name: str, generic: Generic, position: int | None) -> str:
    if name not in POLYMORPHIC:
        return name
    if name.startswith("anycompatible"):
        assert generic.compatible is not None
        return array_of(SqlType(generic.compatible)).name if name.endswith("array") else generic.compatible
    if generic.element is None:
        raise DatatypeMismatch("could not determine polymorphic type because input has type unknown", position=position)
    if name == "anyarray":
        return generic.array or array_of(SqlType(generic.element)).name
    return generic.element
