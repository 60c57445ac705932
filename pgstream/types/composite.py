"""Composite types: rows with named fields. Python form: the tuple of the fields' Python forms.

Stored as a struct whose fields are called by their number, so that renaming an attribute changes no stored row.
"""

import re
import struct
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import DatatypeMismatch, ProtocolViolation
from pgstream.types.buffers import records_column, valid_rows
from pgstream.types.composite_text import field_texts
from pgstream.types.definition import BY_OID, MADE_OF, Settings, SqlType, TypeDefinition
from pgstream.types.described import Attributes, read_attributes
from pgstream.types.values import parse_text

RECORD_OID, RECORD_ARRAY_OID = 2249, 2287
_STRUCT_OIDS = 0x40000000
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_UNREADABLE = r'^$|["\\(),\s\x0b]'


def fields_of(column: Column) -> list[Column]:
    """The fields of a composite column; NULL where the row itself is."""
    if not column.type.num_fields:
        return []
    return list(column.flatten())


def field_at(column: Column, position: int) -> Column:
    """One field; NULL where the row itself is."""
    field = column.field(position)
    return pc.if_else(column.is_valid(), field, pa.scalar(None, field.type)) if column.null_count else field


def composite_column(fields: Sequence[Column], storage: pa.DataType, valid: Any = None) -> Column:
    """The rows of these fields; NULL where not `valid`."""
    mask = None if valid is None or valid.all() else pa.array(~valid)
    if not fields:
        assert valid is not None, "rows without fields are counted by who is valid"
        return pa.array([{} if known else None for known in valid.tolist()], storage)
    return pa.StructArray.from_arrays(list(fields), fields=list(storage), mask=mask)


def storage_of(attributes: Attributes) -> pa.DataType:
    """How rows of these fields are stored."""
    return pa.struct([pa.field(str(place), type.storage) for place, (_, type) in enumerate(attributes)])


def quoted(name: str) -> str:
    """An identifier as SQL writes it."""
    return name if _PLAIN_NAME.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def told(type: SqlType) -> int:
    """The OID by which clients are told of values of `type`."""
    return type.definition.told_oid or type.oid


FieldReader = Callable[[SqlType, Column], Column]


def _read(text: Column, attributes: Attributes, storage: pa.DataType, read: FieldReader) -> Column:
    rows = [None if word is None else field_texts(word, len(attributes)) for word in text.to_pylist()]
    fields = []
    for place, (_, type) in enumerate(attributes):
        words = pa.array([None if row is None else row[place] for row in rows], pa.string())
        fields.append(with_modifier(read(type.bare(), words), type, False))
    return composite_column(fields, storage, valid_rows(text))


def with_modifier(column: Column, type: SqlType, explicit: bool) -> Column:
    """`column` with the modifier of its type applied."""
    apply = type.definition.apply_typmod
    return column if apply is None or type.typmod < 0 else apply(column, type.typmod, explicit)


def joined(parts: Sequence[Any], separator: str | bytes, like: Column) -> Column:
    """The texts (or bytes) of `parts` side by side; NULL where `like` is."""
    whole = pc.binary_join_element_wise(*parts, separator)
    return pc.if_else(like.is_valid(), whole, pa.scalar(None, whole.type)) if like.null_count else whole


def format_rows(column: Column, attributes: Attributes, settings: Settings) -> Column:
    """`(a,"b c",)`: the texts of the fields, quoted where they must be."""
    if not attributes:
        return pa.array(["()" if known else None for known in valid_rows(column).tolist()], pa.string())
    shown = []
    for field, (_, type) in zip(fields_of(column), attributes, strict=True):
        shown.append(_shown(type.definition.format(field, settings)))
    inner = joined(shown, ",", column)
    return pc.binary_join_element_wise("(", inner, ")", "")


def _shown(texts: Column) -> Column:
    """Fields' texts as a row's text has them."""
    unreadable = pc.fill_null(pc.match_substring_regex(texts, _UNREADABLE), False)
    if pc.any(unreadable).as_py():
        escaped = pc.replace_substring(pc.replace_substring(texts, "\\", "\\\\"), '"', '""')
        texts = pc.if_else(unreadable, pc.binary_join_element_wise('"', escaped, '"', ""), texts)
    return pc.fill_null(texts, "")


def send_rows(column: Column, attributes: Attributes) -> Column:
    """The binary form: the number of fields, then type, length and bytes of each."""
    count = pa.scalar(struct.pack(">i", len(attributes)), pa.binary())
    parts: list[Any] = []
    for field, (_, type) in zip(fields_of(column), attributes, strict=True):
        content = type.definition.send(field).cast(pa.binary())
        heads = np.empty(len(column), [("oid", ">u4"), ("length", ">i4")])
        heads["oid"] = told(type)
        lengths = pc.fill_null(pc.binary_length(content), -1)
        heads["length"] = np.asarray(lengths.to_numpy(zero_copy_only=False))
        parts += [records_column(heads), pc.fill_null(content, b"")]
    if not parts:
        return pa.array([count.as_py() if known else None for known in valid_rows(column).tolist()], pa.binary())
    return joined([count, *parts], b"", column)


def receive_rows(content: Column, attributes: Attributes, storage: pa.DataType) -> Column:
    """Binary rows in. Raises DatatypeMismatch for fields of other types."""
    rows = [None if row is None else _received(row, attributes) for row in content.to_pylist()]
    fields = []
    for place, (_, type) in enumerate(attributes):
        cells = pa.array([None if row is None else row[place] for row in rows], pa.binary())
        fields.append(with_modifier(type.definition.receive(cells, -1), type, False))
    return composite_column(fields, storage, valid_rows(content))


def _received(content: bytes, attributes: Attributes) -> list[bytes | None]:
    try:
        (count,) = struct.unpack_from(">i", content)
        if count != len(attributes):
            raise DatatypeMismatch(f"wrong number of columns: {count}, expected {len(attributes)}")
        at, cells = 4, list[bytes | None]()
        for place, (_, type) in enumerate(attributes, 1):
            oid, length = struct.unpack_from(">Ii", content, at)
            if oid not in (told(type), type.oid):
                raise _wrong_field(oid, type, place)
            at += 8
            cells.append(None if length < 0 else content[at : at + length])
            at += max(length, 0)
    except struct.error:
        raise ProtocolViolation("insufficient data left in message") from None
    if at > len(content):
        raise ProtocolViolation("insufficient data left in message")
    return cells


def _wrong_field(oid: int, type: SqlType, place: int) -> DatatypeMismatch:
    sent = BY_OID[oid].sql_name if oid in BY_OID else "???"
    return DatatypeMismatch(
        f"binary data has type {oid} ({sent}) instead of expected {told(type)} ({type.bare()}) in record column {place}"
    )


def rows_order_key(column: Column, attributes: Attributes) -> Column:
    """Keys: of each field 1 and its own key, or 2 for NULL, which is last."""
    parts: list[Any] = []
    for field, (_, type) in zip(fields_of(column), attributes, strict=True):
        encode = type.definition.order_key
        assert encode is not None
        valid = field.is_valid()
        dense = encode(field.drop_null())
        if field.null_count:
            places = np.cumsum(np.asarray(valid.to_numpy(zero_copy_only=False))) - 1
            dense = (
                dense.take(pa.array(np.maximum(places, 0))) if len(dense) else pa.array([b""] * len(field), pa.binary())
            )
        parts.append(pc.if_else(valid, pc.binary_join_element_wise(b"\1", dense.cast(pa.binary()), b""), b"\2"))
    if not parts:
        return pa.array([b""] * len(column), pa.binary())
    return pc.binary_join_element_wise(*parts, b"")


def _equality(column: Column, attributes: Attributes, storage: pa.DataType) -> Column:
    fields = []
    for field, (_, type) in zip(fields_of(column), attributes, strict=True):
        normalise = type.definition.equality_key
        fields.append(field if normalise is None else normalise(field))
    return composite_column(fields, pa.struct([(str(i), f.type) for i, f in enumerate(fields)]), valid_rows(column))


def _to_python(plain: Any, attributes: Attributes) -> tuple[Any, ...]:
    cells = plain.values() if isinstance(plain, pa.StructScalar) else plain
    kept = (None if isinstance(cell, pa.Scalar) and not cell.is_valid else cell for cell in cells)
    return tuple(
        None if cell is None else type.definition.to_python(cell)
        for cell, (_, type) in zip(kept, attributes, strict=True)
    )


def _from_python(value: Sequence[Any], attributes: Attributes) -> dict[str, Any]:
    return {
        str(place): None if cell is None else type.definition.from_python(cell)
        for place, (cell, (_, type)) in enumerate(zip(value, attributes, strict=True))
    }


def _facts(attributes: Attributes) -> dict[str, Any]:
    """The codec fields of a composite type."""
    storage = storage_of(attributes)
    definitions = [type.definition for _, type in attributes]
    orders = all(definition.order_key is not None for definition in definitions)
    normalised = any(definition.equality_key is not None for definition in definitions)
    facts: dict[str, Any] = {
        "storage": storage,
        "parse": lambda text, typmod: _read(text, attributes, storage, lambda t, words: t.definition.parse(words, -1)),
        "format": lambda column, settings: format_rows(column, attributes, settings),
        "receive": lambda content, typmod: receive_rows(content, attributes, storage),
        "send": lambda column: send_rows(column, attributes),
        "order_key": (lambda column: rows_order_key(column, attributes)) if orders else None,
        "equality_key": (lambda column: _equality(column, attributes, storage)) if normalised else None,
        "to_python": lambda plain: _to_python(plain, attributes),
        "from_python": lambda value: _from_python(value, attributes),
    }
    if any(definition.parse_at is not None for definition in definitions):
        facts["parse_at"] = lambda text, typmod, settings, now_us: _read(
            text, attributes, storage, lambda own, words: parse_text(own, words, settings, now_us)
        )
    return facts


def _definition(name: str, parts: list[Any], **facts: Any) -> TypeDefinition:
    attributes = read_attributes(parts)
    return TypeDefinition(
        name=name, length=-1, align="d", toast="x", attributes=attributes, **facts, **_facts(attributes)
    )


def _identity(parts: list[Any]) -> list[tuple[str, str, int]]:
    """What of attributes computations depend on: what named types among them are called is none of it."""
    attributes = read_attributes(parts)
    return [(own, type.definition.identity or type.name, type.typmod) for own, type in attributes]


def _row(name: str, oid: int, schema: str, own: str, parts: list[Any]) -> TypeDefinition:
    """What CREATE TYPE or a relation declares. The array over it has the next OID."""
    shown = quoted(own) if schema == "public" else f"{quoted(schema)}.{quoted(own)}"
    return _definition(
        name,
        parts,
        sql_name=shown,
        oid=oid,
        array_oid=oid + 1,
        category="C",
        identity=f"row {oid} {_identity(parts)}",
    )


def _struct(name: str, parts: list[Any]) -> TypeDefinition:
    """`STRUCT<a int>`: a type of its own in the catalogs, and a record to clients, whom its fields tell their types."""
    fields = ", ".join(f"{quoted(own)} {type}" for own, type in read_attributes(parts))
    oid = struct_oid(name)
    STRUCTS[oid] = name
    return _definition(
        name,
        parts,
        sql_name=f"struct<{fields}>",
        oid=oid,
        array_oid=oid + 1,
        told_oid=RECORD_OID,
        category="C",
        identity=f"struct {_identity(parts)}",
    )


STRUCTS: dict[int, str] = {}
"""The descriptions of STRUCT types by OID, of those whose OID was told."""


def struct_oid(name: str) -> int:
    """The OID of a struct, which no catalog declares: it follows from the description, and is above all others."""
    return _STRUCT_OIDS + 2 * (int.from_bytes(blake2b(name.encode(), digest_size=4).digest()) >> 3)


def _record(name: str, parts: list[Any]) -> TypeDefinition:
    """`ROW(…)`."""
    return _definition(
        name,
        parts,
        sql_name="record",
        oid=RECORD_OID,
        array_oid=RECORD_ARRAY_OID,
        category="P",
        pseudo=True,
        identity=f"record {_identity(parts)}",
    )


MADE_OF["row"] = _row
MADE_OF["struct"] = _struct
MADE_OF["record"] = _record
