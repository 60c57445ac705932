"""What float4 and float8 share. Python form: float."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import InvalidTextRepresentation, NumericValueOutOfRange
from pgstream.kernels.text_floats import format_floats
from pgstream.types.binary import plain, receive_fixed, send_fixed
from pgstream.types.buffers import number_column, numbers, string_column, strings
from pgstream.types.definition import Settings
from pgstream.types.integer import plain_value, same
from pgstream.types.lift import over_distinct
from pgstream.types.order import canonical_floats, float_keys

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
HEXADECIMAL = re.compile(r"[+-]?0x([0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(p[+-]?\d+)?", re.ASCII | re.IGNORECASE)
SPECIALS = {
    **{sign + "nan": np.nan for sign in ("", "+", "-")},
    **{sign + word: float(sign + word) for sign in ("", "+", "-") for word in ("inf", "infinity")},
}


def float_of(text: str, dtype: type[np.floating], type_name: str) -> float:
    """The float that `text` spells, as PostgreSQL's float8in reads it."""
    word = text.strip(" \t\n\v\f\r")
    special = SPECIALS.get(word.lower())
    if special is not None:
        return special
    if HEXADECIMAL.fullmatch(word) is not None:
        return float(dtype(float.fromhex(word)))
    if NUMBER.fullmatch(word) is None:
        raise InvalidTextRepresentation(f'invalid input syntax for type {type_name}: "{text}"')
    value = float(word) if dtype is np.float64 else float(pc.cast(pa.scalar(word.lstrip("+")), pa.float32()).as_py())
    if np.isinf(value) or (value == 0 and re.search("[1-9]", re.split("[eE]", word)[0])):
        raise NumericValueOutOfRange(f'"{word}" is out of range for type {type_name}')
    return value


def float_parser(storage: pa.DataType, dtype: type[np.floating], type_name: str) -> Callable[[Column, int], Column]:
    """The input function of a float type: Arrow's correctly rounded parser, and `float_of` where that is in doubt."""

    def parse(text: Column, typmod: int) -> Column:
        try:
            column = pc.cast(text, storage)
        except pa.ArrowInvalid:
            return over_distinct(text, storage, lambda word: float_of(word, dtype, type_name))
        values = numbers(column, dtype)
        doubtful = (~np.isfinite(values) | (values == 0)) & column.is_valid().to_numpy(zero_copy_only=False)
        if doubtful.any():
            for word in text.filter(pa.array(doubtful)).unique().to_pylist():
                float_of(word, dtype, type_name)
        return column

    return parse


def without_midpoints(text: Column, suspects: NDArray[np.bool_], dtype: type[np.floating]) -> Column:
    """`text` without numbers that lie exactly between two floats, which PostgreSQL's Ryu does not print (1e23).

    Only floats too large to have a fraction can be nearest to such a number: `suspects`.
    """
    if not suspects.any():
        return text
    wrong = pa.array(suspects)
    return pc.replace_with_mask(
        text, wrong, over_distinct(text.filter(wrong), pa.string(), lambda word: inside_text(word, dtype))
    )


def inside_text(word: str, dtype: type[np.floating]) -> str:
    """The shortest text that reads as the float `word` reads as, and is nearer to it than to any other."""
    value = dtype(word)
    if abs(value) == np.finfo(dtype).max:
        return word
    for digits in range(9 if dtype is np.float32 else 17):
        exact = int(Decimal(f"{float(value):.{digits}e}"))
        neighbour = np.nextafter(value, dtype(np.inf) if exact > int(value) else dtype(-np.inf))
        on_edge = 2 * exact == int(value) + int(neighbour) and exact != int(value)
        if dtype(float(exact)) == value and not on_edge:
            return word if exact == int(Decimal(word)) else exponent_text(exact)
    return word


def exponent_text(exact: int) -> str:
    """d.ddde+xx of a large integer, without zeros at the end of the digits."""
    digits = str(abs(exact)).rstrip("0")
    sign = "-" if exact < 0 else ""
    return f"{sign}{digits[0]}{'.' if len(digits) > 1 else ''}{digits[1:]}e+{len(str(abs(exact))) - 1:02d}"


def rounded_text(column: Column, digits: int) -> Column:
    """Floats with at most so many significant digits, as printf's %g: what extra_float_digits below 1 asks for."""
    names = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}

    def shown(value: float) -> str:
        text = f"{value:.{digits}g}"
        return names.get(text, text)

    return over_distinct(column, pa.string(), shown)


def float_codecs(
    storage: pa.DataType, dtype: type[np.floating], wire: str, digits: int, type_name: str
) -> dict[str, Any]:
    """The codec fields of a TypeDefinition; `digits`: how many digits are printed before an exponent is."""

    def format_column(column: Column, settings: Settings) -> Column:
        extra = int(settings.get("extra_float_digits", "1"))
        if extra < 1:
            return rounded_text(column, max(np.finfo(dtype).precision + extra, 1))
        memory = strings(pc.cast(column, pa.string()))
        offsets, content = format_floats(*memory, digits)
        text = string_column(offsets, content, column)
        huge = np.abs(numbers(column, dtype)) >= 2.0 ** (np.finfo(dtype).nmant + 1)
        return without_midpoints(text, huge & ~np.isinf(numbers(column, dtype)) & memory.valid, dtype)

    def equality_key(column: Column) -> Column:
        values: NDArray[Any] = canonical_floats(numbers(column, dtype))
        return number_column(storage, values, column)

    return {
        "storage": storage,
        "parse": float_parser(storage, dtype, type_name),
        "format": format_column,
        "receive": lambda content, typmod: plain(storage, receive_fixed(content, wire), content),
        "send": lambda column: send_fixed(numbers(column, dtype), wire, column),
        "order_key": lambda column: float_keys(numbers(column, dtype)),
        "equality_key": equality_key,
        "to_python": plain_value,
        "from_python": same,
    }
