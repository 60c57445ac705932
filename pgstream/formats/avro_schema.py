"""Avro schemas and SQL types: which type a schema's values are, and which schema columns have."""

import json
from collections.abc import Sequence
from typing import Any

from pgstream.errors import FeatureNotSupported, InvalidTableDefinition
from pgstream.formats.format import Field
from pgstream.types.definition import SqlType, array_of
from pgstream.types.described import struct_type
from pgstream.types.domain import below
from pgstream.types.map import entries_of, is_map, map_type

AVRO_TYPES: dict[str, Any] = {
    "bool": "boolean",
    "int2": "int",
    "int4": "int",
    "int8": "long",
    "float4": "float",
    "float8": "double",
    "bytea": "bytes",
    "date": {"type": "int", "logicalType": "date"},
    "timestamp": {"type": "long", "logicalType": "local-timestamp-micros"},
    "timestamptz": {"type": "long", "logicalType": "timestamp-micros"},
}
"""What columns are written as; all other types as strings, in PostgreSQL's text."""

SQL_TYPES = {
    "boolean": "bool", "int": "int4", "long": "int8", "float": "float4", "double": "float8", "bytes": "bytea",
    "string": "text", "enum": "text", "fixed": "bytea", "record": "jsonb", "map": "jsonb",
}  # fmt: skip
LOGICAL_TYPES = {
    "decimal": "numeric", "uuid": "uuid", "date": "date", "time-millis": "time", "time-micros": "time",
    "timestamp-millis": "timestamptz", "timestamp-micros": "timestamptz", "local-timestamp-millis": "timestamp",
    "local-timestamp-micros": "timestamp",
}  # fmt: skip


def fastavro() -> Any:
    """The package fastavro. Raises FeatureNotSupported where it is not installed."""
    try:
        import fastavro
        import fastavro.schema
    except ImportError:
        raise FeatureNotSupported(
            "Avro needs the package fastavro", hint="Install it with: pip install 'pgstream[avro]'"
        ) from None
    return fastavro


def parsed_schema(text: str | bytes) -> Any:
    """A schema as fastavro knows it. Raises InvalidTableDefinition."""
    package = fastavro()
    try:
        return package.parse_schema(json.loads(text))
    except (ValueError, KeyError, package.schema.SchemaParseException, package.schema.UnknownType) as error:
        raise InvalidTableDefinition(f"invalid Avro schema: {error}") from None


def schema_of(fields: Sequence[Field], name: str = "row") -> dict[str, Any]:
    """The schema of rows of these columns, any of which may be NULL. Records within it are named after their place."""
    columns = [
        {"name": field.name, "type": ["null", avro_type(field.type, f"{name}_{place}")], "default": None}
        for place, field in enumerate(fields, 1)
    ]
    return {"type": "record", "name": name, "namespace": "pgstream", "fields": columns}


def avro_type(type: SqlType, name: str) -> Any:
    """What values of a type are written as; a record is called `name`."""
    if type.element is not None:
        return {"type": "array", "items": ["null", avro_type(type.element, name)]}
    if is_map(type):
        return {"type": "map", "values": ["null", avro_type(entries_of(type)[1], name)]}
    attributes = type.definition.attributes
    if attributes is not None:
        return schema_of([Field(*one) for one in attributes], name)
    return AVRO_TYPES.get(below(type).name, "string")


def columns_of(schema: Any) -> tuple[Field, ...]:
    """The columns of a record's schema. Raises InvalidTableDefinition for a schema of anything else."""
    if not isinstance(schema, dict) or schema.get("type") not in ("record", "error"):
        raise InvalidTableDefinition("an Avro schema of a record is expected")
    return tuple(Field(field["name"], sql_type(field["type"])) for field in schema["fields"])


def sql_type(schema: Any) -> SqlType:
    """The type of a schema's values; a union of several is jsonb."""
    if isinstance(schema, list):
        others = [part for part in schema if part != "null"]
        return sql_type(others[0]) if len(others) == 1 else SqlType("jsonb")
    if isinstance(schema, str):
        return SqlType(SQL_TYPES.get(schema, "jsonb"))
    logical = LOGICAL_TYPES.get(schema.get("logicalType", ""))
    if logical is not None:
        return SqlType(logical)
    if schema["type"] == "record":
        return struct_type((field["name"], sql_type(field["type"])) for field in schema["fields"])
    if schema["type"] == "array":
        element = sql_type(schema["items"])
        return SqlType("jsonb") if element.element is not None or element.name == "jsonb" else array_of(element)
    if schema["type"] == "map":
        return map_type(SqlType("text"), sql_type(schema["values"]))
    return sql_type(schema["type"])
