"""The run-time parameters of PostgreSQL 15, as pg_settings lists them: what SET, SHOW and current_setting know.

`parameters.csv` holds one line a parameter. Values are texts as SHOW prints them (`4MB`, `on`); `canonical` turns
what a user wrote into that form, or raises what PostgreSQL raises.
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.resources import files

from pgstream.errors import InvalidParameterValue, SqlError, UndefinedObject

_TIME_US = {"us": 1, "ms": 1000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_MEMORY_BYTES = {"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_TIME_HINT = 'Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".'
_MEMORY_HINT = 'Valid units for this parameter are "B", "kB", "MB", "GB", and "TB".'
_NUMBER = re.compile(r"\s*([-+]?(?:0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?))\s*(\w*)\s*")
_BOOLEANS = (("true", "on"), ("false", "off"), ("yes", "on"), ("no", "off"), ("on", "on"), ("off", "off"))


class CantChangeRuntimeParameter(SqlError):
    """The parameter exists and may not be set here."""

    sqlstate = "55P02"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One line of pg_settings. `setting` is the default in the form SHOW prints; `low` and `high` are in `unit`."""

    name: str
    vartype: str
    unit: str
    context: str
    setting: str
    low: str
    high: str
    choices: tuple[str, ...]
    category: str
    description: str

    def require_settable(self) -> None:
        """Raises unless a session may SET it."""
        reason = {
            "internal": "",
            "postmaster": " without restarting the server",
            "sighup": " now",
            "backend": None,
            "superuser-backend": None,
        }.get(self.context, "allowed")
        if reason is None:
            raise CantChangeRuntimeParameter(f'parameter "{self.name}" cannot be set after connection start')
        if reason != "allowed":
            raise CantChangeRuntimeParameter(f'parameter "{self.name}" cannot be changed{reason}')

    def canonical(self, text: str) -> str:
        """`text` as SHOW prints it. Raises InvalidParameterValue."""
        if self.vartype == "bool":
            return self._boolean(text)
        if self.vartype == "enum":
            return self._choice(text)
        if self.vartype in ("integer", "real"):
            return self.shown(self.amount(text))
        return text

    def amount(self, text: str) -> Fraction:
        """A number in the parameter's own unit. Raises InvalidParameterValue."""
        found = _NUMBER.fullmatch(text)
        if found is None:
            raise self._invalid(text)
        number, unit = found.groups()
        value = Fraction(int(number, 16)) if "x" in number.lower() else Fraction(number)
        if unit:
            value *= self._unit_factor(unit, text)
        if self.vartype == "integer":
            value = Fraction(round(value))
        low, high = Fraction(self.low or "-2147483648"), Fraction(self.high or "2147483647")
        if not low <= value <= high:
            amount = f"{_plain(value)}{' ' + self.unit if self.unit else ''}"
            raise InvalidParameterValue(
                f'{amount} is outside the valid range for parameter "{self.name}" ({self.low} .. {self.high})'
            )
        return value

    def stored(self, shown: str) -> str:
        """What SHOW prints, as pg_settings has it: a number in the parameter's own unit."""
        if self.vartype not in ("integer", "real") or not self.unit or _NUMBER.fullmatch(shown) is None:
            return shown
        return _plain(self.amount(shown))

    def shown(self, value: Fraction) -> str:
        """A number in the parameter's unit as SHOW prints it: in the largest unit that leaves it whole."""
        if not self.unit or value <= 0:
            return _plain(value)
        count, unit = _split_unit(self.unit)
        units = _TIME_US if unit in _TIME_US else _MEMORY_BYTES
        total = value * count * units[unit]
        for name, size in reversed(units.items()):
            if total % size == 0:
                return f"{total // size}{name}"
        return f"{_plain(value)}{self.unit}"

    def _unit_factor(self, unit: str, text: str) -> Fraction:
        count, own = _split_unit(self.unit) if self.unit else (1, "")
        units = _TIME_US if own in _TIME_US else _MEMORY_BYTES
        if own == "":
            raise self._invalid(text)
        if unit not in units:
            raise self._invalid(text, _TIME_HINT if units is _TIME_US else _MEMORY_HINT)
        return Fraction(units[unit], units[own] * count)

    def _boolean(self, text: str) -> str:
        word = text.strip().lower()
        if word in ("1", "0"):
            return "on" if word == "1" else "off"
        meanings = {meaning for name, meaning in _BOOLEANS if word and name.startswith(word)}
        if len(meanings) != 1:
            raise InvalidParameterValue(f'parameter "{self.name}" requires a Boolean value')
        return meanings.pop()

    def _choice(self, text: str) -> str:
        for choice in self.choices:
            if choice.lower() == text.lower():
                return choice
        if "on" in self.choices and "off" in self.choices and text.lower() in ("true", "yes", "1"):
            return "on"
        if "on" in self.choices and "off" in self.choices and text.lower() in ("false", "no", "0"):
            return "off"
        raise self._invalid(text, f"Available values: {', '.join(self.choices)}.")

    def _invalid(self, text: str, hint: str | None = None) -> InvalidParameterValue:
        return InvalidParameterValue(f'invalid value for parameter "{self.name.lower()}": "{text}"', hint=hint)


def _split_unit(unit: str) -> tuple[int, str]:
    """`8kB` is (8, kB)."""
    name = unit.lstrip("0123456789")
    return int(unit[: len(unit) - len(name)] or 1), name


def _plain(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.17g}".rstrip("0").rstrip(".")


@cache
def parameters() -> Mapping[str, Parameter]:
    """Every parameter by lower-case name, in the order SHOW ALL lists them."""
    with (files("pgstream.catalog") / "parameters.csv").open(encoding="utf-8") as lines:
        found = {}
        for line in csv.DictReader(lines):
            choices = tuple(line["choices"].split("|")) if line["choices"] else ()
            raw = Parameter(
                line["name"],
                line["vartype"],
                line["unit"],
                line["context"],
                line["setting"],
                line["min"],
                line["max"],
                choices,
                line["category"],
                line["description"],
            )
            found[raw.name.lower()] = _with_shown_default(raw)
        return found


def _with_shown_default(raw: Parameter) -> Parameter:
    """pg_settings keeps numbers in the parameter's unit; SHOW does not."""
    if raw.vartype not in ("integer", "real") or not raw.unit or not raw.setting:
        return raw
    shown = raw.shown(Fraction(raw.setting))
    values = {name: getattr(raw, name) for name in Parameter.__slots__}
    return Parameter(**{**values, "setting": shown})


def parameter(name: str) -> Parameter:
    """The parameter called `name`, in any case. Raises UndefinedObject."""
    found = parameters().get(name.lower())
    if found is None:
        raise UndefinedObject(f'unrecognized configuration parameter "{name}"')
    return found


@cache
def defaults() -> Mapping[str, str]:
    """The value of every parameter before anything is set, by lower-case name."""
    return {name: known.setting for name, known in parameters().items()}
