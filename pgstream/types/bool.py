"""boolean. Python form: bool."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import InvalidTextRepresentation
from pgstream.types.binary import receive_fixed
from pgstream.types.buffers import records_column, valid_rows
from pgstream.types.definition import Settings, TypeDefinition, declare
from pgstream.types.integer import plain_value, same
from pgstream.types.lift import over_distinct

WORDS = {
    **{word[:length]: word == "true" for word in ("true", "false") for length in range(1, 6)},
    **{word[:length]: word == "yes" for word in ("yes", "no") for length in range(1, 4)},
    "on": True,
    "of": False,
    "off": False,
    "1": True,
    "0": False,
}
"""Every unambiguous prefix PostgreSQL's boolin takes."""


def bool_of(text: str) -> bool:
    """The boolean that `text` spells."""
    found = WORDS.get(text.strip(" \t\n\v\f\r").lower())
    if found is None:
        raise InvalidTextRepresentation(f'invalid input syntax for type boolean: "{text}"')
    return found


def parse(text: Column, typmod: int) -> Column:
    """Input: `t`, `yes`, `on`, `1` and so on."""
    return over_distinct(text, pa.bool_(), bool_of)


def format_bools(column: Column, settings: Settings) -> Column:
    """Output: `t` or `f`."""
    return pa.DictionaryArray.from_arrays(pc.cast(column, pa.int8()), ["f", "t"]).dictionary_decode()


def as_bytes(column: Column) -> NDArray[np.uint8]:
    """One byte a value, 1 for true; 0 where NULL."""
    filled = column.fill_null(False) if column.null_count else column
    return np.asarray(filled.to_numpy(zero_copy_only=False), np.uint8)


def receive(content: Column, typmod: int) -> Column:
    """Binary input: one byte, any but 0 is true."""
    return pa.array(receive_fixed(content, "u1") != 0, mask=~valid_rows(content))


BOOL = declare(
    TypeDefinition(
        name="bool",
        sql_name="boolean",
        oid=16,
        array_oid=1000,
        category="B",
        storage=pa.bool_(),
        length=1,
        parse=parse,
        format=format_bools,
        receive=receive,
        send=lambda column: records_column(as_bytes(column), column),
        order_key=lambda column: records_column(as_bytes(column)),
        to_python=plain_value,
        from_python=same,
        preferred=True,
        by_value=True,
        align="c",
        samples=("t", "f", "true", "off", " YES ", "1"),
    )
)
