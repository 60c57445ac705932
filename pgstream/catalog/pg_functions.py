"""pg_proc, pg_operator, pg_cast and pg_aggregate: the function registry as relations."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import PG_CATALOG, SUPERUSER
from pgstream.catalog.system import Row, rows_of
from pgstream.catalog.type_names import type_oid
from pgstream.functions.registry import AGGREGATES, CASTS, FUNCTIONS, OPERATORS, WINDOW_FUNCTIONS, EvalContext
from pgstream.types.definition import BY_NAME

INTERNAL_LANGUAGE = 12


@cache
def builtin_procedures() -> tuple[Row, ...]:
    """Functions, aggregates, window functions, and the input and output functions of types."""
    rows: list[Row] = []
    for overloads in FUNCTIONS.values():
        for one in overloads:
            made = _procedure(one.oid, one.name, one.arguments, one.result, "f")
            listed = list(one.arguments)
            if one.variadic:
                listed[-1] = _variadic_array(listed[-1])
            rows.append(
                made
                | {
                    "proargtypes": [type_oid(argument) for argument in listed],
                    "proretset": one.returns_set,
                    "provolatile": one.volatility,
                    "proisstrict": one.strict,
                    "pronargdefaults": one.defaults,
                    "provariadic": _variadic_element(one.arguments[-1]) if one.variadic else 0,
                }
            )
    for aggregates in AGGREGATES.values():
        rows += [_procedure(one.oid, one.name, one.arguments, one.result, "a") for one in aggregates]
    for windows in WINDOW_FUNCTIONS.values():
        rows += [_procedure(one.oid, one.name, one.arguments, one.result, "w") for one in windows]
    with (files("pgstream.catalog") / "io_functions.csv").open(encoding="utf-8") as lines:
        for line in csv.DictReader(lines):
            made = _procedure(int(line["oid"]), line["name"], line["arguments"].split(), line["result"], "f")
            rows.append(made | {"provolatile": line["volatile"], "proisstrict": line["strict"] == "t"})
    return tuple(rows)


def _variadic_array(name: str) -> str:
    """The type of the argument that takes what is left: an array of its elements, or "any"."""
    return f"_{name}" if f"_{name}" in BY_NAME else name


def _variadic_element(name: str) -> int:
    definition = BY_NAME.get(name)
    return type_oid(definition.element) if definition is not None and definition.element else type_oid(name)


def _procedure(oid: int, name: str, arguments: Sequence[str], result: str, kind: str) -> dict[str, object]:
    return {
        "oid": oid,
        "proname": name,
        "pronamespace": PG_CATALOG,
        "proowner": SUPERUSER,
        "prolang": INTERNAL_LANGUAGE,
        "procost": 1.0,
        "prokind": kind,
        "proisstrict": kind == "f",
        "provolatile": "i",
        "proparallel": "s",
        "pronargs": len(arguments),
        "prorettype": type_oid(result),
        "proargtypes": [type_oid(argument) for argument in arguments],
        "prosrc": name,
    }


def _aggregates() -> Iterator[Row]:
    for overloads in AGGREGATES.values():
        for one in overloads:
            yield {
                "aggfnoid": one.oid,
                "aggkind": one.kind,
                "aggnumdirectargs": one.direct,
                "aggfinalmodify": "r",
                "aggmfinalmodify": "r",
            }


@cache
def builtin_operators() -> tuple[Row, ...]:
    """The operators."""
    return tuple(
        {
            "oid": one.oid,
            "oprname": one.name,
            "oprnamespace": PG_CATALOG,
            "oprowner": SUPERUSER,
            "oprkind": "b" if one.left is not None else "l",
            "oprleft": type_oid(one.left or ""),
            "oprright": type_oid(one.right),
            "oprresult": type_oid(one.result),
            "oprcode": one.function.oid,
        }
        for overloads in OPERATORS.values()
        for one in overloads
    )


def _casts() -> Iterator[Row]:
    for number, one in enumerate(CASTS.values()):
        yield {
            "oid": 10000 + number,
            "castsource": type_oid(one.source),
            "casttarget": type_oid(one.target),
            "castfunc": 0 if one.function is None else one.function.oid,
            "castcontext": one.context,
            "castmethod": "b" if one.function is None else "f",
        }


def _none(catalog: Catalog, context: EvalContext) -> Iterable[Row]:
    """Nobody can create any."""
    return ()


for _relation, _rows in (
    ("pg_aggregate", _aggregates),
    ("pg_operator", builtin_operators),
    ("pg_cast", _casts),
):
    rows_of("pg_catalog", _relation, builtin=_rows)(_none)
