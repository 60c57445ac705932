"""WITH options: a dataclass is the declaration; parsing, checking, SHOW and the reference page derive from it.

    @dataclass(frozen=True, kw_only=True)
    class NexmarkOptions:
        table_type: str = option("nexmark.table.type", choices=("bid", "auction", "person"), doc="which events")
        event_num: int | None = option("nexmark.event.num", "message_count", default=None, minimum=0, doc="…")

An option is known by each of the names given, or by the field's own name where none is. Values arrive as text, as
SQL gives them.
"""

import dataclasses
import datetime as dt
import difflib
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pgstream.errors import InvalidParameterValue

Options = TypeVar("Options")

REQUIRED = dataclasses.MISSING
TRUE_WORDS = frozenset(("true", "t", "on", "yes", "y", "1", ""))
FALSE_WORDS = frozenset(("false", "f", "off", "no", "n", "0"))
UNITS_US = {
    "": 1_000_000,
    "us": 1,
    "ms": 1000,
    "s": 1_000_000,
    "sec": 1_000_000,
    "second": 1_000_000,
    "min": 60_000_000,
    "minute": 60_000_000,
    "h": 3_600_000_000,
    "hour": 3_600_000_000,
    "d": 86_400_000_000,
    "day": 86_400_000_000,
}
UNITS_BYTES = {"": 1, "b": 1, "k": 1 << 10, "kb": 1 << 10, "kib": 1 << 10, "m": 1 << 20, "mb": 1 << 20, "mib": 1 << 20}
UNITS_BYTES |= {"g": 1 << 30, "gb": 1 << 30, "gib": 1 << 30}


def option(
    *names: str,
    doc: str,
    default: Any = REQUIRED,
    choices: tuple[str, ...] = (),
    minimum: int | float | None = None,
    read: Callable[[str], Any] | None = None,
    prefix: str = "",
) -> Any:
    """A dataclass field that is a WITH option.

    `read` turns the text into the value and raises ValueError with what is wrong; it defaults to the reader of the
    field's type (str, int, float, bool). A field with `prefix` takes all options that start with it, as a dict.
    """
    metadata = {"names": names, "doc": doc, "choices": choices, "minimum": minimum, "read": read, "prefix": prefix}
    if prefix:
        return dataclasses.field(default_factory=dict, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def read_bool(text: str) -> bool:
    """A boolean as SQL spells it; a bare option is true."""
    word = text.strip().lower()
    if word not in TRUE_WORDS | FALSE_WORDS:
        raise ValueError("a boolean is expected")
    return word in TRUE_WORDS


def read_lenient(text: str) -> bool:
    """A boolean that may only be false."""
    if read_bool(text):
        raise ValueError("only false is supported")
    return False


def read_int(text: str) -> int:
    """A whole number; underscores may group its digits."""
    try:
        return int(text.strip())
    except ValueError:
        raise ValueError("a whole number is expected") from None


def read_float(text: str) -> float:
    """A finite number."""
    try:
        value = float(text.strip())
    except ValueError:
        raise ValueError("a number is expected") from None
    if not float("-inf") < value < float("inf"):
        raise ValueError("a finite number is expected")
    return value


def read_duration_us(text: str) -> int:
    """A time span in microseconds: `10 s`, `5 minutes`, `100ms`; a bare number is seconds."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*?)s?\s*", text.lower())
    unit = None if found is None else UNITS_US.get(found[2])
    if text.strip().lower().endswith(("us", "ms")) and found is not None:
        unit = UNITS_US[text.strip().lower()[-2:]]
    if found is None or unit is None:
        raise ValueError("a time span such as '10 seconds' is expected")
    return round(float(found[1]) * unit)


def read_bytes(text: str) -> int:
    """A number of bytes: `8 MB`, `65536`."""
    found = re.fullmatch(r"\s*(\d+)\s*([a-z]*)\s*", text.lower())
    if found is None or found[2] not in UNITS_BYTES:
        raise ValueError("a size such as '8 MB' is expected")
    return int(found[1]) * UNITS_BYTES[found[2]]


def read_moment_us(text: str) -> int:
    """A moment in microseconds since 1970: ISO 8601 (UTC where it names no zone), or milliseconds since 1970."""
    if re.fullmatch(r"\d+", text.strip()):
        return int(text) * 1000
    try:
        moment = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError("a timestamp such as '2015-07-15 00:00:00' is expected") from None
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return (zoned - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


READERS: Mapping[type, Callable[[str], Any]] = {str: str, int: read_int, float: read_float, bool: read_bool}


def names_of(field: "dataclasses.Field[Any]") -> tuple[str, ...]:
    """The spellings of an option, the preferred one first."""
    return field.metadata["names"] or (field.name,)


def known_options(*classes: type) -> list[str]:
    """The spellings of all options of the given dataclasses, sorted."""
    names: list[str] = []
    for cls in classes:
        for field in dataclasses.fields(cls):
            names += [field.metadata["prefix"] + "*"] if field.metadata["prefix"] else names_of(field)
    return sorted(names)


def parse_options(cls: type[Options], given: Mapping[str, str]) -> tuple[Options, dict[str, str]]:
    """An instance of the dataclass `cls` from what `given` holds of its options, and the rest of `given`.

    Raises InvalidParameterValue for a bad value, a missing option, and two spellings of one option.
    """
    rest = dict(given)
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        prefix = field.metadata["prefix"]
        if prefix:
            values[field.name] = {
                name.removeprefix(prefix): rest.pop(name) for name in list(rest) if name.startswith(prefix)
            }
            continue
        spelled = [name for name in names_of(field) if name in rest]
        if len(spelled) > 1:
            raise InvalidParameterValue(f'options "{spelled[0]}" and "{spelled[1]}" are the same option')
        if spelled:
            values[field.name] = read_option(field, hints[field.name], spelled[0], rest.pop(spelled[0]))
        elif field.default is REQUIRED:
            raise InvalidParameterValue(f'option "{names_of(field)[0]}" is required', hint=field.metadata["doc"])
    return cls(**values), rest


def read_option(field: "dataclasses.Field[Any]", hint: Any, name: str, text: str) -> Any:
    """The value that `text` gives the option. Raises InvalidParameterValue."""
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    read = field.metadata["read"] or READERS[hint]
    choices, minimum = field.metadata["choices"], field.metadata["minimum"]
    try:
        value = read(text.lower() if choices else text)
        if choices and value not in choices:
            raise ValueError(f"one of {', '.join(choices)} is expected")
        if minimum is not None and value < minimum:
            raise ValueError(f"at least {minimum} is expected")
    except ValueError as error:
        raise InvalidParameterValue(
            f'invalid value for option "{name}": "{text}"', detail=f"{str(error)[:1].upper()}{str(error)[1:]}."
        ) from None
    return value


def refuse_unknown(rest: Mapping[str, str], known: list[str]) -> None:
    """Raises InvalidParameterValue where an option is left that nothing has read."""
    for name in rest:
        raise InvalidParameterValue(f'unrecognized option "{name}"', hint=suggested("option", name, known))


def suggested(kind: str, name: str, known: Iterable[str]) -> str:
    """What to write in place of a name that is none of the known ones."""
    every = sorted(known)
    close = difflib.get_close_matches(name, every, 1, 0.75)
    meant = f'Perhaps you meant the {kind} "{close[0]}". ' if close else ""
    return f"{meant}Known {kind}s are: {', '.join(every)}."


def describe(cls: type) -> list[tuple[str, str, str]]:
    """(spellings, default, documentation) of each option of `cls`, for the reference page."""
    rows = []
    for field in dataclasses.fields(cls):
        prefix = field.metadata["prefix"]
        default = (
            "" if prefix or field.default is None else "required" if field.default is REQUIRED else str(field.default)
        )
        rows.append((prefix + "*" if prefix else ", ".join(names_of(field)), default, field.metadata["doc"]))
    return rows
