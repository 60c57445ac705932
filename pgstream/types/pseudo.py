"""Types that no stored column has: void, record, the polymorphic types, and those of internal signatures."""

from typing import Any

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import FeatureNotSupported
from pgstream.types.definition import SqlType, TypeDefinition, declare
from pgstream.types.integer import plain_value, same
from pgstream.types.record import STORAGE as RECORD_STORAGE
from pgstream.types.record import format_record
from pgstream.types.string import format_text, send_text


def refusing(verb: str, name: str) -> Any:
    """A codec that raises: PostgreSQL does not read or print this type either."""

    def refuse(*_: Any) -> Column:
        raise FeatureNotSupported(f"cannot {verb} a value of type {name}")

    return refuse


def pseudo_type(name: str, oid: int, array_oid: int = 0, **facts: Any) -> SqlType:
    """Declares a pseudo type without input or output, except for what `facts` say."""
    fields: dict[str, Any] = {
        "sql_name": name,
        "storage": pa.null(),
        "length": 4,
        "by_value": True,
        "parse": refusing("accept", name),
        "format": refusing("display", name),
        "receive": refusing("accept", name),
        "send": refusing("display", name),
        "order_key": None,
        "to_python": plain_value,
        "from_python": same,
        **facts,
    }
    return declare(TypeDefinition(name=name, oid=oid, array_oid=array_oid, category="P", pseudo=True, **fields))


def nothing(column: Column, *_: Any) -> Column:
    """void's text and binary form: empty."""
    return pa.array([""] * len(column), pa.string())


VOID = pseudo_type(
    "void",
    2278,
    parse=lambda text, typmod: pa.nulls(len(text)),
    format=nothing,
    receive=lambda content, typmod: pa.nulls(len(content)),
    send=lambda column: send_text(nothing(column)),
)
RECORD = pseudo_type(
    "record",
    2249,
    2287,
    length=-1,
    by_value=False,
    align="d",
    toast="x",
    storage=RECORD_STORAGE,
    format=format_record,
)
ANY = pseudo_type("any", 2276, sql_name='"any"')
ANYARRAY = pseudo_type(
    "anyarray",
    2277,
    length=-1,
    by_value=False,
    align="d",
    toast="x",
    storage=pa.string(),
    format=format_text,
    send=send_text,
)
ANYELEMENT = pseudo_type("anyelement", 2283)
ANYNONARRAY = pseudo_type("anynonarray", 2776)
ANYENUM = pseudo_type("anyenum", 3500)
ANYRANGE = pseudo_type("anyrange", 3831, length=-1, by_value=False, align="d", toast="x")
ANYMULTIRANGE = pseudo_type("anymultirange", 4537, length=-1, by_value=False, align="d", toast="x")
ANYCOMPATIBLE = pseudo_type("anycompatible", 5077)
ANYCOMPATIBLEARRAY = pseudo_type("anycompatiblearray", 5078, length=-1, by_value=False, align="d", toast="x")
ANYCOMPATIBLENONARRAY = pseudo_type("anycompatiblenonarray", 5079)
ANYCOMPATIBLERANGE = pseudo_type("anycompatiblerange", 5080, length=-1, by_value=False, align="d", toast="x")
ANYCOMPATIBLEMULTIRANGE = pseudo_type("anycompatiblemultirange", 4538, length=-1, by_value=False, align="d", toast="x")
INTERNAL = pseudo_type("internal", 2281, length=8, align="d")
TRIGGER = pseudo_type("trigger", 2279)
EVENT_TRIGGER = pseudo_type("event_trigger", 3838)
LANGUAGE_HANDLER = pseudo_type("language_handler", 2280)
