"""Functions over regular expressions: replacing, matching, counting, splitting.

They differ from PostgreSQL's in one thing. Of alternatives that match at the same place Python takes the first and
PostgreSQL the longest: `regexp_match('foobar', 'foo|foobar')` is {foo} here and {foobar} there. Whether a pattern
matches at all is the same in both.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue
from pgstream.functions.patterns import compiled
from pgstream.functions.registry import function


def groups(found: re.Match[str]) -> list[str | None]:
    """What regexp_match gives: the parenthesised parts, or the whole where there are none."""
    return list(found.groups()) if found.re.groups else [found[0]]


def without_g(flags: str) -> str:
    """Flags without the g that is legal only where all matches are asked for."""
    return flags.replace("g", "")


def _replacement(text: str) -> Callable[[re.Match[str]], str]:
    parts = re.findall(r"\\.|[^\\]+|\\\Z", text, re.DOTALL)

    def replace(found: re.Match[str]) -> str:
        made = []
        for part in parts:
            if len(part) == 2 and part[0] == "\\" and part[1] in "123456789":
                group = int(part[1])
                made.append((found[group] or "") if group <= found.re.groups else "")
            elif part == "\\&":
                made.append(found[0])
            else:
                made.append("\\" if part == "\\\\" else part)
        return "".join(made)

    return replace


def _replace(text: str, pattern: str, new: str, flags: str = "") -> str:
    return compiled(pattern, without_g(flags)).sub(_replacement(new), text, count=0 if "g" in flags else 1)


def _replace_from(text: str, pattern: str, new: str, start: int, nth: int = 1, flags: str = "") -> str:
    if start <= 0:
        raise InvalidParameterValue(f'invalid value for parameter "start": {start}')
    if nth < 0:
        raise InvalidParameterValue(f'invalid value for parameter "n": {nth}')
    replace, last = _replacement(new), 0
    made: list[str] = []
    for seen, found in enumerate(compiled(pattern, without_g(flags)).finditer(text, start - 1), 1):
        if nth in (0, seen):
            made += [text[last : found.start()], replace(found)]
            last = found.end()
    return "".join(made) + text[last:]


function(
    "regexp_replace(text, text, text) -> text",
    rowwise=True,
    doc="The first match replaced; \\1 is a group, \\& the match.",
    examples={
        "regexp_replace('Thomas', '.[mN]a.', 'M')": "ThM",
        "regexp_replace('foobarbaz', 'b(..)', 'X\\1Y')": "fooXarYbaz",
    },
)(_replace)
function(
    "regexp_replace(text, text, text, text) -> text",
    rowwise=True,
    doc="The first match, with flag g each, replaced.",
    examples={
        "regexp_replace('foobarbaz', 'b(..)', 'X\\1Y', 'g')": "fooXarYXazY",
        "regexp_replace('A PostgreSQL', 'a', 'X', 'gi')": "X PostgreSQL",
        "regexp_replace('a', 'a', 'b', 'z')": 'ERROR: 22023 invalid regular expression option: "z"',
    },
)(_replace)
for _arity in (4, 5, 6):
    _types = ("text", "text", "text", "int4", "int4", "text")[:_arity]
    _literal = ("'banana', 'a', 'X', 3", "'banana', 'a', 'X', 1, 2", "'banana', 'A', 'X', 1, 0, 'i'")[_arity - 4]
    function(
        f"regexp_replace({', '.join(_types)}) -> text",
        rowwise=True,
        doc="The nth match from `start` on replaced; 0: each.",
        examples={f"regexp_replace({_literal})": ("banXna", "banXna", "bXnXnX")[_arity - 4]},
    )(_replace_from)


def _match(text: str, pattern: str, flags: str = "") -> list[str | None] | None:
    if "g" in flags:
        raise InvalidParameterValue(
            'regexp_match() does not support the "global" option', hint="Use the regexp_matches function instead."
        )
    found = compiled(pattern, flags).search(text)
    return None if found is None else groups(found)


function(
    "regexp_match(text, text) -> _text",
    rowwise=True,
    doc="The groups of the first match; NULL where there is none.",
    examples={"regexp_match('foobarbequebaz', '(bar)(beque)')": "{bar,beque}", "regexp_match('a', 'b')": "NULL"},
)(_match)
function(
    "regexp_match(text, text, text) -> _text",
    rowwise=True,
    doc="The groups of the first match.",
    examples={"regexp_match('ABC', 'b', 'i')": "{B}"},
)(_match)


def _not_global(name: str, flags: str) -> None:
    if "g" in flags:
        raise InvalidParameterValue(f'{name}() does not support the "global" option')


def _count(text: str, pattern: str, start: int = 1, flags: str = "") -> int:
    _not_global("regexp_count", flags)
    if start <= 0:
        raise InvalidParameterValue(f'invalid value for parameter "start": {start}')
    return sum(1 for _ in compiled(pattern, flags).finditer(text, start - 1))


function(
    "regexp_count(text, text) -> int4",
    rowwise=True,
    doc="How often the pattern matches.",
    examples={"regexp_count('123456789012', '\\d\\d\\d')": "4"},
)(_count)
function(
    "regexp_count(text, text, int4) -> int4",
    rowwise=True,
    doc="How often the pattern matches from `start` on.",
    examples={"regexp_count('banana', 'a', 3)": "2"},
)(_count)
function(
    "regexp_count(text, text, int4, text) -> int4",
    rowwise=True,
    doc="How often the pattern matches from `start` on.",
    examples={"regexp_count('banana', 'A', 1, 'i')": "3"},
)(_count)


def _like(text: str, pattern: str, flags: str = "") -> bool:
    _not_global("regexp_like", flags)
    return compiled(pattern, flags).search(text) is not None


function(
    "regexp_like(text, text) -> bool",
    rowwise=True,
    doc="Whether the pattern matches.",
    examples={"regexp_like('Hello World', 'world$')": "f"},
)(_like)
function(
    "regexp_like(text, text, text) -> bool",
    rowwise=True,
    doc="Whether the pattern matches.",
    examples={"regexp_like('Hello World', 'world$', 'i')": "t"},
)(_like)


def _found(name: str, text: str, pattern: str, start: int, nth: int, flags: str, group: int) -> re.Match[str] | None:
    """The nth match from `start` on, if it has such a group."""
    for parameter, value, least in (("start", start, 1), ("n", nth, 1), ("subexpr", group, 0)):
        if value < least:
            raise InvalidParameterValue(f'invalid value for parameter "{parameter}": {value}')
    _not_global(name, flags)
    for seen, found in enumerate(compiled(pattern, flags).finditer(text, start - 1), 1):
        if seen == nth:
            return found if group <= found.re.groups else None
    return None


def _first(text: str, pattern: str, start: int = 1, nth: int = 1, flags: str = "", group: int = 0) -> str | None:
    found = _found("regexp_substr", text, pattern, start, nth, flags, group)
    return None if found is None else found[group]


def _position(
    text: str, pattern: str, start: int = 1, nth: int = 1, ending: int = 0, flags: str = "", group: int = 0
) -> int:
    if ending not in (0, 1):
        raise InvalidParameterValue(f'invalid value for parameter "endoption": {ending}')
    found = _found("regexp_instr", text, pattern, start, nth, flags, group)
    return 0 if found is None else (found.end(group) if ending else found.start(group)) + 1


for _arity, _literal, _result in (
    (2, "'number of your street', '[a-z]{4}'", "numb"),
    (3, "'banana', 'a.', 3", "an"),
    (4, "'banana', 'a.', 1, 2", "an"),
    (5, "'BANANA', 'a.', 1, 1, 'i'", "AN"),
    (6, "'banana', 'a(.)', 1, 1, '', 1", "n"),
):
    _types = ("text", "text", "int4", "int4", "text", "int4")[:_arity]
    function(
        f"regexp_substr({', '.join(_types)}) -> text",
        rowwise=True,
        doc="The nth match.",
        examples={f"regexp_substr({_literal})": _result},
    )(_first)
for _arity, _literal, _result in (
    (2, "'banana', 'an'", "2"),
    (3, "'banana', 'an', 3", "4"),
    (4, "'banana', 'an', 1, 2", "4"),
    (5, "'banana', 'an', 1, 1, 1", "4"),
    (6, "'BANANA', 'an', 1, 1, 0, 'i'", "2"),
    (7, "'ABCABC', 'A(B)(C)', 1, 2, 0, '', 2", "6"),
):
    _types = ("text", "text", "int4", "int4", "int4", "text", "int4")[:_arity]
    function(
        f"regexp_instr({', '.join(_types)}) -> int4",
        rowwise=True,
        doc="Where the nth match starts, or ends; 0 where there is none.",
        examples={f"regexp_instr({_literal})": _result},
    )(_position)


@function(
    "substring(text, text) -> text",
    rowwise=True,
    examples={"substring('Thomas', '...$')": "mas", "substring('foobar', 'o(.)b')": "o", "substring('a', 'b')": "NULL"},
)
def substring_of_pattern(text: str, pattern: str) -> str | None:
    """The first match, or its first group where it has one."""
    found = compiled(pattern).search(text)
    return None if found is None else groups(found)[0]


def parts(text: str, pattern: str, flags: str = "") -> Iterator[str]:
    """`text` split at each match; an empty match splits only between characters."""
    if "g" in flags:
        raise InvalidParameterValue('regexp_split_to_table() does not support the "global" option')
    last = 0
    for found in compiled(pattern, flags).finditer(text):
        if found.end() > found.start() or (last < found.start() < len(text)):
            yield text[last : found.start()]
            last = found.end()
    yield text[last:]


def _split(text: str, pattern: str, flags: str = "") -> list[str]:
    return list(parts(text, pattern, flags))


function(
    "regexp_split_to_array(text, text) -> _text",
    rowwise=True,
    doc="The texts between the matches.",
    examples={
        "regexp_split_to_array('hello  world', '\\s+')": "{hello,world}",
        "regexp_split_to_array('abc', '')": "{a,b,c}",
    },
)(_split)
function(
    "regexp_split_to_array(text, text, text) -> _text",
    rowwise=True,
    doc="The texts between the matches.",
    examples={"regexp_split_to_array('aXbxc', 'x', 'i')": "{a,b,c}"},
)(_split)


def set_of(rows: list[list[Any]], storage: pa.DataType) -> tuple[Any, tuple[Column, ...]]:
    """What a set-returning kernel gives, from the output values of each input row."""
    lengths = [len(values) for values in rows]
    flat = [value for values in rows for value in values]
    return np.repeat(np.arange(len(rows)), lengths), (pa.array(flat, storage),)


def _all_matches(*args: Column) -> tuple[Any, tuple[Column, ...]]:
    rows = []
    for text, pattern, *rest in zip(*(arg.to_pylist() for arg in args), strict=True):
        flags = rest[0] if rest else ""
        found = list(compiled(pattern, without_g(flags)).finditer(text))
        rows.append([groups(one) for one in (found if "g" in flags else found[:1])])
    return set_of(rows, pa.list_(pa.string()))


def _split_rows(*args: Column) -> tuple[Any, tuple[Column, ...]]:
    return set_of([list(parts(*row)) for row in zip(*(arg.to_pylist() for arg in args), strict=True)], pa.string())


function(
    "regexp_matches(text, text) -> SETOF _text",
    doc="The groups of the first match.",
    examples={"regexp_matches('foobarbequebaz', 'ba.')": "{bar}"},
)(_all_matches)
function(
    "regexp_matches(text, text, text) -> SETOF _text",
    doc="The groups of each match, with flag g.",
    examples={"regexp_matches('foobarbequebaz', 'ba.', 'g')": "{bar}|{baz}"},
)(_all_matches)
function(
    "regexp_split_to_table(text, text) -> SETOF text",
    doc="The texts between the matches.",
    examples={"regexp_split_to_table('hello world', '\\s+')": "hello|world"},
)(_split_rows)
function(
    "regexp_split_to_table(text, text, text) -> SETOF text",
    doc="The texts between the matches.",
    examples={"regexp_split_to_table('aXbxc', 'x', 'i')": "a|b|c"},
)(_split_rows)
