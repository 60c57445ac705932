"""has_table_privilege and its kin: every role is a superuser, so what exists is allowed.

Objects and roles must exist and privileges be spelled right all the same.
"""

from collections.abc import Callable
from typing import cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.names import Names
from pgstream.catalog.objects import Schema
from pgstream.catalog.pg_server import database_oids, role_oids, session_of
from pgstream.delta import Column
from pgstream.errors import InvalidCatalogName, InvalidParameterValue, UndefinedColumn, UndefinedObject
from pgstream.functions.registry import STABLE, BoundCall, function

TABLE = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "RULE")
COLUMN = ("SELECT", "INSERT", "UPDATE", "REFERENCES")
PRIVILEGES: dict[str, tuple[str, ...]] = {
    "table": TABLE,
    "any_column": COLUMN,
    "sequence": ("USAGE", "SELECT", "UPDATE"),
    "schema": ("CREATE", "USAGE"),
    "database": ("CREATE", "TEMPORARY", "TEMP", "CONNECT"),
    "function": ("EXECUTE",),
    "type": ("USAGE",),
    "language": ("USAGE",),
    "server": ("USAGE",),
    "foreign_data_wrapper": ("USAGE",),
    "tablespace": ("CREATE",),
}
"""The privileges on each kind of object."""

_KINDS = {"table": "regclass", "any_column": "regclass", "sequence": "regclass", "function": "regprocedure"}


def _require_privileges(listed: str, known: tuple[str, ...]) -> None:
    for one in listed.split(","):
        if one.strip().upper().removesuffix(" WITH GRANT OPTION").strip() not in known:
            raise InvalidParameterValue(f'unrecognized privilege type: "{one.strip()}"')


def _require_role(call: BoundCall, role: str | int) -> None:
    known = role_oids(session_of(call.context).user)
    if isinstance(role, str) and role not in known and role != "public":
        raise UndefinedObject(f'role "{role}" does not exist')


def _exists(call: BoundCall, what: str, thing: str | int) -> bool | None:
    """Whether the object is there: None where its OID is nobody's; a name that is nobody's raises."""
    catalog = cast(Catalog, call.context.catalog)
    if isinstance(thing, int):
        if what in ("table", "any_column"):
            return None if catalog.describes(thing) is None else True
        if what == "schema":
            return True if isinstance(catalog.objects.get(thing), Schema) else None
        return True
    if what == "schema":
        catalog.schema(thing)
    elif what == "database":
        if thing not in database_oids(session_of(call.context)):
            raise InvalidCatalogName(f'database "{thing}" does not exist')
    elif what in _KINDS or what == "type":
        Names.of(call.context).oid(_KINDS.get(what, "regtype"), thing)
    return True


def _kernel(what: str, with_role: bool) -> Callable[..., bool | None]:
    def allowed(call: BoundCall, *arguments: str | int) -> bool | None:
        if with_role:
            _require_role(call, arguments[0])
        thing, listed = arguments[-2:]
        found = _exists(call, what, thing)
        _require_privileges(str(listed), PRIVILEGES[what])
        return found

    return allowed


def _column_kernel(with_role: bool) -> Callable[..., bool | None]:
    def allowed(call: BoundCall, *arguments: str | int) -> bool | None:
        if with_role:
            _require_role(call, arguments[0])
        table, column, listed = arguments[-3:]
        names = Names.of(call.context)
        thing = names.catalog.describes(names.oid("regclass", table) if isinstance(table, str) else table)
        if thing is None:
            return None
        if isinstance(column, str) and column not in [one.name for one in getattr(thing, "columns", ())]:
            raise UndefinedColumn(f'column "{column}" of relation "{thing.name}" does not exist')
        _require_privileges(str(listed), COLUMN)
        return True if isinstance(column, str) or column <= len(thing.columns) else None

    return allowed


_DOC = "Whether a role may do this: True, as every role is a superuser."
for _what in PRIVILEGES:
    for _object in ("oid", "text"):
        for _role in ("", "name, ", "oid, "):
            function(
                f"has_{_what}_privilege({_role}{_object}, text) -> bool",
                volatility=STABLE,
                rowwise=True,
                bound=True,
                doc=_DOC,
            )(_kernel(_what, bool(_role)))
for _object in ("oid", "text"):
    for _column in ("int2", "text"):
        for _role in ("", "name, ", "oid, "):
            function(
                f"has_column_privilege({_role}{_object}, {_column}, text) -> bool",
                volatility=STABLE,
                rowwise=True,
                bound=True,
                doc=_DOC,
            )(_column_kernel(bool(_role)))


def _has_role(call: BoundCall, *arguments: str | int) -> bool:
    for role in arguments[:-1]:
        _require_role(call, role)
    _require_privileges(str(arguments[-1]), ("MEMBER", "USAGE"))
    return True


for _arguments in (
    "oid, text",
    "name, text",
    "name, name, text",
    "name, oid, text",
    "oid, name, text",
    "oid, oid, text",
):
    function(f"pg_has_role({_arguments}) -> bool", volatility=STABLE, rowwise=True, bound=True, doc=_DOC)(_has_role)


@function("row_security_active(oid) -> bool", volatility=STABLE, rowwise=True, oid=3298)
def row_security_active(oid: int) -> bool:
    """False: there are no row security policies."""
    return False


_DEFAULTS = {
    "c": ("", ""), "r": ("", "arwdDxt"), "s": ("", "rwU"), "d": ("Tc", "CTc"), "f": ("X", "X"), "l": ("U", "U"),
    "L": ("", "rw"), "n": ("", "UC"), "p": ("", "sA"), "t": ("", "C"), "F": ("", "U"), "S": ("", "U"), "T": ("U", "U"),
}  # fmt: skip
"""By kind of object, the privileges that everybody and the owner have unless changed."""

_LETTERS = {
    "a": "INSERT", "r": "SELECT", "w": "UPDATE", "d": "DELETE", "D": "TRUNCATE", "x": "REFERENCES", "t": "TRIGGER",
    "X": "EXECUTE", "U": "USAGE", "C": "CREATE", "T": "TEMPORARY", "c": "CONNECT", "s": "SET", "A": "ALTER SYSTEM",
}  # fmt: skip


@function("acldefault(char, oid) -> _aclitem", rowwise=True, bound=True, volatility=STABLE, oid=3943)
def acldefault(call: BoundCall, kind: str, owner: int) -> list[str]:
    """The privileges that an object of a kind has unless they are changed."""
    if kind not in _DEFAULTS:
        raise InvalidParameterValue(f"unrecognized objtype abbreviation: {kind}")
    everybody, own = _DEFAULTS[kind]
    names = {oid: name for name, oid in role_oids(session_of(call.context).user).items()}
    role = names.get(owner, str(owner))
    return [f"{who}={letters}/{role}" for who, letters in (("", everybody), (role, own)) if letters]


@function(
    "aclexplode(_aclitem) -> TABLE(grantor oid, grantee oid, privilege_type text, is_grantable bool)",
    bound=True,
    volatility=STABLE,
    oid=1689,
)
def aclexplode(call: BoundCall, lists: Column) -> tuple[NDArray[np.int64], tuple[Column, ...]]:
    """One row for each privilege in a list of them."""
    known = role_oids(session_of(call.context).user)
    found: list[tuple[int, int, int, str, bool]] = []
    for row, items in enumerate(lists.to_pylist()):
        for item in items or ():
            grantee, _, rest = item.partition("=")
            letters, _, grantor = rest.partition("/")
            for at, letter in enumerate(letters):
                if letter != "*":
                    grantable = letters[at + 1 : at + 2] == "*"
                    found.append((row, known.get(grantor, 0), known.get(grantee, 0), _LETTERS[letter], grantable))
    columns = list(zip(*found, strict=True)) or [(), (), (), (), ()]
    types = (pa.int64(), pa.int64(), pa.string(), pa.bool_())
    made = tuple(pa.array(values, type) for values, type in zip(columns[1:], types, strict=True))
    return np.array(columns[0], np.int64), made
