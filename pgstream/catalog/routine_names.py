"""Names and signatures of functions and operators, by OID and back."""

from collections.abc import Sequence
from functools import cache

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.definitions import quoted
from pgstream.catalog.pg_functions import builtin_operators, builtin_procedures
from pgstream.catalog.system import Row
from pgstream.catalog.type_names import type_text
from pgstream.errors import AmbiguousFunction, InvalidSchemaName, UndefinedFunction

_NOTHING = Catalog.new()


@cache
def procedures() -> dict[int, Row]:
    """The rows of pg_proc by OID."""
    return {row["oid"]: row for row in builtin_procedures()}


@cache
def _procedures_by_name() -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in procedures().values():
        found.setdefault(row["proname"], []).append(row)
    return found


@cache
def _operators() -> dict[int, Row]:
    return {row["oid"]: row for row in builtin_operators()}


@cache
def _operators_by_name() -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in _operators().values():
        found.setdefault(row["oprname"], []).append(row)
    return found


def _types(oids: Sequence[int]) -> str:
    return ",".join(type_text(_NOTHING, (), oid) or "-" if oid else "NONE" for oid in oids)


def procedure_name(oid: int, *, arguments: bool) -> str | None:
    """A function as regproc prints it, or with `arguments` as regprocedure does."""
    row = procedures().get(oid)
    if row is None:
        return None
    name = quoted(row["proname"])
    if arguments:
        return f"{name}({_types(row['proargtypes'])})"
    return name if len(_procedures_by_name()[row["proname"]]) == 1 else f"pg_catalog.{name}"


def operator_name(oid: int, *, arguments: bool) -> str | None:
    """An operator as regoper prints it, or with `arguments` as regoperator does."""
    row = _operators().get(oid)
    if row is None:
        return None
    name: str = row["oprname"]
    if arguments:
        return f"{name}({_types((row['oprleft'], row['oprright']))})"
    return name if len(_operators_by_name()[name]) == 1 else f"pg_catalog.{name}"


def procedure_oid(parts: Sequence[str], arguments: tuple[int, ...] | None, text: str) -> int:
    """The function of that name, and of these argument types if given. Raises UndefinedFunction."""
    found = _in_catalog(_procedures_by_name(), parts)
    if arguments is not None:
        found = [row for row in found if tuple(row["proargtypes"]) == arguments]
    if not found:
        raise UndefinedFunction(f'function "{text}" does not exist')
    if len(found) > 1:
        raise AmbiguousFunction(f'more than one function named "{text}"')
    return int(found[0]["oid"])


def operator_oid(parts: Sequence[str], arguments: tuple[int, ...] | None, text: str) -> int:
    """The operator of that name, and of these operand types if given. Raises UndefinedFunction."""
    found = _in_catalog(_operators_by_name(), parts)
    if arguments is not None:
        found = [row for row in found if (row["oprleft"], row["oprright"]) == arguments]
    if not found:
        raise UndefinedFunction(f"operator does not exist: {text}")
    if len(found) > 1:
        raise AmbiguousFunction(f"more than one operator named {text}")
    return int(found[0]["oid"])


def _in_catalog(rows: dict[str, list[Row]], parts: Sequence[str]) -> list[Row]:
    if len(parts) > 1 and parts[-2] not in ("pg_catalog", "public", "information_schema"):
        raise InvalidSchemaName(f'schema "{parts[-2]}" does not exist')
    return rows.get(parts[-1], []) if len(parts) == 1 or parts[-2] == "pg_catalog" else []
