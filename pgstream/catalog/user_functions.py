"""The user's functions, as pg_proc and the functions that describe functions show them."""

from collections.abc import Iterator, Sequence

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.definitions import quoted
from pgstream.catalog.objects import SUPERUSER, Argument, SqlFunction
from pgstream.catalog.pg_functions import builtin_procedures
from pgstream.catalog.system import Row, rows_of
from pgstream.functions.registry import EvalContext

SQL_LANGUAGE = 14


def user_function(catalog: Catalog, oid: int) -> SqlFunction | None:
    """The user's function of that OID."""
    thing = catalog.objects.get(oid)
    return thing if isinstance(thing, SqlFunction) else None


@rows_of("pg_catalog", "pg_proc", builtin=builtin_procedures)
def pg_proc(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Functions: those that are built in, then the user's."""
    for thing in catalog.in_order():
        if isinstance(thing, SqlFunction):
            yield _procedure(catalog, thing)


def _procedure(catalog: Catalog, function: SqlFunction) -> Row:
    inputs, every = function.inputs, function.arguments
    plain = len(inputs) == len(every)
    named = any(each.name for each in every)
    return {
        "oid": function.oid,
        "proname": function.routine,
        "pronamespace": function.schema_oid,
        "proowner": SUPERUSER,
        "prolang": SQL_LANGUAGE,
        "procost": function.cost,
        "prorows": function.rows,
        "prokind": "f",
        "prosecdef": function.definer,
        "proleakproof": function.leakproof,
        "proisstrict": function.strict,
        "proretset": function.returns_set,
        "provolatile": function.volatility,
        "proparallel": function.parallel,
        "pronargs": len(inputs),
        "pronargdefaults": sum(each.default is not None for each in inputs),
        "prorettype": result_oid(catalog, function),
        "proargtypes": [each.type.definition.oid for each in inputs],
        "proallargtypes": None if plain else [each.type.definition.oid for each in every],
        "proargmodes": None if plain else [each.mode for each in every],
        "proargnames": [each.name for each in every] if named else None,
        "prosrc": "" if function.atomic else function.body,
    }


def result_oid(catalog: Catalog, function: SqlFunction) -> int:
    """The OID of the type of a function's value."""
    if function.returns:
        for oid in function.depends:
            thing = catalog.objects[oid]
            if thing.name == function.returns:
                return oid + 1
    return function.type.definition.oid


def arguments_text(function: SqlFunction, *, defaults: bool = True, results: bool = False) -> str:
    """`a integer, b text DEFAULT 'x'::text`."""
    return ", ".join(
        _argument(each, defaults) for each in function.arguments if each.mode in "ibv" or (results and each.mode == "o")
    )


def _argument(each: Argument, defaults: bool) -> str:
    mode = {"b": "INOUT ", "o": "OUT "}.get(each.mode, "")
    name = f"{quoted(each.name)} " if each.name else ""
    default = f" DEFAULT {each.default}" if defaults and each.default is not None else ""
    return f"{mode}{name}{each.type}{default}"


def result_text(function: SqlFunction) -> str:
    """`integer`, `SETOF t` or `TABLE(a integer, b text)`."""
    table = [each for each in function.arguments if each.mode == "t"]
    if table:
        return f"TABLE({_columns(table)})"
    shown = function.returns or str(function.type)
    return f"SETOF {shown}" if function.returns_set else shown


def _columns(columns: Sequence[Argument]) -> str:
    return ", ".join(f"{quoted(each.name)} {each.type}" for each in columns)


def function_definition(catalog: Catalog, function: SqlFunction) -> str:
    """The CREATE FUNCTION statement that makes a function."""
    schema = quoted(catalog.schema_name(function.schema_oid))
    arguments = arguments_text(function, results=True)
    text = (
        f"CREATE OR REPLACE FUNCTION {schema}.{quoted(function.routine)}({arguments})\n"
        f" RETURNS {result_text(function)}\n LANGUAGE sql\n"
    )
    traits = _traits(function)
    text += f" {traits}\n" if traits else ""
    if function.atomic:
        return f"{text}{_atomic(function)}\n"
    quote = "$function$"
    while quote in function.body:
        quote = quote[:-1] + "x$"
    return f"{text}AS {quote}{function.body}{quote}\n"


def _atomic(function: SqlFunction) -> str:
    body = function.body
    bare = body.removeprefix("SELECT ")
    if function.columns or function.returns_set or " FROM " in body:
        return f"BEGIN ATOMIC\n {body};\nEND"
    return f"RETURN {bare}"


def _traits(function: SqlFunction) -> str:
    words = {"i": "IMMUTABLE", "s": "STABLE"}.get(function.volatility, "")
    parallel = {"s": "PARALLEL SAFE", "r": "PARALLEL RESTRICTED"}.get(function.parallel, "")
    cost = "" if function.cost == 100 else f"COST {function.cost:g}"
    rows = f"ROWS {function.rows:g}" if function.returns_set and function.rows != 1000 else ""
    parts = [
        words, parallel, "STRICT" * function.strict, "SECURITY DEFINER" * function.definer,
        "LEAKPROOF" * function.leakproof, cost, rows,
    ]  # fmt: skip
    return " ".join(part for part in parts if part)
