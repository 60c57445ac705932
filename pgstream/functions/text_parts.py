"""Text cut apart and put together: split_part, translate, overlay, concat."""

import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue, ProgramLimitExceeded, SubstringError
from pgstream.functions.calling import Value, as_column
from pgstream.functions.registry import STABLE, BoundCall, function
from pgstream.functions.vector import column_of, list_bounds


def _part(text: str, delimiter: str, position: int) -> str:
    if position == 0:
        raise InvalidParameterValue("field position must not be zero")
    parts = text.split(delimiter) if delimiter else [text]
    index = position - 1 if position > 0 else len(parts) + position
    return parts[index] if 0 <= index < len(parts) else ""


@function(
    "split_part(text, text, int4) -> text",
    scalars=True,
    examples={
        "split_part('abc~@~def~@~ghi', '~@~', 2)": "def",
        "split_part('a,b,c', ',', -1)": "c",
        "split_part('a,b', ',', 5)": "",
        "split_part('a', '', 1)": "a",
        "split_part('a', 'b', 0)": "ERROR: 22023 field position must not be zero",
    },
)
def split_part(text: Value, delimiter: Value, position: Value) -> Column:
    """The `position`th of the parts of `text` between delimiters; from the end where negative."""
    if isinstance(text, pa.Array) and isinstance(delimiter, pa.Scalar) and isinstance(position, pa.Scalar):
        at = position.as_py()
        if at > 0 and delimiter.as_py():
            parts = pc.split_pattern(text, delimiter.as_py(), max_splits=at)
            starts, lengths = list_bounds(parts)
            missing = lengths < at
            index = column_of(starts + at - 1, pa.int64(), missing)
            return pc.fill_null(parts.values.take(index), "") if missing.any() else parts.values.take(index)
    count = next(len(arg) for arg in (text, delimiter, position) if isinstance(arg, pa.Array))
    rows = zip(*(as_column(arg, count).to_pylist() for arg in (text, delimiter, position)), strict=True)
    return pa.array([_part(*row) for row in rows], pa.string())


def _starts_with(text: Value, prefix: Value) -> Column:
    if isinstance(prefix, pa.Scalar):
        return pc.starts_with(text, prefix.as_py())
    words = as_column(text, len(prefix)).to_pylist()
    return pa.array([word.startswith(start) for word, start in zip(words, prefix.to_pylist(), strict=True)], pa.bool_())


function(
    "starts_with(text, text) -> bool",
    operator="^@",
    scalars=True,
    doc="Whether the first text starts with the second.",
    examples={"starts_with('alphabet', 'alph')": "t", "'alphabet' ^@ 'b'": "f"},
)(_starts_with)


@function("translate(text, text, text) -> text", rowwise=True, examples={"translate('12345', '143', 'ax')": "a2x5"})
def translate(text: str, old: str, new: str) -> str:
    """`text` with each character of `old` replaced by its counterpart in `new`, or dropped where there is none."""
    table: dict[int, str | None] = {}
    for position, letter in enumerate(old):
        table.setdefault(ord(letter), new[position] if position < len(new) else None)
    return text.translate(table)


def _overlay(text: str, new: str, start: int, length: int | None = None) -> str:
    if start <= 0:
        raise SubstringError("negative substring length not allowed")
    size = len(new) if length is None else length
    return text[: start - 1] + new + text[max(start - 1 + size, 0) :]


function(
    "overlay(text, text, int4, int4) -> text",
    rowwise=True,
    doc="`text` with `length` characters from `start` on replaced.",
    examples={"overlay('Txxxxas', 'hom', 2, 4)": "Thomas"},
)(_overlay)
function(
    "overlay(text, text, int4) -> text",
    rowwise=True,
    doc="`text` overwritten from `start` on.",
    examples={"overlay('Txxxxas', 'hom', 2)": "Thomxas"},
)(_overlay)


@function(
    "concat(VARIADIC any) -> text",
    strict=False,
    bound=True,
    volatility=STABLE,
    examples={"concat('abcde', 2, NULL, 22)": "abcde222", "concat(true, 1.50)": "t1.50", "concat(NULL)": ""},
)
def concat(call: BoundCall, *args: Column) -> Column:
    """The texts of all arguments joined; NULLs are skipped."""
    texts = [printed(call, position, arg) for position, arg in enumerate(args)]
    return pc.binary_join_element_wise(*texts, "", null_handling="replace", null_replacement="")


@function(
    "concat_ws(text, VARIADIC any) -> text",
    strict=False,
    bound=True,
    volatility=STABLE,
    examples={
        "concat_ws(',', 'abcde', 2, NULL, 22)": "abcde,2,22",
        "concat_ws(NULL, 'a')": "NULL",
        "concat_ws('-', NULL)": "",
    },
)
def concat_ws(call: BoundCall, separator: Column, *args: Column) -> Column:
    """The texts of all arguments with `separator` between them; NULLs are skipped."""
    made = pa.array([""] * len(separator), pa.string())
    begun = pa.repeat(pa.scalar(False), len(separator))
    for position, arg in enumerate(args):
        text = printed(call, position + 1, arg)
        longer = pc.if_else(begun, pc.binary_join_element_wise(made, text, separator), text)
        made = pc.if_else(text.is_valid(), longer, made)
        begun = pc.or_(begun, text.is_valid())
    return pc.if_else(separator.is_valid(), made, pa.scalar(None, pa.string()))


def printed(call: BoundCall, position: int, column: Column) -> Column:
    """An argument of any type as its output function prints it."""
    return call.arguments[position].definition.format(column, call.context.settings)


function(
    "ascii(text) -> int4",
    rowwise=True,
    doc="The code point of the first character.",
    examples={"ascii('x')": "120", "ascii('')": "0"},
)(lambda text: ord(text[0]) if text else 0)


@function(
    "chr(int4) -> text", rowwise=True, examples={"chr(65)": "A", "chr(0)": "ERROR: 54000 null character not permitted"}
)
def chr_(code: int) -> str:
    """The character with the given code point."""
    if code == 0:
        raise ProgramLimitExceeded("null character not permitted")
    if not 0 < code <= 0x10FFFF or 0xD800 <= code < 0xE000:
        raise ProgramLimitExceeded(
            f"requested character too large for encoding: {code}" if code > 0 else "character number must be positive"
        )
    return chr(code)


for _size, _mask in (("4", 0xFFFFFFFF), ("8", 0xFFFFFFFFFFFFFFFF)):
    function(
        f"to_hex(int{_size}) -> text",
        rowwise=True,
        doc="The number in hexadecimal.",
        examples={f"to_hex(2147483647::int{_size})": "7fffffff"},
    )(lambda value, mask=_mask: f"{value & mask:x}")
