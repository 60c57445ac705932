"""uuid. Python form: uuid.UUID."""

import re
import uuid

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidTextRepresentation
from pgstream.types.binary import check_widths
from pgstream.types.buffers import numbers, records_column, strings
from pgstream.types.definition import Settings, TypeDefinition, declare
from pgstream.types.integer import plain_value

DIGIT_PLACES = [place for place in range(36) if place not in (8, 13, 18, 23)]
SPELLED = re.compile(r"[0-9a-fA-F]{4}(?:-?[0-9a-fA-F]{4}){7}")


def uuid_of(text: str) -> bytes:
    """The 16 bytes that `text` spells: a hyphen may follow any group of four digits, braces may surround all."""
    bare = text[1:-1] if text.startswith("{") and text.endswith("}") else text
    if SPELLED.fullmatch(bare) is None:
        raise InvalidTextRepresentation(f'invalid input syntax for type uuid: "{text}"')
    return bytes.fromhex(bare.replace("-", ""))


def format_uuids(column: Column, settings: Settings) -> Column:
    """Output: the standard form."""
    texts = np.full((len(column), 36), ord("-"), np.uint8)
    nibbles = np.frombuffer(numbers(column, np.dtype("V16")).tobytes().hex().encode(), np.uint8).reshape(-1, 32)
    texts[:, DIGIT_PLACES] = nibbles
    return records_column(texts, column).cast(pa.string())


def receive(content: Column, typmod: int) -> Column:
    """Binary input: 16 bytes."""
    memory = strings(content)
    check_widths(np.diff(memory.offsets)[memory.valid], 16)
    return content.cast(pa.binary(16))


def to_python(plain: object) -> uuid.UUID | None:
    """The UUID."""
    content = plain_value(plain)
    return None if content is None else uuid.UUID(bytes=content)


def from_python(value: uuid.UUID | None) -> bytes | None:
    """The 16 bytes."""
    return None if value is None else value.bytes


UUID = declare(
    TypeDefinition(
        name="uuid",
        sql_name="uuid",
        oid=2950,
        array_oid=2951,
        category="U",
        storage=pa.binary(16),
        length=16,
        parse=lambda text, typmod: pa.array(
            [None if word is None else uuid_of(word) for word in text.to_pylist()], pa.binary(16)
        ),
        format=format_uuids,
        receive=receive,
        send=lambda column: column.cast(pa.binary()),
        order_key=lambda column: column.cast(pa.binary()),
        to_python=to_python,
        from_python=from_python,
        align="c",
        samples=(
            "00000000-0000-0000-0000-000000000000",
            "{A0EEBC99-9C0B4EF8-BB6D6BB9-BD380A11}",
            "a0eebc999c0b4ef8bb6d6bb9bd380a11",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ),
    )
)
