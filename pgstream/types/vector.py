"""int2vector and oidvector: the catalogs' lists of numbers, printed `1 2` and subscripted from 0. Python form: list."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.types.array import array_facts, array_order_key, format_arrays, list_column, send_arrays
from pgstream.types.definition import BY_NAME, Settings, SqlType, TypeDefinition, declare


def vector(name: str, oid: int, array_oid: int, element_name: str) -> SqlType:
    """Declares a vector over an element type that is declared already."""
    element = BY_NAME[element_name]

    def parse(text: Column, typmod: int) -> Column:
        lists = [None if word is None else word.split() for word in text.to_pylist()]
        flat = pa.array([item for items in lists if items for item in items], pa.string())
        return list_column(lists, element.parse(flat, -1), text)

    def format_vectors(column: Column, settings: Settings) -> Column:
        texts = format_arrays(column, element, settings).to_pylist()
        return pa.array([None if text is None else text[1:-1].replace(",", " ") for text in texts], pa.string())

    facts: dict[str, Any] = {**array_facts(element), "parse": parse, "format": format_vectors}
    if name == "oidvector":
        facts["order_key"] = lambda column: by_length(column, element)
    facts["send"] = lambda column: send_arrays(column, element, lower_bound=0, never_empty=True)
    return declare(
        TypeDefinition(
            name=name,
            sql_name=name,
            oid=oid,
            array_oid=array_oid,
            category="A",
            length=-1,
            element=element_name,
            lower_bound=0,
            samples=("", "1", "1 2", "3 2 1"),
            **facts,
        )
    )


def by_length(column: Column, element: TypeDefinition) -> Column:
    """Keys of oidvectors, of which the shorter is less."""
    keys = array_order_key(column, element).to_pylist()
    lengths = pc.list_value_length(column).to_pylist()
    return pa.array([length.to_bytes(4, "big") + key for length, key in zip(lengths, keys, strict=True)], pa.binary())


INT2VECTOR = vector("int2vector", 22, 1006, "int2")
OIDVECTOR = vector("oidvector", 30, 1013, "oid")
