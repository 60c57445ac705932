"""The parts of to_char's templates for moments: keywords and literal text."""

import re
from functools import lru_cache
from typing import NamedTuple

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
DATE_WORDS = (
    "Y,YYY",
    "YYYY",
    "YYY",
    "YY",
    "Y",
    "IYYY",
    "IYY",
    "IY",
    "I",
    "MONTH",
    "MON",
    "MM",
    "DAY",
    "DY",
    "IDDD",
    "DDD",
    "DD",
    "ID",
    "D",
    "IW",
    "WW",
    "W",
    "CC",
    "J",
    "Q",
    "RM",
    "B.C.",
    "A.D.",
    "BC",
    "AD",
)
_CLOCK_WORDS = (
    "HH24",
    "HH12",
    "HH",
    "MI",
    "SSSSS",
    "SSSS",
    "SS",
    "MS",
    "US",
    "FF1",
    "FF2",
    "FF3",
    "FF4",
    "FF5",
    "FF6",
    "A.M.",
    "P.M.",
    "AM",
    "PM",
    "TZH",
    "TZM",
    "TZ",
    "OF",
)
_WORDS = sorted(DATE_WORDS + _CLOCK_WORDS, key=len, reverse=True)
_CAPITALISED = ("Month", "Mon", "Day", "Dy")


class Token(NamedTuple):
    """A part of a template: a keyword in upper case, or with no keyword the literal text."""

    word: str
    text: str
    fill: bool = True
    ordinal: str = ""


@lru_cache(256)
def tokens_of(template: str) -> tuple[Token, ...]:
    """The parts of `template`."""
    made, at, fill = [], 0, True
    while at < len(template):
        if template[at : at + 2].upper() == "FM":
            fill, at = False, at + 2
            continue
        if template[at : at + 2].upper() in ("FX", "TM"):
            at += 2
            continue
        word = _word_at(template, at)
        if word:
            spelled = template[at : at + len(word)]
            at += len(word)
            ordinal = template[at : at + 2] if template[at : at + 2] in ("TH", "th") else ""
            at += len(ordinal)
            made.append(Token(word, spelled, fill, ordinal))
            fill = True
        else:
            text, at = _literal(template, at)
            made.append(Token("", text))
    return tuple(made)


def _word_at(template: str, at: int) -> str:
    for word in _WORDS:
        spelled = template[at : at + len(word)]
        if spelled in (word, word.lower()) or (spelled in _CAPITALISED and spelled.upper() == word):
            return word
    return ""


def _literal(template: str, at: int) -> tuple[str, int]:
    if template[at] == '"':
        found = re.compile(r'"((?:\\.|[^"\\])*)"?', re.DOTALL).match(template, at)
        assert found is not None
        return re.sub(r"\\(.)", r"\1", found[1]), found.end()
    if template[at] == "\\" and template[at + 1 : at + 2] == '"':
        return '"', at + 2
    return template[at], at + 1
