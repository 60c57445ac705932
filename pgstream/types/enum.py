"""Enum types. Python form: the label.

Stored as the OID of the label, so that renaming it changes no stored row, and a label that comes between others moves
none of them: each has a rank, a text, by which it is ordered.

    ["enum", oid, schema, name, labels]     labels: lists of OID, label and rank, in order
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidTextRepresentation
from pgstream.types.buffers import number_column, numbers
from pgstream.types.composite import quoted
from pgstream.types.definition import MADE_OF, Settings, SqlType, TypeDefinition
from pgstream.types.described import described
from pgstream.types.lift import over_distinct
from pgstream.types.string import send_text

STORAGE = pa.int32()
Labels = Sequence[tuple[int, str, str]]
"""OID, label and rank of each, in order."""


def enum_type(oid: int, schema: str, name: str, labels: Labels) -> SqlType:
    """The enum type that the catalog has under `oid`."""
    return described("enum", oid, schema, name, [list(label) for label in labels])


def ranks(count: int) -> list[str]:
    """Ranks for `count` labels in order."""
    return [f"{place:06x}" for place in range(1, count + 1)]


def rank_between(low: str, high: str) -> str:
    """A rank between two others; an empty `low` is below all, an empty `high` above all."""
    made = ""
    for place in range(max(len(low), len(high)) + 2):
        under = int(low[place], 16) if place < len(low) else 0
        over = int(high[place], 16) if high and place < len(high) else 16
        if over - under > 1:
            return made + f"{(under + over) // 2:x}"
        made += f"{under:x}"
        if over != under:
            high = ""
    raise AssertionError(f"no rank between {low} and {high}")


def labels_of(type: SqlType) -> list[str]:
    """The labels of an enum type, in order."""
    return list(type.definition.samples)


def _definition(name: str, oid: int, schema: str, own: str, labels: list[list[Any]]) -> TypeDefinition:
    shown = quoted(own) if schema == "public" else f"{quoted(schema)}.{quoted(own)}"
    known = {label: number for number, label, _ in labels}
    by_number = sorted((number, label, rank) for number, label, rank in labels)
    order = np.array([number for number, _, _ in by_number], np.int32)
    texts = pa.array([label for _, label, _ in by_number], pa.string())
    keys = pa.array([rank.encode() + b"\0" for _, _, rank in by_number], pa.binary())
    names = {number: label for number, label, _ in by_number}

    def parse(text: Column, typmod: int) -> Column:
        return over_distinct(text, STORAGE, partial(_number, known, shown))

    def looked_up(column: Column, found: Column) -> Column:
        places = np.searchsorted(order, numbers(column, np.int32))
        return found.take(number_column(pa.int64(), places.astype(np.int64), column))

    def format_labels(column: Column, settings: Settings) -> Column:
        return looked_up(column, texts)

    return TypeDefinition(
        name=name,
        sql_name=shown,
        oid=oid,
        array_oid=oid + 1,
        category="E",
        length=4,
        by_value=True,
        storage=STORAGE,
        parse=parse,
        format=format_labels,
        receive=lambda content, typmod: parse(content.cast(pa.string()), typmod),
        send=lambda column: send_text(looked_up(column, texts)),
        order_key=lambda column: looked_up(column, keys),
        to_python=lambda plain: names[plain.as_py() if isinstance(plain, pa.Scalar) else plain],
        from_python=lambda label: known[label],
        identity=f"enum {oid} {labels}",
        samples=tuple(label for _, label, _ in labels),
    )


def _number(known: dict[str, int], shown: str, label: str) -> int:
    found = known.get(label)
    if found is None:
        raise InvalidTextRepresentation(f'invalid input value for enum {shown}: "{label}"')
    return found


MADE_OF["enum"] = _definition
