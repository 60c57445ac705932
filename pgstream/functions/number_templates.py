"""to_char and to_number over numbers: templates such as FM999,990.00."""

import re
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from math import isfinite
from typing import NamedTuple

from pgstream.errors import SyntaxError42601
from pgstream.functions.numeric_math import quantized
from pgstream.functions.registry import STABLE, function

_TOKEN = re.compile(r'FM|fm|MI|mi|PL|pl|SG|sg|PR|pr|TH|th|RN|rn|EEEE|eeee|"(?:\\.|[^"\\])*"|.', re.DOTALL)


class Picture(NamedTuple):
    """A number's template, taken apart."""

    tokens: tuple[str, ...]
    fill: bool
    whole: int
    places: int
    anchored: bool
    bracket: bool
    signs: bool


@lru_cache(256)
def picture_of(template: str) -> Picture:
    """The parts of `template`."""
    tokens = [token if token.startswith(('"', "th", "rn")) else token.upper() for token in _TOKEN.findall(template)]
    point = next((i for i, token in enumerate(tokens) if token in (".", "D")), len(tokens))
    if sum(token in (".", "D") for token in tokens) > 1:
        raise SyntaxError42601("multiple decimal points")
    whole = sum(token in "90" for token in tokens[:point])
    places = sum(token in "90" for token in tokens[point:])
    signs = any(token in ("S", "MI", "PL", "SG", "PR") for token in tokens)
    return Picture(
        tuple(t for t in tokens if t != "FM"), "FM" not in tokens, whole, places, "S" in tokens, "PR" in tokens, signs
    )


def number_text(value: Decimal, template: str) -> str:
    """`value` as `template` shows it."""
    picture = picture_of(template)
    if "EEEE" in picture.tokens:
        return _scientific(value, picture.places)
    if "RN" in picture.tokens or "rn" in picture.tokens:
        return _roman(value, picture)
    if not value.is_finite():
        return ("" if not picture.fill else " ") + "#" * picture.whole
    rounded = quantized(value, picture.places, ROUND_HALF_UP)
    negative = rounded < 0
    digits = f"{abs(rounded):f}"
    whole, _, fraction = digits.partition(".")
    whole = whole.lstrip("0")
    if len(whole) > picture.whole:
        whole, fraction = "#" * picture.whole, "#" * picture.places
    elif not whole and picture.whole and not picture.places:
        whole = "0"
    return _laid_out(picture, whole.rjust(picture.whole), fraction, negative)


def _scientific(value: Decimal, places: int) -> str:
    if not value.is_finite():
        return f" #.{'#' * places}" + "####"
    exponent = value.adjusted() if value else 0
    digits = quantized(value.scaleb(-exponent), places, ROUND_HALF_UP)  # may be 10, as PostgreSQL's may
    return f"{digits: f}e{exponent:+03d}"


_ROMAN = ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I")
_ROMAN_VALUES = (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1)
_ROMAN_WIDTH = 15


def _roman(value: Decimal, picture: Picture) -> str:
    left = int(quantized(value, 0, ROUND_HALF_UP)) if value.is_finite() else 0
    if not 0 < left < 4000:
        return "#" * _ROMAN_WIDTH
    made = ""
    for word, worth in zip(_ROMAN, _ROMAN_VALUES, strict=True):
        made += word * (left // worth)
        left %= worth
    made = made.lower() if "rn" in picture.tokens else made
    return made.rjust(_ROMAN_WIDTH) if picture.fill else made


def _ordinal(whole: str) -> str:
    """The ending of an ordinal number: st, nd, rd or th."""
    if whole[-2:-1] == "1":
        return "th"
    return {"1": "st", "2": "nd", "3": "rd"}.get(whole[-1:], "th")


def _laid_out(picture: Picture, whole: str, fraction: str, negative: bool) -> str:
    out: list[str] = []
    position, place, started, sign_at, in_fraction = 0, 0, False, -1, False
    last = _last_shown(picture, fraction)
    for token in picture.tokens:
        if token in ("9", "0") and not in_fraction:
            digit = whole[position]
            position += 1
            shown = digit != " " or token == "0" or started
            if shown and not started:
                started, sign_at = True, len(out)
            out.append((digit if digit != " " else "0") if shown else (" " if picture.fill else ""))
        elif token in ("9", "0"):
            place += 1
            out.append(fraction[place - 1] if picture.fill or place <= last else "")
        elif token in (".", "D"):
            in_fraction = True
            if not started:
                started, sign_at = True, len(out)
            out.append(".")
        elif token in ("TH", "th"):
            counted = not negative and not picture.places and "#" not in whole
            out.append((_ordinal(whole).upper() if token == "TH" else _ordinal(whole)) if counted else "")
        else:
            out.append(_mark(token, picture, negative, started))
    return _signed(picture, out, negative, len(out) if sign_at < 0 else sign_at)


def _last_shown(picture: Picture, fraction: str) -> int:
    """With FM, zeros at the end are left out where the template has a 9."""
    point = next((i for i, token in enumerate(picture.tokens) if token in (".", "D")), len(picture.tokens))
    slots = [token for token in picture.tokens[point:] if token in "90"]
    last = 0
    for index, slot in enumerate(slots):
        if slot == "0" or fraction[index : index + 1] not in ("0", ""):
            last = index + 1
    return last


def _mark(token: str, picture: Picture, negative: bool, started: bool) -> str:
    if token in (",", "G"):
        return "," if started else (" " if picture.fill else "")
    if token == "MI":
        return "-" if negative else (" " if picture.fill else "")
    if token == "PL":
        return "+" if not negative else (" " if picture.fill else "")
    if token == "SG":
        return "-" if negative else "+"
    if token == "S":
        return "\0"
    if token in ("PR", "L"):
        return " " if token == "L" and picture.fill else ""
    return token[1:-1] if token.startswith('"') else token


def _signed(picture: Picture, out: list[str], negative: bool, sign_at: int) -> str:
    blank = " " if picture.fill else ""
    if picture.anchored:
        sign = "-" if negative else "+"
        if picture.tokens[-1] == "S":
            return "".join(out).replace("\0", sign)
        return "".join([*out[:sign_at], sign, *out[sign_at:]]).replace("\0", "")
    if picture.bracket:
        body = "".join(out[sign_at:])
        return "".join(out[:sign_at]) + (f"<{body}>" if negative else f"{blank}{body}{blank}")
    if picture.signs and any(token in ("MI", "SG") for token in picture.tokens):
        return "".join(out)
    sign = "-" if negative else blank
    return "".join([*out[:sign_at], sign, *out[sign_at:]])


def _text_of_float(value: float, template: str) -> str:
    picture = picture_of(template)
    if "EEEE" in picture.tokens and isfinite(value):
        return f"{value: .{picture.places}e}"
    return number_text(Decimal(repr(value)) if value == value else Decimal("NaN"), template)


_EXAMPLES = {
    "to_char(125, '999')": " 125",
    "to_char(-125, '999')": "-125",
    "to_char(12454, '99,999,999')": "     12,454",
    "to_char(5, 'FM000')": "005",
    "to_char(0, '999')": "   0",
    "to_char(12345, '999')": " ###",
    "to_char(-5, '9MI')": "5-",
    "to_char(-485, '999PR')": "<485>",
    "to_char(485, 'SG999')": "+485",
    "to_char(12, 'FMRN')": "XII",
    "to_char(1999, 'FMrn')": "mcmxcix",
    "to_char(4000, 'RN')": "###############",
    "to_char(22, '99TH')": " 22ND",
    "to_char(113, '999th')": " 113th",
    "to_char(-3, '9th')": "-3",
    "to_char(12345, '9.99EEEE')": " 1.23e+04",
}
for _type in ("int4", "int8"):
    function(
        f"to_char({_type}, text) -> text",
        rowwise=True,
        volatility=STABLE,
        doc="The number as the template shows it.",
        examples=_EXAMPLES if _type == "int4" else {"to_char(125::int8, 'FM999')": "125"},
    )(lambda value, template: number_text(Decimal(value), template))
function(
    "to_char(numeric, text) -> text",
    rowwise=True,
    volatility=STABLE,
    doc="The number as the template shows it.",
    examples={
        "to_char(-125.8, '999D99')": "-125.80",
        "to_char(0.1, '0.9')": " 0.1",
        "to_char(-0.1, '99.99')": "  -.10",
        "to_char(0.1, 'FM9.99')": ".1",
        "to_char(1234.5, 'FM999,990.00')": "1,234.50",
        "to_char(148.5, '999.999')": " 148.500",
        "to_char(148.5, 'FM999.999')": "148.5",
        "to_char(12.345, 'S99.9')": "+12.3",
        "to_char(-12.345, '99.9S')": "12.3-",
        "to_char(0.000999, '9.9EEEE')": " 10.0e-04",
        "to_char(0, '9.9EEEE')": " 0.0e+00",
    },
)(number_text)
for _type in ("float4", "float8"):
    function(
        f"to_char({_type}, text) -> text",
        rowwise=True,
        volatility=STABLE,
        doc="The number as the template shows it.",
        examples={f"to_char(125.8::{_type}, '999D9')": " 125.8"},
    )(_text_of_float)


@function(
    "to_number(text, text) -> numeric",
    rowwise=True,
    volatility=STABLE,
    examples={
        "to_number('12,454.8-', '99G999D9S')": "-12454.8",
        "to_number('-34,338,492.654', '99,999,999.999')": "-34338492.654",
        "to_number('<564646.654564>', '999999.999999PR')": "-564646.654564",
    },
)
def to_number(text: str, template: str) -> Decimal:
    """The number that `text` shows, written as the template says."""
    picture = picture_of(template)
    negative = "-" in text or (picture.bracket and "<" in text)
    digits = re.sub(r"[^0-9.]", "", text)
    whole, _, fraction = digits.partition(".")
    value = Decimal(
        f"{whole[: picture.whole] or '0'}.{fraction[: picture.places]}"
        if picture.places and fraction
        else whole[: picture.whole] or "0"
    )
    return -value if negative else value
