"""numeric(p, s): exact decimals that keep their display scale. Python form: decimal.Decimal.

Stored as the text PostgreSQL prints. Arithmetic over many values goes through the fast form:

    fast = unpack(column)                 # int64 unscaled, int32 scale, bool ok
    if fast.ok.all(): column = pack(fast.unscaled * 2, fast.scale, column)

Values with more than 18 digits, NaN and Infinity are not `ok` and take `decimal.Decimal` in `EXACT`.
"""

import re
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_UP, Context, Decimal
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue, InvalidTextRepresentation, NumericValueOutOfRange
from pgstream.kernels import numeric as kernels
from pgstream.kernels import numeric_keys
from pgstream.types.buffers import string_column, strings, valid_rows
from pgstream.types.definition import Settings, TypeDefinition, declare
from pgstream.types.integer import plain_value
from pgstream.types.lift import over_distinct
from pgstream.types.numeric_wire import receive

EXACT = Context(prec=300_000, Emax=MAX_EMAX, Emin=MIN_EMIN, rounding=ROUND_HALF_UP)
"""Decimal arithmetic that never rounds what a numeric can hold."""

INTEGER_DIGITS_MAX = 131072
SCALE_MAX = 16383
NUMERIC = re.compile(r"[ \t\n\v\f\r]*([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+))?[ \t\n\v\f\r]*", re.ASCII)
SPECIAL = re.compile(r"\s*(?:(nan)|([+-]?)inf(?:inity)?)\s*", re.ASCII | re.IGNORECASE)


class Fast(NamedTuple):
    """Numerics as unscaled * 10**-scale; where not `ok` the other two mean nothing. NULL is an ok 0."""

    unscaled: NDArray[np.int64]
    scale: NDArray[np.int32]
    ok: NDArray[np.bool_]


def unpack(column: Column) -> Fast:
    """The fast form of a numeric column."""
    return Fast(*kernels.unpack(*strings(column)))


def pack(unscaled: NDArray[np.int64], scale: NDArray[np.int32], like: Column | None = None) -> Column:
    """The numeric column of unscaled * 10**-scale (scale 0..18, one per row), NULL where `like` is."""
    valid = np.ones(len(unscaled), np.bool_) if like is None else valid_rows(like)
    offsets, content = kernels.pack(unscaled, scale, valid)
    return string_column(offsets, content, like)


def decimal_of(text: str) -> Decimal:
    """The Decimal of a stored numeric."""
    return Decimal(text)


def numeric_text(value: Decimal) -> str:
    """What PostgreSQL prints for `value`, whose exponent is its scale. Raises where numeric cannot hold it."""
    if value.is_nan():
        return "NaN"
    if value.is_infinite():
        return "Infinity" if value > 0 else "-Infinity"
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    if exponent < -SCALE_MAX or (value and value.adjusted() >= INTEGER_DIGITS_MAX):
        raise NumericValueOutOfRange("value overflows numeric format")
    if not value:
        return "0." + "0" * -exponent if exponent < 0 else "0"
    return format(value, "f")


def numeric_of(text: str) -> str:
    """The stored form of what `text` spells, as PostgreSQL's numeric_in reads it."""
    found = NUMERIC.fullmatch(text)
    if found is None:
        special = SPECIAL.fullmatch(text)
        if special is None:
            raise InvalidTextRepresentation(f'invalid input syntax for type numeric: "{text}"')
        return "NaN" if special[1] else ("-Infinity" if special[2] == "-" else "Infinity")
    exponent = int(found[2]) if found[2] and len(found[2]) < 20 else (0 if not found[2] else 1 << 40)
    if abs(exponent) >= (1 << 30):
        raise NumericValueOutOfRange("value overflows numeric format")
    return numeric_text(Decimal(found[1]).scaleb(exponent, EXACT))


def parse(text: Column, typmod: int) -> Column:
    """Input: digits with an optional exponent, NaN, Infinity; rounded to the typmod."""
    fine = kernels.canonical(*strings(text))
    column = text if fine.all() else over_distinct(text, pa.string(), numeric_of)
    return apply_typmod(column, typmod, False)


def precision_and_scale(typmod: int) -> tuple[int, int]:
    """(p, s) of numeric(p, s)."""
    bits = (typmod - 4) & 0x7FF
    return (typmod - 4) >> 16 & 0xFFFF, (bits ^ 1024) - 1024


def typmod_in(numbers: tuple[int, ...]) -> int:
    """The typmod of numeric(p) or numeric(p, s)."""
    if len(numbers) not in (1, 2):
        raise InvalidParameterValue("invalid NUMERIC type modifier")
    precision, scale = numbers[0], (*numbers, 0)[1]
    if not 1 <= precision <= 1000:
        raise InvalidParameterValue(f"NUMERIC precision {precision} must be between 1 and 1000")
    if not -1000 <= scale <= 1000:
        raise InvalidParameterValue(f"NUMERIC scale {scale} must be between -1000 and 1000")
    return (precision << 16 | scale & 0x7FF) + 4


def typmod_out(typmod: int) -> str:
    """`(p,s)`, as format_type prints it."""
    precision, scale = precision_and_scale(typmod)
    return f"({precision},{scale})"


def field_overflow(precision: int, scale: int) -> NumericValueOutOfRange:
    """A value too large for numeric(precision, scale)."""
    bound = "1" if precision == scale else f"10^{precision - scale}"
    return NumericValueOutOfRange(
        "numeric field overflow",
        detail=f"A field with precision {precision}, scale {scale} must round to an absolute value less than {bound}.",
    )


def fitted(text: str, precision: int, scale: int) -> str:
    """One stored numeric rounded half away from zero to numeric(precision, scale)."""
    value = Decimal(text)
    if value.is_nan():
        return text
    if value.is_infinite():
        detail = f"A field with precision {precision}, scale {scale} cannot hold an infinite value."
        raise NumericValueOutOfRange("numeric field overflow", detail=detail)
    rounded = value.quantize(Decimal((0, (1,), -scale)), ROUND_HALF_UP, EXACT)
    if rounded and rounded.adjusted() >= precision - scale:
        raise field_overflow(precision, scale)
    return numeric_text(rounded)


def apply_typmod(column: Column, typmod: int, explicit: bool) -> Column:
    """Values rounded to scale s; an error where more than p - s digits are left of the point."""
    if typmod < 4:
        return column
    precision, scale = precision_and_scale(typmod)
    if 0 <= scale <= 18:
        fast = unpack(column)
        values, fits = kernels.rescale(fast.unscaled, fast.scale, np.full(len(column), scale, np.int32))
        if fast.ok.all() and fits.all():
            if precision < 19 and (np.abs(values) >= 10**precision).any():
                raise field_overflow(precision, scale)
            return pack(values, np.full(len(column), scale, np.int32), column)
    return over_distinct(column, pa.string(), lambda text: fitted(text, precision, scale))


def format_numeric(column: Column, settings: Settings) -> Column:
    """Output: the stored text."""
    return column


def order_key(column: Column) -> Column:
    """Keys by value: 1.0 and 1.00 have one key, NaN is greatest."""
    memory = strings(column)
    offsets, content = numeric_keys.ordered_numerics(memory.offsets, memory.bytes)
    return string_column(offsets, content, None, pa.binary())


def equality_key(column: Column) -> Column:
    """One text for each value: no zeros at the end of the fraction."""
    offsets, content = numeric_keys.without_trailing_zeros(*strings(column))
    return string_column(offsets, content, column)


def send(column: Column) -> Column:
    """Binary output: base-10000 digits."""
    offsets, content = numeric_keys.send_numerics(*strings(column))
    return string_column(offsets, content, column, pa.binary())


def to_python(plain: object) -> Decimal | None:
    """The Decimal, scale kept."""
    text = plain_value(plain)
    return None if text is None else Decimal(text)


def from_python(value: Decimal | int | None) -> str | None:
    """The text of a Decimal (or int)."""
    return None if value is None else numeric_text(Decimal(value))


NUMERIC_TYPE = declare(
    TypeDefinition(
        name="numeric",
        sql_name="numeric",
        oid=1700,
        array_oid=1231,
        category="N",
        storage=pa.string(),
        length=-1,
        parse=parse,
        format=format_numeric,
        receive=lambda content, typmod: apply_typmod(receive(content), typmod, False),
        send=send,
        order_key=order_key,
        to_python=to_python,
        from_python=from_python,
        equality_key=equality_key,
        apply_typmod=apply_typmod,
        typmod_in=typmod_in,
        typmod_out=typmod_out,
        toast="m",
        aliases=("decimal", "dec"),
        samples=(
            *(
                "0",
                "0.00",
                "1",
                "-1",
                "1.0",
                "1.00",
                "1.50",
                "-1.5",
                "0.1",
                "-0.001",
                "12345678901234567890.12345",
                "1e20",
            ),
            *(
                "NaN",
                "Infinity",
                "-Infinity",
                "100",
                "9999",
                "10000",
                "10001",
                "0.00010",
                "0.0001",
                "1e-20",
                "-1e30",
                "99.995",
            ),
        ),
    )
)
