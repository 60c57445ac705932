"""Texts to values by the types' input functions, one bad value at a time."""

from collections.abc import Sequence

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import SqlError
from pgstream.types.definition import SqlType

TEXT_ITSELF = frozenset(("text", "varchar"))


def is_text_itself(type: SqlType) -> bool:
    """Whether any text is a value of `type`, unchanged."""
    return type.name in TEXT_ITSELF and type.typmod == -1


def read_texts(texts: Column, type: SqlType) -> tuple[Column, dict[int, str]]:
    """`texts` (Arrow string) as values of `type`, and PostgreSQL's message for each row that is none (NULL there)."""
    if is_text_itself(type):
        return texts, {}
    try:
        return parse(texts, type), {}
    except SqlError as error:
        if len(texts) == 1:
            return pa.nulls(1, type.storage), {0: error.message}
    middle = len(texts) // 2
    left, left_errors = read_texts(texts.slice(0, middle), type)
    right, right_errors = read_texts(texts.slice(middle), type)
    return pa.concat_arrays([left, right]), left_errors | {middle + row: m for row, m in right_errors.items()}


def parse(texts: Column, type: SqlType) -> Column:
    """`texts` by the type's input function, and then its length coercion, as an assignment does it."""
    definition = type.definition
    column = definition.parse(texts, type.typmod)
    if definition.apply_typmod is not None and type.typmod != -1:
        column = definition.apply_typmod(column, type.typmod, False)
    return column


def first_errors(names: Sequence[str], errors: Sequence[dict[int, str]]) -> dict[int, str]:
    """For each row with an error, that of its first column, named."""
    found: dict[int, str] = {}
    for name, by_row in zip(names, errors, strict=True):
        for row, message in by_row.items():
            found.setdefault(row, f'column "{name}": {message}')
    return found
