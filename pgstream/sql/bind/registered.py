"""Names as OIDs: what 'orders'::regclass and its kin mean in a catalog."""

from pgstream.errors import (
    AmbiguousFunction,
    InvalidName,
    InvalidSchemaName,
    UndefinedFunction,
    UndefinedObject,
    UndefinedTable,
)
from pgstream.functions.registry import AGGREGATES, FUNCTIONS, WINDOW_FUNCTIONS
from pgstream.sql.bind.binding import Binding
from pgstream.types.definition import BY_ALIAS, BY_NAME, SqlType, array_of

_KINDS = ("regclass", "regtype", "regproc", "regnamespace", "regrole")


def is_registered(name: str) -> bool:
    """Whether values of this type are OIDs that are written as names."""
    return name in _KINDS


def registered_oid(binding: Binding, text: str, kind: str) -> int:
    """The OID of the object that `text` names. Raises UndefinedTable and its kin."""
    if kind == "regtype":
        return _type_oid(text)
    parts = split_identifiers(text)
    if kind == "regclass":
        return _relation_oid(binding, parts)
    if kind == "regproc":
        return _function_oid(parts)
    if kind == "regnamespace":
        return binding.catalog.schema(parts[-1]).oid
    if parts[-1] == binding.scope.user:
        return 10
    raise UndefinedObject(f'role "{parts[-1]}" does not exist')


def split_identifiers(text: str) -> list[str]:
    """The parts of a dotted name, unquoted or folded to lower case. Raises InvalidName."""
    parts: list[str] = []
    rest = text.strip()
    while True:
        if rest.startswith('"'):
            end = 1
            while end < len(rest) and (rest[end] != '"' or rest[end + 1 : end + 2] == '"'):
                end += 2 if rest[end] == '"' else 1
            part, rest = rest[1:end].replace('""', '"'), rest[end + 1 :].lstrip()
        else:
            part, dot, tail = rest.partition(".")
            rest = dot + tail
            part = part.strip().lower()
        if not part:
            raise InvalidName("invalid name syntax")
        parts.append(part)
        if not rest:
            return parts
        if not rest.startswith("."):
            raise InvalidName("invalid name syntax")
        rest = rest[1:].lstrip()


def _relation_oid(binding: Binding, parts: list[str]) -> int:
    schema = parts[-2] if len(parts) > 1 else None
    name = parts[-1]
    found = binding.catalog.lookup(schema, name, binding.search_path)
    if found is not None:
        return found.oid
    if schema is not None and schema not in binding.catalog.schema_oids:
        raise InvalidSchemaName(f'schema "{schema}" does not exist')
    raise UndefinedTable(f'relation "{".".join(parts)}" does not exist')


def _type_oid(text: str) -> int:
    spelled = " ".join(text.split())
    name = spelled.removesuffix("[]").strip()
    name = name.removeprefix("pg_catalog.")
    name = name[1:-1] if name.startswith('"') else name.lower()
    name = name.partition("(")[0].strip()
    known = name if name in BY_NAME else BY_ALIAS.get(name)
    if known is None:
        raise UndefinedObject(f'type "{name}" does not exist')
    type = BY_NAME[known]
    if spelled.endswith("[]"):
        return array_of(SqlType(type.name)).oid
    return type.oid


def _function_oid(parts: list[str]) -> int:
    name = parts[-1]
    found = [
        *(made.oid for made in FUNCTIONS.get(name, ())),
        *(made.oid for made in AGGREGATES.get(name, ())),
        *(made.oid for made in WINDOW_FUNCTIONS.get(name, ())),
    ]
    if not found:
        raise UndefinedFunction(f'function "{".".join(parts)}" does not exist')
    if len(found) > 1:
        raise AmbiguousFunction(f'more than one function named "{".".join(parts)}"')
    return found[0]
