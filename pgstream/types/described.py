"""Types that are made of others. The name of such a type describes it: a JSON list of what makes it one.

    ["row", oid, schema, name, attributes]   what CREATE TYPE or a relation declares; `oid` is its row of pg_type
    ["struct", attributes]                   STRUCT<…>, the same wherever it is spelled alike
    ["record", attributes]                   ROW(…), a record whose fields are known
    ["enum", …]                              CREATE TYPE … AS ENUM: see `types/enum.py`
    ["domain", …]                            CREATE DOMAIN: see `types/domain.py`

Attributes are lists of name, type and modifier. So a type is a value: a catalog, a plan and a stored definition that
mention it know all of it, whatever is declared under its name elsewhere or later.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from pgstream.types.definition import SqlType, is_description

DECLARED = ("row", "enum", "domain")
"""Descriptions of what the catalog has under the OID that comes next in them."""

Attributes = tuple[tuple[str, SqlType], ...]


def row_type(oid: int, schema: str, name: str, attributes: Iterable[tuple[str, SqlType]]) -> SqlType:
    """The composite type that the catalog has under `oid`."""
    return described("row", oid, schema, name, listed(attributes))


def struct_type(attributes: Iterable[tuple[str, SqlType]]) -> SqlType:
    """`STRUCT<a int, …>`."""
    return described("struct", listed(attributes))


def record_type(attributes: Iterable[tuple[str, SqlType]]) -> SqlType:
    """The type of `ROW(…)`."""
    return described("record", listed(attributes))


def attributes_of(type: SqlType) -> Attributes | None:
    """The fields of a composite type; None of any other type."""
    return type.definition.attributes if is_description(type.name) else None


def is_made_in_place(type: SqlType) -> bool:
    """Whether the type is that of a ROW(…), which becomes any composite type of as many fields."""
    return type.name.startswith('["record"')


def respelled(type: SqlType, declared: Callable[[int], SqlType | None]) -> SqlType:
    """`type`, in which what the catalog has under an OID is what `declared` says that it is now."""
    if not is_description(type.name):
        return type
    element = type.name.startswith("_")
    made = _respelled(json.loads(type.name.removeprefix("_")), declared)
    return SqlType(f"_{_spelled(made)}" if element else _spelled(made), type.typmod)


def _respelled(part: list[Any], declared: Callable[[int], SqlType | None]) -> list[Any]:
    if part[0] == "array":
        return ["array", _respelled(part[1], declared)]
    now = declared(part[1]) if part[0] in DECLARED else None
    if now is not None:
        found: list[Any] = json.loads(now.name)
        return found
    if part[0] == "enum":
        return part
    inner = (
        [name, _respelled(kind, declared) if isinstance(kind, list) else kind, mod] for name, kind, mod in part[-1]
    )
    return [*part[:-1], list(inner)]


def is_struct(type: SqlType) -> bool:
    """Whether the type is STRUCT<…>, which no catalog declares."""
    return type.name.startswith('["struct"')


def described_oids(type: SqlType) -> frozenset[int]:
    """The OIDs of the catalog's types that a type is made of, itself included."""
    return _described_oids(type.name) if is_description(type.name) else frozenset()


@lru_cache(4096)
def _described_oids(name: str) -> frozenset[int]:
    return frozenset(part[1] for part in _parts(json.loads(name.removeprefix("_"))) if part[0] in DECLARED)


def outermost_oids(type: SqlType) -> frozenset[int]:
    """As `described_oids`, without the types that those are made of."""
    if not is_description(type.name):
        return frozenset()
    return frozenset(_outermost(json.loads(type.name.removeprefix("_"))))


def _outermost(part: list[Any]) -> Iterator[int]:
    if part[0] in DECLARED:
        yield part[1]
    elif part[0] == "array":
        yield from _outermost(part[1])
    else:
        for _, kind, _ in part[-1]:
            if isinstance(kind, list):
                yield from _outermost(kind)


def declared_name(type: SqlType) -> tuple[str, str]:
    """The schema and name under which pg_type has a type."""
    if not is_description(type.name):
        return "pg_catalog", type.name
    kind, *parts = json.loads(type.name.removeprefix("_"))
    array = "_" if type.name.startswith("_") else ""
    return (parts[1], f"{array}{parts[2]}") if kind in DECLARED else ("public", str(type))


def structs_in(type: SqlType) -> list[SqlType]:
    """The STRUCT<…> and MAP types that a type is made of, itself included."""
    if ('"struct"' not in type.name and '"map"' not in type.name) or not is_description(type.name):
        return []
    parts = _parts(json.loads(type.name.removeprefix("_")))
    return [SqlType(_spelled(part)) for part in parts if part[0] in ("struct", "map")]


def _parts(part: list[Any]) -> Iterator[list[Any]]:
    """A description and those within it."""
    if part[0] == "array":
        yield from _parts(part[1])
        return
    yield part
    for inner in part[-1] if part[0] != "enum" else ():
        if isinstance(inner, list) and len(inner) == 3 and isinstance(inner[1], list):
            yield from _parts(inner[1])


def listed(attributes: Iterable[tuple[str, SqlType]]) -> list[list[Any]]:
    """Attributes as a description has them."""
    return [[name, plain_name(type.name), type.typmod] for name, type in attributes]


def read_attributes(parts: list[list[Any]]) -> Attributes:
    """The attributes that `listed` listed."""
    return tuple((name, SqlType(spelled_name(kind), typmod)) for name, kind, typmod in parts)


def plain_name(name: str) -> Any:
    """The name of a type as a part of a description: what describes itself is a list within it."""
    if not is_description(name):
        return name
    return ["array", json.loads(name[1:])] if name.startswith("_") else json.loads(name)


def spelled_name(part: Any) -> str:
    """The name that `plain_name` was given."""
    if isinstance(part, str):
        return part
    return f"_{_spelled(part[1])}" if part[0] == "array" else _spelled(part)


def described(*parts: Any) -> SqlType:
    """The type of these parts."""
    return SqlType(_spelled(list(parts)))


def _spelled(parts: list[Any]) -> str:
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
