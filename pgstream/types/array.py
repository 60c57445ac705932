"""Arrays of one dimension, derived from their element type. Python form: list of the elements' Python forms."""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import DatatypeMismatch, FeatureNotSupported, InvalidBinaryRepresentation, ProtocolViolation
from pgstream.types.array_text import array_text, element_texts
from pgstream.types.buffers import bitmap, number_column, valid_rows
from pgstream.types.definition import ARRAYS, BY_OID, Settings, SqlType, TypeDefinition, declare

ElementParser = Callable[[Column], Column]

TOLD_ARRAYS = {2249: 2287}
"""The array that clients are told of, where its elements' type is told as another: record[] for records."""


def list_column(lists: list[list[Any] | None], flat: Column, like: Column) -> Column:
    """The list column over `flat`, with the lengths of `lists`, NULL where `like` is."""
    lengths = [0 if elements is None else len(elements) for elements in lists]
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int32)
    buffers = [bitmap(like), pa.py_buffer(offsets)]
    return pa.Array.from_buffers(pa.list_(flat.type), len(lists), buffers, children=[flat])


def with_elements(column: Column, flat: Column) -> Column:
    """`column` with its flattened values replaced by `flat`."""
    offsets = number_column(pa.int32(), column.offsets.to_numpy() - column.offsets[0].as_py())
    buffers = [bitmap(column), offsets.buffers()[1]]
    return pa.Array.from_buffers(pa.list_(flat.type), len(column), buffers, children=[flat])


def elements_of(column: Column) -> Column:
    """All elements of all rows, NULL rows' hidden ones included, so that offsets fit."""
    if not len(column):
        return column.values[:0]
    return column.values[column.offsets[0].as_py() : column.offsets[-1].as_py()]


def rows_of(column: Column, flat: list[Any]) -> list[list[Any] | None]:
    """`flat` cut into the rows of `column`; None where NULL."""
    if not len(column):
        return []
    offsets = (column.offsets.to_numpy() - column.offsets[0].as_py()).tolist()
    valid = valid_rows(column)
    return [flat[offsets[i] : offsets[i + 1]] if valid[i] else None for i in range(len(column))]


def parse_arrays(text: Column, parse: ElementParser) -> Column:
    """Array texts, whose elements all go through `parse` as one column."""
    lists = [None if word is None else element_texts(word) for word in text.to_pylist()]
    flat = pa.array([element for elements in lists if elements for element in elements], pa.string())
    return list_column(lists, parse(flat), text)


def format_arrays(column: Column, element: TypeDefinition, settings: Settings) -> Column:
    """Array texts."""
    rows = rows_of(column, element.format(elements_of(column), settings).to_pylist())
    return pa.array([None if row is None else array_text(row) for row in rows], pa.string())


def send_arrays(column: Column, element: TypeDefinition, lower_bound: int = 1, never_empty: bool = False) -> Column:
    """Binary arrays: dimensions, has-NULL flag, element oid, (length, lower bound), then length and bytes of each."""
    rows = rows_of(column, element.send(elements_of(column)).cast(pa.binary()).to_pylist())
    results: list[bytes | None] = []
    for row in rows:
        if row is None:
            results.append(None)
            continue
        parts = [struct.pack(">iiI", 1 if row or never_empty else 0, int(None in row), element.oid)]
        if row or never_empty:
            parts.append(struct.pack(">ii", len(row), lower_bound))
        for content in row:
            parts.append(b"\xff\xff\xff\xff" if content is None else struct.pack(">i", len(content)) + content)
        results.append(b"".join(parts))
    return pa.array(results, pa.binary())


def received_elements(content: bytes, element: TypeDefinition) -> list[bytes | None]:
    """The elements' bytes of one binary array."""
    try:
        dimensions, flags, oid = struct.unpack_from(">iiI", content)
        if not 0 <= dimensions <= 6:
            raise InvalidBinaryRepresentation(f"invalid number of dimensions: {dimensions}")
        if flags not in (0, 1):
            raise InvalidBinaryRepresentation("invalid array flags")
        if oid != element.oid:
            raise wrong_element(oid, element)
        if dimensions == 0:
            return []
        if dimensions > 1:
            raise FeatureNotSupported("arrays of several dimensions are not supported")
        (count,) = struct.unpack_from(">i", content, 12)
        at, found = 20, []
        for _ in range(count):
            (length,) = struct.unpack_from(">i", content, at)
            at += 4
            found.append(None if length < 0 else content[at : at + length])
            at += max(length, 0)
    except struct.error:
        raise ProtocolViolation("insufficient data left in message") from None
    if at > len(content):
        raise ProtocolViolation("insufficient data left in message")
    return found


def wrong_element(oid: int, element: TypeDefinition) -> DatatypeMismatch:
    """A binary array of another element type than its parameter's."""
    sent = BY_OID[oid].sql_name if oid in BY_OID else "???"
    return DatatypeMismatch(
        f"binary data has array element type {oid} ({sent}) instead of expected {element.oid} ({element.sql_name})"
    )


def receive_arrays(content: Column, element: TypeDefinition, typmod: int) -> Column:
    """Binary arrays in."""
    lists = [None if row is None else received_elements(row, element) for row in content.to_pylist()]
    flat = pa.array([item for items in lists if items for item in items], pa.binary())
    return list_column(lists, element.receive(flat, typmod), content)


def array_order_key(column: Column, element: TypeDefinition) -> Column:
    """Keys: 1 and the element's key, or 2 for a NULL element, then 0 at the end."""
    assert element.order_key is not None
    flat = elements_of(column)
    valid = valid_rows(flat)
    keys = iter(element.order_key(flat.drop_null()).to_pylist())
    marked = [b"\1" + next(keys) if known else b"\2" for known in valid]
    rows = rows_of(column, marked)
    return pa.array([b"".join(row) + b"\0" for row in rows if row is not None], pa.binary())


def sample_arrays(element: TypeDefinition) -> tuple[str, ...]:
    """Texts of arrays of `element`'s samples."""
    samples = list(element.samples)
    return ("{}", "{NULL}", array_text([*samples, None]), array_text(list(samples[:1])), array_text(list(samples[1:3])))


def array_facts(element: TypeDefinition) -> dict[str, Any]:
    """The codec fields of the array type over `element`."""
    equality, typmod, parse_at = element.equality_key, element.apply_typmod, element.parse_at
    facts: dict[str, Any] = {
        "storage": pa.list_(element.storage),
        "parse": lambda text, typmod: parse_arrays(text, lambda flat: element.parse(flat, typmod)),
        "format": lambda column, settings: format_arrays(column, element, settings),
        "receive": lambda content, typmod: receive_arrays(content, element, typmod),
        "send": lambda column: send_arrays(column, element),
        "order_key": None if element.order_key is None else lambda column: array_order_key(column, element),
        "to_python": lambda plain: list_to_python(plain, element),
        "from_python": lambda values: [None if v is None else element.from_python(v) for v in values],
        "equality_key": equality and (lambda column: with_elements(column, equality(elements_of(column)))),
        "typmod_in": element.typmod_in,
        "typmod_out": element.typmod_out,
    }
    if typmod is not None:
        facts["apply_typmod"] = lambda column, mod, explicit: with_elements(
            column, typmod(elements_of(column), mod, explicit)
        )
    if parse_at is not None:
        facts["parse_at"] = lambda text, mod, settings, now_us: parse_arrays(
            text, lambda flat: parse_at(flat, mod, settings, now_us)
        )
    return facts


def list_to_python(plain: Any, element: TypeDefinition) -> list[Any] | None:
    """The elements' Python forms."""
    items = plain.values if isinstance(plain, pa.Scalar) else plain
    if items is None:
        return None
    if isinstance(plain, pa.Scalar):
        items = [item if item.is_valid else None for item in items]
    return [None if item is None else element.to_python(item) for item in items]


def array_definition(element: TypeDefinition) -> TypeDefinition:
    """The array type over `element`, under its array_oid."""
    return TypeDefinition(
        name=f"_{element.name}",
        sql_name=f"{element.sql_name}[]",
        oid=element.array_oid,
        array_oid=0,
        category="P" if element.pseudo and element.sql_name == "record" else "A",
        length=-1,
        align="d" if element.align == "d" else "i",
        toast="x",
        collation=element.collation,
        pseudo=element.pseudo,
        element=element.name,
        told_oid=TOLD_ARRAYS.get(element.told_oid, 0),
        identity=element.identity and f"_{element.identity}",
        samples=() if element.pseudo else sample_arrays(element),
        **array_facts(element),
    )


def declare_array(element: TypeDefinition) -> SqlType:
    """Declares the array type over `element`."""
    return declare(array_definition(element))


ARRAYS.append(array_definition)
