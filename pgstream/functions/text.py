"""Text: length, case, cutting, padding, joining and searching.

Case conversion touches ASCII letters only, as PostgreSQL does in the C locale.
"""

import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import ProgramLimitExceeded, SubstringError
from pgstream.functions.calling import Value, as_column
from pgstream.functions.registry import STABLE, BoundCall, function
from pgstream.types.definition import SqlType

TEXT = SqlType("text")
MAX_BYTES = 1_073_741_819
PADDED_MAX = MAX_BYTES // 4
"""How long lpad and rpad make a text: each character may take four bytes."""

function(
    "textcat(text, text) -> text",
    operator="||",
    nullsafe=True,
    scalars=True,
    doc="Both texts joined.",
    examples={"'ab' || 'cd'": "abcd", "'ab' || NULL::text": "NULL"},
)(lambda left, right: pc.binary_join_element_wise(left, right, ""))


def as_text(call: BoundCall, position: int, value: Value, count: int = 1) -> Value:
    """An argument of any type, cast to text."""
    from pgstream.functions.casts import cast_column

    type = call.arguments[position]
    if type.storage == pa.string() and type.name != "bpchar":
        return value
    column = as_column(value, count) if isinstance(value, pa.Scalar) else value
    made = cast_column(column, type, TEXT, True, call.context)
    return made[0] if isinstance(value, pa.Scalar) else made


@function(
    "textanycat(text, anynonarray) -> text",
    operator="||",
    bound=True,
    volatility=STABLE,
    examples={"'a' || 1": "a1", "'a' || true": "atrue", "'a' || 1.50": "a1.50"},
)
def text_with_any(call: BoundCall, left: Column, right: Column) -> Column:
    """The text and the value's text joined."""
    return pc.binary_join_element_wise(left, as_text(call, 1, right), "")


@function(
    "anytextcat(anynonarray, text) -> text", operator="||", bound=True, volatility=STABLE, examples={"1 || 'a'": "1a"}
)
def any_with_text(call: BoundCall, left: Column, right: Column) -> Column:
    """The value's text and the text joined."""
    return pc.binary_join_element_wise(as_text(call, 0, left), right, "")


for _name in ("length", "char_length", "character_length"):
    function(
        f"{_name}(text) -> int4",
        nullsafe=True,
        doc="The number of characters.",
        examples={f"{_name}('jos\u00e9')": "4"},
    )(pc.utf8_length)
    function(
        f"{_name}(bpchar) -> int4",
        nullsafe=True,
        doc="The number of characters before trailing blanks.",
        examples={f"{_name}('ab '::bpchar)": "2"},
    )(lambda text: pc.utf8_length(pc.utf8_rtrim(text, " ")))
for _type in ("text", "bytea"):
    function(
        f"octet_length({_type}) -> int4",
        nullsafe=True,
        doc="The number of bytes.",
        examples={f"octet_length('ab'::{_type})": "2"},
    )(pc.binary_length)
    function(
        f"bit_length({_type}) -> int4",
        nullsafe=True,
        doc="The number of bits.",
        examples={f"bit_length('ab'::{_type})": "16"},
    )(lambda value: pc.multiply(pc.binary_length(value), pa.scalar(8, pa.int32())))
function(
    "octet_length(bpchar) -> int4",
    nullsafe=True,
    doc="The number of bytes.",
    examples={"octet_length('ab '::char(4))": "4"},
)(pc.binary_length)
function("lower(text) -> text", nullsafe=True, doc="ASCII letters in lower case.", examples={"lower('TOM')": "tom"})(
    pc.ascii_lower
)
function("upper(text) -> text", nullsafe=True, doc="ASCII letters in upper case.", examples={"upper('tom')": "TOM"})(
    pc.ascii_upper
)
function(
    "reverse(text) -> text", nullsafe=True, doc="The characters in reverse order.", examples={"reverse('abcd')": "dcba"}
)(pc.utf8_reverse)


@function("initcap(text) -> text", rowwise=True, examples={"initcap('hi THOMAS o''neil 2nd')": "Hi Thomas O'Neil 2nd"})
def initcap(text: str) -> str:
    """Each word's first letter in upper case and the others in lower case."""
    made, inside = [], False
    for letter in text:
        made.append((letter.lower() if inside else letter.upper()) if letter.isascii() else letter)
        inside = letter.isascii() and letter.isalnum()
    return "".join(made)


def _trimmer(name: str, vector: object, single: object, examples: tuple[dict[str, str], dict[str, str]]) -> None:
    def blanks(text: Column) -> Column:
        return vector(text, " ")  # type: ignore[operator]

    def chosen(text: Value, letters: Value) -> Column:
        if isinstance(letters, pa.Scalar) and letters.as_py():
            return vector(text, letters.as_py())  # type: ignore[operator]
        pairs = (
            zip(text.to_pylist(), as_column(letters, len(text)).to_pylist(), strict=True)
            if isinstance(text, pa.Array)
            else ((text.as_py(), some) for some in letters.to_pylist())
        )
        return pa.array([single(word, some) if some else word for word, some in pairs], pa.string())  # type: ignore[operator]

    where = {"btrim": "both ends", "ltrim": "its start", "rtrim": "its end"}[name]
    function(f"{name}(text) -> text", nullsafe=True, doc=f"The text without blanks at {where}.", examples=examples[0])(
        blanks
    )
    function(
        f"{name}(text, text) -> text",
        scalars=True,
        doc=f"The text without the given characters at {where}.",
        examples=examples[1],
    )(chosen)


_trimmer(
    "btrim",
    pc.utf8_trim,
    str.strip,
    ({"btrim('  a b ')": "a b"}, {"btrim('xyxtrimyyx', 'xyz')": "trim", "btrim('a', '')": "a"}),
)
_trimmer("ltrim", pc.utf8_ltrim, str.lstrip, ({"ltrim('  a ')": "a "}, {"ltrim('zzzytest', 'xyz')": "test"}))
_trimmer("rtrim", pc.utf8_rtrim, str.rstrip, ({"rtrim(' a  ')": " a"}, {"rtrim('testxxzx', 'xyz')": "test"}))


def _slice(text: str, start: int, length: int | None = None) -> str:
    if length is not None and length < 0:
        raise SubstringError("negative substring length not allowed")
    first = max(start - 1, 0)
    return text[first:] if length is None else text[first : max(start - 1 + length, first)]


def _substring(text: Value, start: Value, length: Value | None = None) -> Column:
    constant = isinstance(start, pa.Scalar) and (length is None or isinstance(length, pa.Scalar))
    if constant and isinstance(text, pa.Array):
        at, size = start.as_py(), None if length is None else length.as_py()
        if size is not None and size < 0:
            raise SubstringError("negative substring length not allowed")
        first = max(at - 1, 0)
        stop = None if size is None else max(at - 1 + size, first)
        return pc.utf8_slice_codeunits(text, first, stop)
    args = [arg for arg in (text, start, length) if arg is not None]
    count = next(len(arg) for arg in args if isinstance(arg, pa.Array))
    columns = [as_column(arg, count).to_pylist() for arg in args]
    return pa.array([_slice(*row) for row in zip(*columns, strict=True)], pa.string())


for _name in ("substr", "substring"):
    _examples = {
        f"{_name}('Thomas', 2, 3)": "hom",
        f"{_name}('Thomas', -1, 4)": "Th",
        f"{_name}('a', 1, -1)": "ERROR: 22011 negative substring length not allowed",
    }
    function(
        f"{_name}(text, int4, int4) -> text",
        scalars=True,
        doc="`length` characters from `start` on.",
        examples=_examples,
    )(_substring)
    function(
        f"{_name}(text, int4) -> text",
        scalars=True,
        doc="The characters from `start` on.",
        examples={f"{_name}('Thomas', 3)": "omas"},
    )(_substring)


@function(
    "left(text, int4) -> text",
    scalars=True,
    examples={"left('abcde', 2)": "ab", "left('abcde', -2)": "abc", "left('abcde', 0)": ""},
)
def left(text: Value, count: Value) -> Column:
    """The first `count` characters; all but the last -count where negative."""
    if isinstance(count, pa.Scalar):
        return pc.utf8_slice_codeunits(text, 0, count.as_py())
    words = as_column(text, len(count)).to_pylist()
    return pa.array([word[:size] for word, size in zip(words, count.to_pylist(), strict=True)], pa.string())


@function(
    "right(text, int4) -> text",
    rowwise=True,
    examples={"right('abcde', 2)": "de", "right('abcde', -2)": "cde", "right('abcde', 0)": ""},
)
def right(text: str, count: int) -> str:
    """The last `count` characters; all but the first -count where negative."""
    return text[-count:] if count else ""


@function(
    "lpad(text, int4, text) -> text",
    rowwise=True,
    examples={"lpad('hi', 5, 'xy')": "xyxhi", "lpad('hello', 2, 'x')": "he", "lpad('a', 3, '')": "a"},
)
def lpad(text: str, length: int, fill: str) -> str:
    """`text` filled up at its start to `length` characters, or cut to them."""
    return _filling(text, length, fill) + text[: max(length, 0)]


@function(
    "rpad(text, int4, text) -> text",
    rowwise=True,
    examples={
        "rpad('hi', 5, 'xy')": "hixyx",
        "rpad('hello', -1, 'x')": "",
        "rpad('x', 268435455, 'y')": "ERROR: 54000 requested length too large",
    },
)
def rpad(text: str, length: int, fill: str) -> str:
    """`text` filled up at its end to `length` characters, or cut to them."""
    return text[: max(length, 0)] + _filling(text, length, fill)


def _filling(text: str, length: int, fill: str) -> str:
    if length > PADDED_MAX:
        raise ProgramLimitExceeded("requested length too large")
    missing = max(length - len(text), 0)
    return (fill * (missing // len(fill) + 1))[:missing] if fill and missing else ""


function(
    "lpad(text, int4) -> text",
    rowwise=True,
    doc="`text` with blanks at its start up to `length` characters.",
    examples={"lpad('hi', 5)": "   hi"},
)(lambda text, length: lpad(text, length, " "))
function(
    "rpad(text, int4) -> text",
    rowwise=True,
    doc="`text` with blanks at its end up to `length` characters.",
    examples={"rpad('hi', 5)": "hi   "},
)(lambda text, length: rpad(text, length, " "))


@function(
    "repeat(text, int4) -> text",
    rowwise=True,
    examples={"repeat('ab', 3)": "ababab", "repeat('ab', -1)": "", "repeat(NULL, 3)": "NULL"},
)
def repeat(text: str, count: int) -> str:
    """`text` repeated `count` times; empty when `count` is not positive."""
    if len(text.encode()) * count > MAX_BYTES:
        raise ProgramLimitExceeded("requested length too large")
    return text * count


@function(
    "replace(text, text, text) -> text",
    scalars=True,
    examples={"replace('abcdefabcdef', 'cd', 'XX')": "abXXefabXXef", "replace('a', '', 'b')": "a"},
)
def replace(text: Value, old: Value, new: Value) -> Column:
    """`text` with each `old` replaced by `new`."""
    if isinstance(old, pa.Scalar) and isinstance(new, pa.Scalar):
        return pc.replace_substring(text, old.as_py(), new.as_py()) if old.as_py() else text
    count = next(len(arg) for arg in (text, old, new) if isinstance(arg, pa.Array))
    rows = zip(*(as_column(arg, count).to_pylist() for arg in (text, old, new)), strict=True)
    return pa.array([word.replace(a, b) if a else word for word, a, b in rows], pa.string())


for _name in ("strpos", "position"):
    function(
        f"{_name}(text, text) -> int4",
        rowwise=True,
        doc="Where the second text starts in the first, from 1; 0 where it does not occur.",
        examples={f"{_name}('high', 'ig')" if _name == "strpos" else "position('ig' IN 'high')": "2"},
    )(lambda text, part: text.find(part) + 1)
function(
    "position(bytea, bytea) -> int4",
    rowwise=True,
    doc="Where the second bytes start in the first, from 1; 0 where they do not occur.",
    examples={r"position('\x02'::bytea IN '\x0102'::bytea)": "2"},
)(lambda text, part: text.find(part) + 1)
