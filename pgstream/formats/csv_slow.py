"""CSV records one by one, with COPY's messages for what is wrong with them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from pgstream.delta import Column
from pgstream.formats.format import Chunk, Field, Reject
from pgstream.formats.texts import first_errors, read_texts
from pgstream.kernels.csv_records import skip_records


class Value(NamedTuple):
    """A value of a record, and whether any of it was quoted."""

    text: str
    quoted: bool


def split_record(record: str, options: Any) -> list[Value]:
    """The values of one record. Raises ValueError for a quote that does not close."""
    values: list[Value] = []
    text: list[str] = []
    quoted = inside = False
    at = 0
    while at < len(record):
        character = record[at]
        if inside:
            if character != options.quote:
                text.append(character)
            elif record[at + 1 : at + 2] == options.quote:
                text.append(character)
                at += 1
            else:
                inside = False
        elif character == options.quote:
            quoted = inside = True
        elif character == options.delimiter:
            values.append(Value("".join(text), quoted))
            text, quoted = [], False
        else:
            text.append(character)
        at += 1
    if inside:
        raise ValueError("unterminated CSV quoted field")
    return [*values, Value("".join(text), quoted)]


def records_of(raw: bytes, start: int, quote: str) -> list[tuple[int, bytes]]:
    """(where it starts, its bytes without the newline) of each record that is not empty."""
    chunk = Chunk.of(raw)
    found, at = [], 0
    while at < len(raw):
        after, count = skip_records(chunk.address + at, chunk.address + len(raw), 1, ord(quote))
        end = after - chunk.address if count else len(raw)
        record = raw[at:end].rstrip(b"\r\n")
        if record:
            found.append((start + at, record))
        at = end
    return found


def values_of(record: bytes, order: Sequence[str], options: Any) -> dict[str, str | None]:
    """The texts of a record by column. Raises ValueError with what is wrong."""
    try:
        values = split_record(record.decode(), options)
    except UnicodeDecodeError as error:
        wrong = " ".join(f"0x{byte:02x}" for byte in record[error.start : error.end])
        raise ValueError(f'invalid byte sequence for encoding "UTF8": {wrong}') from None
    if len(values) > len(order):
        raise ValueError("extra data after last expected column")
    if len(values) < len(order):
        raise ValueError(f'missing data for column "{order[len(values)]}"')
    texts = {n: None if v.text == options.null and not v.quoted else v.text for n, v in zip(order, values, strict=True)}
    if "\0" in "".join(text for text in texts.values() if text):
        raise ValueError('invalid byte sequence for encoding "UTF8": 0x00')
    return texts


def read_slowly(
    raw: bytes, start: int, order: Sequence[str], wanted: Sequence[Field], options: Any
) -> tuple[list[Column], int, tuple[Reject, ...]]:
    """A column for each wanted field, how many rows they have, and the records that gave none."""
    kept: list[tuple[int, bytes]] = []
    rows: list[dict[str, str | None]] = []
    rejects: list[Reject] = []
    for at, record in records_of(raw, start, options.quote):
        try:
            rows.append(values_of(record, order, options))
            kept.append((at, record))
        except ValueError as error:
            rejects.append(Reject(at, record, str(error)))
    columns, errors = [], []
    for field in wanted:
        column, wrong = read_texts(pa.array([row[field.name] for row in rows], pa.string()), field.type)
        columns.append(column)
        errors.append(wrong)
    bad = first_errors([field.name for field in wanted], errors)
    rejects += [Reject(*kept[row], message) for row, message in bad.items()]
    keep = pa.array([row not in bad for row in range(len(rows))], pa.bool_())
    return [column.filter(keep) for column in columns], len(rows) - len(bad), tuple(sorted(rejects))
