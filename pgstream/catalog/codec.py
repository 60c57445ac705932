"""Catalog objects as JSON, the form in which the store keeps them.

The JSON of an object is its fields by name, with nested values tagged by their class, so that a field added later
with a default reads back from older stores.
"""

import json
from dataclasses import fields
from typing import Any

from pgstream.catalog.objects import (
    Argument,
    CatalogObject,
    Check,
    Comment,
    CompositeType,
    DomainType,
    EnumLabel,
    EnumType,
    Feed,
    ForeignKey,
    Index,
    IndexColumn,
    MaterializedView,
    PrimaryKey,
    Schema,
    Sequence,
    Sink,
    Source,
    SqlFunction,
    Subscription,
    Table,
    TableColumn,
    View,
    Watermark,
)
from pgstream.catalog.shared import Connection, Named, Secret
from pgstream.types.definition import SqlType

CLASSES: dict[str, Any] = {
    cls.__name__: cls
    for cls in (
        CompositeType,
        DomainType,
        EnumLabel,
        EnumType,
        Argument,
        Check,
        Comment,
        Connection,
        Feed,
        ForeignKey,
        Index,
        IndexColumn,
        MaterializedView,
        Named,
        PrimaryKey,
        Schema,
        Secret,
        Sequence,
        Sink,
        Source,
        SqlFunction,
        SqlType,
        Subscription,
        Table,
        TableColumn,
        View,
        Watermark,
    )
}


def encode(thing: CatalogObject) -> bytes:
    """`thing` as JSON, the same bytes for equal objects."""
    return json.dumps(_plain(thing), ensure_ascii=False, sort_keys=True).encode()


def decode(text: bytes) -> CatalogObject:
    """The object whose JSON this is."""
    thing: CatalogObject = _object(json.loads(text))
    return thing


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, frozenset):
        return {"set": sorted(value)}
    if type(value).__name__ in CLASSES:
        kept = (field for field in fields(value) if field.metadata.get("stored", True))
        return {"class": type(value).__name__, **{field.name: _plain(getattr(value, field.name)) for field in kept}}
    return value


def _object(plain: Any) -> Any:
    if isinstance(plain, list):
        return tuple(_object(item) for item in plain)
    if isinstance(plain, dict):
        if "set" in plain:
            return frozenset(plain["set"])
        kind = CLASSES[plain.pop("class")]
        return kind(**{name: _object(item) if type(item) in (list, dict) else item for name, item in plain.items()})
    return plain
