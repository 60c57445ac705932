"""Type names of SQL text, and what the binder asks about types."""

from typing import Any

from pgstream.catalog.user_types import type_of as type_of_thing
from pgstream.errors import FeatureNotSupported, InvalidParameterValue, SqlError, SyntaxError42601, UndefinedObject
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.described_types import described_fields, described_type, parts, spelled_type
from pgstream.sql.parse import ast
from pgstream.sql.streaming import described_types
from pgstream.types import SqlType, array_of
from pgstream.types.definition import BY_NAME, DESCRIBED, is_description
from pgstream.types.described import struct_type
from pgstream.types.map import map_type

Node = Any

POLYMORPHIC = frozenset(
    [
        "anyelement",
        "anyarray",
        "anynonarray",
        "anyenum",
        "anyrange",
        "anymultirange",
        "anycompatible",
        "anycompatiblearray",
        "anycompatiblenonarray",
        "anycompatiblerange",
        "anycompatiblemultirange",
    ]
)

_ELSEWHERE = {
    "string": "text", "tinyint": "int2", "mediumint": "int4", "double": "float8", "datetime": "timestamp",
    "bytes": "bytea", "varbinary": "bytea", "timestamp_ltz": "timestamptz", "uint2": "int4", "uint4": "int8",
    "uint8": "numeric", "variant": "jsonb",
}  # fmt: skip
"""Types by the names that other systems have for them and PostgreSQL has not."""

_REFUSED = {"smallserial", "serial", "bigserial", "serial2", "serial4", "serial8"}


def type_of(binding: Binding, node: Node) -> SqlType:
    """The type that a TypeName node spells, with its modifier. Raises UndefinedObject with its position."""
    names = [part.sval for part in node.names]
    position = node.location
    if node.pct_type:
        raise FeatureNotSupported("%TYPE is not supported yet", position=position)
    if len(names) > 1 and names[-2] != "pg_catalog" and names[-2] not in binding.catalog.schema_oids:
        raise UndefinedObject(f'schema "{names[-2]}" does not exist', position=position)
    described = _described(binding, node)
    found = described or _named(binding, names, position)
    if node.typmods and described is None:
        found = SqlType(found.name, _modifier(found, node))
    for _ in (node.arrayBounds or ())[:1]:
        try:
            found = array_of(found)
        except KeyError:
            message = f"could not find array type for data type {found}"
            raise UndefinedObject(message, position=position) from None
    return found


def _named(binding: Binding, names: list[str], position: int) -> SqlType:
    name = names[-1] if len(names) > 1 else _ELSEWHERE.get(names[0], names[0])
    schema = names[-2] if len(names) > 1 else None
    if schema == "pg_catalog" and name in DESCRIBED:
        return SqlType(name)  # so a session spells the types of its parameters
    if schema in (None, "pg_catalog") and name in BY_NAME and not is_description(name):
        return SqlType(name)
    found = _declared(binding, schema, names[-1])
    if found is None:
        shown = ".".join(names[1:] if names[0] == "pg_catalog" and len(names) > 1 else names)
        if name in _REFUSED:
            raise FeatureNotSupported(f"type {name} is not supported yet", position=position)
        raise UndefinedObject(f'type "{shown}" does not exist', position=position)
    return found


def _declared(binding: Binding, schema: str | None, name: str) -> SqlType | None:
    """A type of the catalog, or `_name` for the array over it."""
    catalog, path = binding.catalog, binding.search_path
    thing = catalog.typed(schema, name, path)
    if thing is not None:
        binding.depends.add(thing.oid)
        return type_of_thing(catalog, thing)
    element = catalog.typed(schema, name[1:], path) if name.startswith("_") else None
    if element is None:
        return None
    binding.depends.add(element.oid)
    return array_of(type_of_thing(catalog, element))


def _described(binding: Binding, node: Node) -> SqlType | None:
    """A type that is made of others, as streaming systems spell them; None for any other."""
    if node.names[-1].sval == "map" and len(node.names) == 1 and len(node.typmods or ()) == 2:
        return _map(binding, ", ".join(map(spelled_type, node.typmods)), node.location)
    [inside] = node.typmods if node.typmods is not None and len(node.typmods) == 1 else (None,)
    if len(node.names) != 1 or not isinstance(inside, ast.A_Const) or not isinstance(inside.val, ast.String):
        return None
    kind, text = node.names[0].sval, inside.val.sval
    try:
        match kind:
            case described_types.FIELDS:
                return struct_type((name, type_of(binding, part)) for name, part in described_fields(text))
            case described_types.ENTRIES:
                return _map(binding, text, node.location)
            case described_types.ELEMENTS:
                return array_of(type_of(binding, described_type(text)))
    except SqlError as error:
        raise error.at(node.location) from None
    except KeyError:
        raise FeatureNotSupported("multidimensional arrays are not supported yet", position=node.location) from None
    return None


def _map(binding: Binding, text: str, position: int) -> SqlType:
    try:
        types = [type_of(binding, described_type(part)) for part in parts(text)]
    except SqlError as error:
        error.position = position
        raise
    if len(types) != 2:
        raise SyntaxError42601("a MAP has a type of keys and a type of values")
    if types[0].definition.order_key is None:
        raise InvalidParameterValue(f"keys of a MAP cannot be of type {types[0]}")
    return map_type(*types)


def _modifier(found: SqlType, node: Node) -> int:
    typmod_in = found.definition.typmod_in
    if typmod_in is None:
        raise _not_allowed(found, node)
    arguments = []
    for argument in node.typmods:
        if not isinstance(argument, ast.A_Const) or not isinstance(argument.val, ast.Integer):
            raise InvalidParameterValue("type modifiers must be integer constants", position=node.location)
        arguments.append(argument.val.ival or 0)
    try:
        return typmod_in(tuple(arguments))
    except SqlError as error:
        raise error.at(node.location) from None


def _not_allowed(found: SqlType, node: Node) -> SqlError:
    return SyntaxError42601(f'type modifier is not allowed for type "{found}"', position=node.location)


def category(type: SqlType) -> str:
    """pg_type.typcategory: N number, S string, D date/time, A array, …"""
    return type.definition.category


def is_preferred(type: SqlType) -> bool:
    return type.definition.preferred


def is_array(name: str) -> bool:
    """Whether the type of this name is a true array (not int2vector, which is subscripted like one)."""
    definition = BY_NAME.get(name)
    return definition is not None and definition.element is not None and name.startswith("_")


def is_orderable(type: SqlType) -> bool:
    return type.definition.order_key is not None
