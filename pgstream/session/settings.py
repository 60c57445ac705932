"""The run-time parameters of one session: SET, SET LOCAL, RESET, and what a transaction's end does to them.

Layers, the upper hiding the lower: SET LOCAL values of the open transaction, SET values, start values of the
connection, defaults. ROLLBACK restores the SET values as they were when the transaction began.
"""

import re
import zoneinfo
from collections.abc import Callable, Mapping
from functools import cache

from pgstream.catalog.parameters import defaults, parameter, parameters
from pgstream.errors import FeatureNotSupported, InvalidName, InvalidParameterValue, UndefinedObject
from pgstream.sql.bind.view_options import TTL_SETTING
from pgstream.sql.dialects import DIALECTS, POSTGRES
from pgstream.sql.streaming.emission import span_us
from pgstream.types.definition import Settings

REPORTED = (
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
    "search_path",
)
"""What clients are told of at the start and whenever it changes (search_path as PostgreSQL 18 does)."""

_OF_TRANSACTION = ("transaction_isolation", "transaction_read_only", "transaction_deferrable")
"""Set for one transaction at a time; their defaults are parameters too."""

_ALIASES = {
    "time zone": "timezone",
    "transaction isolation level": "transaction_isolation",
    "session authorization": "session_authorization",
}

_ELSEWHERE = re.compile(
    r"(?:rw|streaming|batch)_\w+|(?:source|sink|backfill|dml)_rate_limit|(?:enable|force)_(?:two_phase_agg|share_plan"
    r"|join_ordering|split_distinct_agg)|implicit_flush|background_ddl|query_mode|visibility_mode|sink_decouple"
    r"|create_compaction_group_for_mv|cluster|cluster_replica|real_time_recency|auto_route_catalog_queries"
)
"""Settings of RisingWave's and Materialize's: they are kept and shown, and change nothing."""

_CUSTOM_NAME = re.compile(r"[A-Za-z_\x80-\U0010ffff][\w$]*(\.[A-Za-z_\x80-\U0010ffff][\w$]*)+")


class SessionSettings:
    """All parameters of one session. `current` is a plain mapping by lower-case name, replaced when one changes."""

    def __init__(self, start: Mapping[str, str], user: str = "postgres") -> None:
        self._user = user
        self._start = {
            "session_authorization": user,
            "pgstream.dialect": POSTGRES,
            "pgstream.subscribe_slow": "conflate",
            TTL_SETTING: "",
        }
        self.current: Settings = {**defaults(), **self._start}
        for name, value in start.items():
            self._start[known_name(name).lower()] = self._settled(name, value)
        self._session: dict[str, str] = {}
        self._local: dict[str, str] = {}
        self._at_begin: dict[str, str] | None = None
        self._told: dict[str, str] = {}
        self.version = 0
        self._refresh()

    def _refresh(self) -> None:
        current = {**defaults(), **self._start, **self._session, **self._local}
        for name in _OF_TRANSACTION:
            current[name] = self._local.get(name, current[f"default_{name}"])
        self.current = current
        self.version += 1

    def show(self, name: str) -> str:
        """The value of `name` as SHOW prints it. Raises UndefinedObject."""
        value = self.current.get(known_name(name).lower())
        if value is None:
            raise UndefinedObject(f'unrecognized configuration parameter "{name}"')
        return value

    def value(self, key: str) -> str | None:
        """The value of a parameter by its lower-case name; None for an unknown one."""
        return self.current.get(key)

    def canonical(self, name: str, value: str | None) -> str:
        """What `assign` would set, without setting it."""
        key = known_name(name).lower()
        if value is not None:
            return self._settled(name, value)
        known = parameters().get(key)
        if known is None:
            _require_custom(name)
        else:
            known.require_settable()
        return self._default(key)

    def assign(self, name: str, value: str | None, local: bool = False) -> str:
        """Sets `name` (None: to its default); returns the value it has now. Raises as PostgreSQL's SET does."""
        key = known_name(name).lower()
        settled = self.canonical(name, value)
        if local or key in _OF_TRANSACTION:
            self._local[key] = settled
        else:
            self._local.pop(key, None)
            self._session[key] = settled
            if value is None:
                del self._session[key]
        self._refresh()
        return settled

    def _settled(self, name: str, value: str) -> str:
        """`value` as `name` will show it, if a session may set it so."""
        key = known_name(name).lower()
        known = parameters().get(key)
        if known is None:
            _require_custom(name)
            return _chosen(key, value)
        known.require_settable()
        if key == "datestyle":
            return merged_datestyle(value, self.current[key])
        if key in ("role", "session_authorization") and value not in (self._user, "none"):
            raise InvalidParameterValue(f'role "{value}" does not exist')
        special = _SPECIAL.get(key)
        return known.canonical(value) if special is None else special(value)

    def _default(self, key: str) -> str:
        return self._start.get(key, defaults().get(key, ""))

    def begin(self) -> None:
        """A transaction starts: SET values are kept for its rollback."""
        self._at_begin = dict(self._session)

    def mark(self) -> tuple[dict[str, str], dict[str, str]]:
        """The SET and SET LOCAL values, for `back_to`."""
        return dict(self._session), dict(self._local)

    def back_to(self, mark: tuple[dict[str, str], dict[str, str]]) -> None:
        """SET and SET LOCAL since `mark` are undone."""
        if mark != (self._session, self._local):
            self._session, self._local = dict(mark[0]), dict(mark[1])
            self._refresh()

    def finish(self, committed: bool) -> None:
        """The transaction is over: SET LOCAL is undone, and SET too where it did not commit."""
        before, self._at_begin = self._at_begin, None
        changed = bool(self._local)
        self._local.clear()
        if not committed and before is not None and before != self._session:
            self._session = before
            changed = True
        if changed:
            self._refresh()

    def reset_all(self) -> None:
        """RESET ALL: back to what the connection started with."""
        self._session, self._local = {}, {}
        self._refresh()

    def changes(self) -> list[tuple[str, str]]:
        """The reported parameters whose value the client has not been told, which counts as told from now on."""
        if self._told.get("") == str(self.version):
            return []
        changed = []
        for name in REPORTED:
            value = self.current[name.lower()]
            if self._told.get(name) != value:
                self._told[name] = value
                changed.append((name, value))
        self._told[""] = str(self.version)
        return changed

    def milliseconds(self, name: str) -> int:
        """A parameter of unit ms as a number."""
        return int(parameter(name).amount(self.current[name]))

    def search_path(self, user: str) -> tuple[str, ...]:
        """The schemas of search_path, `$user` replaced, without the implicit pg_catalog."""
        return split_identifiers(self.current["search_path"], user)


@cache
def split_identifiers(text: str, user: str) -> tuple[str, ...]:
    """The names in a comma-separated list of identifiers: bare ones fold to lower case."""
    names = []
    for quoted, bare in re.findall(r'\s*(?:"((?:[^"]|"")*)"|([^",\s]+))\s*(?:,|$)', text):
        name = quoted.replace('""', '"') if not bare else bare.lower()
        names.append(user if name == "$user" else name)
    return tuple(name for name in names if name)


_CHOICES = {"pgstream.subscribe_slow": ("conflate", "drop"), "pgstream.dialect": DIALECTS}
"""What our own parameters may be."""


def _chosen(name: str, value: str) -> str:
    """A custom parameter's value. Raises InvalidParameterValue where it is one of ours and this is no choice."""
    if name == TTL_SETTING and value:
        span_us(value, None)
    choices = _CHOICES.get(name)
    if choices is None:
        return value
    if value.lower() not in choices:
        hint = f"Available values: {', '.join(choices)}."
        raise InvalidParameterValue(f'invalid value for parameter "{name}": "{value}"', hint=hint)
    return value.lower()


def known_name(name: str) -> str:
    """`name` with the spellings that SQL's grammar gives some parameters replaced."""
    return _ALIASES.get(name.lower(), name)


def _require_custom(name: str) -> None:
    """Parameters with a dot belong to whoever sets them; others must exist, here or in another system."""
    if name.lower() == TTL_SETTING or _ELSEWHERE.fullmatch(name.lower()) is not None:
        return
    if "." not in name:
        raise UndefinedObject(f'unrecognized configuration parameter "{name}"')
    if _CUSTOM_NAME.fullmatch(name) is None:
        raise InvalidName(
            f'invalid configuration parameter name "{name}"',
            detail="Custom parameter names must be two or more simple identifiers separated by dots.",
        )


@cache
def _zones() -> Mapping[str, str]:
    return {name.lower(): name for name in zoneinfo.available_timezones() if name != "localtime"}


_POSIX_ZONE = re.compile(r"<[A-Za-z0-9+-]+>[+-]?\d{1,2}(:\d\d){0,2}|[A-Za-z]{3,}[+-]?\d{1,2}(:\d\d){0,2}")


def _timezone(value: str) -> str:
    """A zone's name in its own spelling, or a POSIX zone for an offset in hours east of Greenwich."""
    found = _zones().get(value.lower())
    if found is not None:
        return found
    if _POSIX_ZONE.fullmatch(value):
        return value
    try:
        return offset_zone(round(float(value) * 3600))
    except ValueError:
        raise InvalidParameterValue(f'invalid value for parameter "TimeZone": "{value}"') from None


def offset_zone(seconds_east: int) -> str:
    """`<+03:30>-03:30`: the POSIX zone (whose sign is west of Greenwich) of a fixed offset."""
    hours, rest = divmod(abs(seconds_east), 3600)
    minutes, seconds = divmod(rest, 60)
    text = f"{hours:02}" + (f":{minutes:02}" if rest else "") + (f":{seconds:02}" if seconds else "")
    east, west = ("-", "+") if seconds_east < 0 else ("+", "-")
    return f"<{east}{text}>{west}{text}"


_STYLES = {"iso": "ISO", "sql": "SQL", "postgres": "Postgres", "german": "German"}
_ORDERS = {
    "ymd": "YMD",
    "dmy": "DMY",
    "mdy": "MDY",
    "us": "MDY",
    "noneuro": "MDY",
    "noneuropean": "MDY",
    "euro": "DMY",
    "european": "DMY",
}


def _datestyle_words(value: str) -> tuple[str | None, str | None]:
    style = order = None
    for word in (part.strip().strip('"').lower() for part in value.split(",")):
        if word in _STYLES:
            style = _STYLES[word]
            order = order or ("DMY" if word == "german" else None)
        elif word in _ORDERS:
            order = _ORDERS[word]
        elif word == "default":
            style, order = style or "ISO", order or "MDY"
        else:
            raise InvalidParameterValue(
                f'invalid value for parameter "DateStyle": "{value}"', detail=f'Unrecognized key word: "{word}".'
            )
    return style, order


def merged_datestyle(value: str, before: str) -> str:
    """DateStyle after setting it to `value`, which may name only the style or only the order."""
    style, order = _datestyle_words(value)
    old_style, _, old_order = before.partition(", ")
    return f"{style or old_style}, {order or old_order}"


_ENCODINGS = {"utf8": "UTF8", "unicode": "UTF8", "sqlascii": "SQL_ASCII"}
_OTHER_ENCODING = re.compile(
    r"latin\d+|iso8859\d+|win\d+|koi8[ru]?|euc\w+|sjis|shiftjis\w*|big5|gbk|gb18030|uhc|johab|mule\w+"
)


def encoding_named(name: str) -> str | None:
    """The encoding by PostgreSQL's name for it; None for no encoding's name. Raises FeatureNotSupported for others than
    UTF8. Names are compared by their letters and digits alone (`'utf-8'`, `UNICODE`)."""
    word = re.sub(r"[^a-z0-9]", "", name.lower())
    if _OTHER_ENCODING.fullmatch(word):
        raise FeatureNotSupported(f'encoding "{name}" is not supported: pgstream speaks UTF8')
    return _ENCODINGS.get(word)


def _client_encoding(value: str) -> str:
    found = encoding_named(value)
    if found is None:
        raise InvalidParameterValue(f'invalid value for parameter "client_encoding": "{value}"')
    return found


def _application_name(value: str) -> str:
    return "".join(character if " " <= character <= "~" else "?" for character in value)[:63]


_SPECIAL: dict[str, Callable[[str], str]] = {
    "timezone": _timezone,
    "log_timezone": _timezone,
    "client_encoding": _client_encoding,
    "application_name": _application_name,
}
