"""Where the parts of a jsonb value lie in PostgreSQL's binary form, by which `.keyvalue()` tells objects apart."""

from collections.abc import Iterator
from typing import Any

from pgstream.types.json_text import Number
from pgstream.types.jsonb import sorted_items
from pgstream.types.numeric import decimal_of


def place_of(root: Any, part: Any) -> int | None:
    """How many bytes behind the start of `root` the object or array `part` of it lies; None where it is no part."""
    return next((place for value, place in _containers(root, 0) if value is part), None)


def _containers(value: Any, start: int) -> Iterator[tuple[Any, int]]:
    yield value, start
    for item, place in _items(value, start):
        if isinstance(item, dict | list):
            yield from _containers(item, place)


def _items(value: Any, start: int) -> Iterator[tuple[Any, int]]:
    """The items of an object or array that lies at `start`, each with its place."""
    at = start + 4
    if isinstance(value, dict):
        pairs = sorted_items(value)
        at += 8 * len(pairs) + sum(len(key.encode()) for key, _ in pairs)
        items = [item for _, item in pairs]
    else:
        at += 4 * len(value)
        items = value
    for item in items:
        if isinstance(item, dict | list | Number):
            at = (at + 3) // 4 * 4
        yield item, at
        at = _end(item, at)


def _end(item: Any, at: int) -> int:
    """Where an item that lies at `at` ends."""
    if isinstance(item, dict | list):
        end = at + 4 + (8 * len(item) if isinstance(item, dict) else 4 * len(item))
        if isinstance(item, dict):
            end += sum(len(key.encode()) for key in item)
        for inner, place in _items(item, at):
            end = _end(inner, place)
        return end
    if isinstance(item, Number):
        return at + _numeric_bytes(item)
    return at + (len(item.encode()) if isinstance(item, str) else 0)


def _numeric_bytes(number: Number) -> int:
    """The size of a numeric: a length, a short header, and its digits to base 10,000."""
    _, digits, exponent = decimal_of(number).as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    whole, fraction = (
        (text + "0" * exponent, "") if exponent >= 0 else (text[:exponent], text[exponent:].zfill(-exponent))
    )
    whole = whole.zfill((len(whole) + 3) // 4 * 4)
    fraction = fraction.ljust((len(fraction) + 3) // 4 * 4, "0")
    parts = [(whole + fraction)[i : i + 4] for i in range(0, len(whole + fraction), 4)]
    used = [i for i, part in enumerate(parts) if part != "0000"]
    long = len(fraction) > 0 and -exponent > 63
    return 4 + (4 if long else 2) + 2 * (used[-1] - used[0] + 1 if used else 0)
