"""The SQL names of types: those of PostgreSQL, declared here or not, and the row types of relations."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.definitions import quoted
from pgstream.catalog.identifiers import split_identifiers
from pgstream.catalog.objects import Relation, UserType
from pgstream.errors import InvalidSchemaName, SyntaxError42601, UndefinedObject
from pgstream.types.composite import STRUCTS
from pgstream.types.definition import BY_ALIAS, BY_NAME, BY_OID, SqlType

_SPELLED_CHAR = ("char", "bpchar")
"""`char` without quotes is SQL's character, not the one-byte type of that name."""

_MODIFIER = re.compile(r"\(([^()]*)\)")


@dataclass(frozen=True, slots=True)
class _Listed:
    name: str
    element: int


@cache
def _listed() -> dict[int, _Listed]:
    with (files("pgstream.catalog") / "pg_type.csv").open(encoding="utf-8") as lines:
        return {
            int(line["oid"]): _Listed(line["typname"], int(line["typelem"]) if line["typcategory"] == "A" else 0)
            for line in csv.DictReader(lines)
        }


@cache
def type_oids() -> dict[str, int]:
    """OIDs of PostgreSQL's types by name, declared here or not."""
    named = {listed.name: oid for oid, listed in _listed().items()}
    return named | {name: definition.oid for name, definition in BY_NAME.items()}


def type_oid(name: str) -> int:
    """The OID of the type that a signature calls `name`; 0 where there is none."""
    return type_oids().get(name, 0)


def type_text(catalog: Catalog, path: Sequence[str], oid: int, typmod: int = -1) -> str | None:
    """A type's SQL name with its modifier, as format_type prints it; None for an OID that is no type's."""
    if oid in BY_OID:
        return str(SqlType(BY_OID[oid].name, typmod))
    listed = _listed().get(oid)
    if listed is not None:
        if listed.element and listed.name.startswith("_"):
            return f"{type_text(catalog, path, listed.element, typmod)}[]"
        return quoted(listed.name)
    for offset, suffix in ((0, ""), (1, "[]")):
        if oid - offset in STRUCTS:
            return f"{SqlType(STRUCTS[oid - offset])}{suffix}"
    for offset, suffix in ((1, ""), (2, "[]")):
        thing = catalog.objects.get(oid - offset)
        if isinstance(thing, Relation | UserType):
            return _row_type(catalog, path, thing) + suffix
    return None


def _row_type(catalog: Catalog, path: Sequence[str], thing: Relation | UserType) -> str:
    found = catalog.typed(None, thing.name, path)
    if (found is not None and found.oid == thing.oid) and thing.name not in type_oids():
        return quoted(thing.name)
    return f"{quoted(catalog.schema_name(thing.schema_oid))}.{quoted(thing.name)}"


def type_oid_of(catalog: Catalog, path: Sequence[str], text: str) -> int:
    """The OID of the type that `text` spells, as SQL would: modifiers are read over. Raises UndefinedObject."""
    spelled = " ".join(text.split())
    if not spelled:
        raise SyntaxError42601(f'invalid type name "{text}"')
    bare = " ".join(_MODIFIER.sub(" ", spelled).split())
    dimensions = 0
    while bare.endswith("]"):
        bare, dimensions = bare[: bare.rindex("[")].strip(), dimensions + 1
    oid = _element_oid(catalog, path, bare, spelled)
    return oid if not dimensions else _array_oid(catalog, oid, spelled)


def _element_oid(catalog: Catalog, path: Sequence[str], bare: str, spelled: str) -> int:
    spelled_name, meant = _SPELLED_CHAR
    if bare.lower() == spelled_name:
        return BY_NAME[meant].oid
    alias = BY_ALIAS.get(bare.lower())
    if alias is not None and not bare.startswith('"'):
        return BY_NAME[alias].oid
    parts = split_identifiers(bare)
    schema = parts[-2] if len(parts) > 1 else None
    if schema is not None and schema not in catalog.schema_oids:
        raise InvalidSchemaName(f'schema "{schema}" does not exist')
    known = type_oids().get(parts[-1])
    if known is not None and schema in (None, "pg_catalog"):
        return known
    for offset, name in ((1, parts[-1]), (2, parts[-1].removeprefix("_"))):
        if offset == 2 and not parts[-1].startswith("_"):
            continue
        found = catalog.typed(schema, name, path)
        if found is not None:
            return found.oid + offset
    raise UndefinedObject(f'type "{spelled}" does not exist')


def _array_oid(catalog: Catalog, oid: int, spelled: str) -> int:
    if oid in BY_OID and BY_OID[oid].array_oid:
        return BY_OID[oid].array_oid
    for array, listed in _listed().items():
        if listed.element == oid and listed.name.startswith("_"):
            return array
    if oid - 1 in catalog.objects:
        return oid + 1
    raise UndefinedObject(f'type "{spelled}" does not exist')
