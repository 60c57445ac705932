"""SET, SHOW and RESET: the values and messages PostgreSQL 15 answers with."""

import pytest

from pgstream.catalog.parameters import parameters
from pgstream.errors import SqlError
from pgstream.session.settings import SessionSettings, offset_zone, split_identifiers


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("statement_timeout", "1.5s", "1500ms"),
        ("statement_timeout", "60000", "1min"),
        ("statement_timeout", "90s", "90s"),
        ("statement_timeout", "0", "0"),
        ("work_mem", "64MB", "64MB"),
        ("work_mem", "1000", "1000kB"),
        ("enable_seqscan", "of", "off"),
        ("jit", "1", "on"),
        ("random_page_cost", "2", "2"),
        ("TimeZone", "europe/berlin", "Europe/Berlin"),
        ("timezone", "3.5", "<+03:30>-03:30"),
        ("time zone", "-7", "<-07>+07"),
        ("datestyle", "sql", "SQL, MDY"),
        ("datestyle", "german", "German, DMY"),
        ("datestyle", "postgres, ymd", "Postgres, YMD"),
        ("client_encoding", "utf-8", "UTF8"),
        ("client_encoding", "UNICODE", "UTF8"),
        ("intervalstyle", "ISO_8601", "iso_8601"),
        ("request.jwt.claims", "{}", "{}"),
        ("extra_float_digits", "3", "3"),
        ("synchronous_commit", "no", "off"),
    ],
)
def test_set_then_show(name: str, value: str, shown: str) -> None:
    settings = SessionSettings({})
    settings.assign(name, value)
    assert settings.show(name) == shown


@pytest.mark.parametrize(
    ("name", "value", "sqlstate", "message", "rest"),
    [
        ("statement_timeout", "abc", "22023", 'invalid value for parameter "statement_timeout": "abc"', None),
        (
            "statement_timeout",
            "-1",
            "22023",
            '-1 ms is outside the valid range for parameter "statement_timeout" (0 .. 2147483647)',
            None,
        ),
        (
            "statement_timeout",
            "5 parsecs",
            "22023",
            'invalid value for parameter "statement_timeout": "5 parsecs"',
            'Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".',
        ),
        ("enable_seqscan", "maybe", "22023", 'parameter "enable_seqscan" requires a Boolean value', None),
        (
            "intervalstyle",
            "x",
            "22023",
            'invalid value for parameter "intervalstyle": "x"',
            "Available values: postgres, postgres_verbose, sql_standard, iso_8601.",
        ),
        ("server_version", "x", "55P02", 'parameter "server_version" cannot be changed', None),
        (
            "max_connections",
            "5",
            "55P02",
            'parameter "max_connections" cannot be changed without restarting the server',
            None,
        ),
        ("fsync", "off", "55P02", 'parameter "fsync" cannot be changed now', None),
        ("foo", "1", "42704", 'unrecognized configuration parameter "foo"', None),
        ("timezone", "nowhere", "22023", 'invalid value for parameter "TimeZone": "nowhere"', None),
        ("client_encoding", "xx", "22023", 'invalid value for parameter "client_encoding": "xx"', None),
        (
            "work_mem",
            "1",
            "22023",
            '1 kB is outside the valid range for parameter "work_mem" (64 .. 2147483647)',
            None,
        ),
        (
            "extra_float_digits",
            "4",
            "22023",
            '4 is outside the valid range for parameter "extra_float_digits" (-15 .. 3)',
            None,
        ),
        ("role", "nobody", "22023", 'role "nobody" does not exist', None),
    ],
)
def test_refusals(name: str, value: str, sqlstate: str, message: str, rest: str | None) -> None:
    with pytest.raises(SqlError) as caught:
        SessionSettings({}).assign(name, value)
    assert (caught.value.sqlstate, caught.value.message, caught.value.hint) == (sqlstate, message, rest)


def test_rollback_restores_and_local_ends_with_the_transaction() -> None:
    settings = SessionSettings({"application_name": "start"})
    settings.assign("work_mem", "1MB")
    settings.begin()
    settings.assign("work_mem", "2MB")
    settings.assign("timezone", "UTC", local=True)
    assert (settings.show("work_mem"), settings.show("timezone")) == ("2MB", "UTC")
    settings.finish(committed=False)
    assert (settings.show("work_mem"), settings.show("timezone")) == ("1MB", "Etc/UTC")
    settings.begin()
    settings.assign("work_mem", "3MB")
    settings.assign("work_mem", "4MB", local=True)
    settings.finish(committed=True)
    assert settings.show("work_mem") == "3MB"
    settings.assign("application_name", "other")
    settings.reset_all()
    assert (settings.show("work_mem"), settings.show("application_name")) == ("4MB", "start")


def test_changes_are_told_once() -> None:
    settings = SessionSettings({}, "ann")
    first = dict(settings.changes())
    assert first["server_version"] == "15.6"
    assert first["session_authorization"] == "ann"
    assert {"client_encoding", "standard_conforming_strings", "TimeZone", "DateStyle"} <= set(first)
    assert settings.changes() == []
    settings.assign("timezone", "UTC")
    assert settings.changes() == [("TimeZone", "UTC")]
    settings.assign("timezone", "UTC")
    assert settings.changes() == []


def test_transaction_settings_follow_their_defaults() -> None:
    settings = SessionSettings({})
    settings.assign("default_transaction_isolation", "serializable")
    assert settings.show("transaction isolation level") == "serializable"


def test_every_default_is_a_value_of_its_parameter() -> None:
    for known in parameters().values():
        if known.vartype in ("bool", "enum") and known.setting:
            assert known.canonical(known.setting) == known.setting, known.name


def test_search_path() -> None:
    assert split_identifiers('"$user", public', "ann") == ("ann", "public")
    assert split_identifiers('a, "B c",d', "ann") == ("a", "B c", "d")
    assert split_identifiers('""', "ann") == ()


@pytest.mark.parametrize(("east", "zone"), [(0, "<+00>-00"), (-19800, "<-05:30>+05:30"), (3600, "<+01>-01")])
def test_fixed_offsets(east: int, zone: str) -> None:
    assert offset_zone(east) == zone


def test_our_own_parameters_are_shown_before_they_are_set() -> None:
    settings = SessionSettings({})
    assert [settings.show(f"pgstream.{name}") for name in ("dialect", "subscribe_slow")] == ["postgresql", "conflate"]
    settings.assign("pgstream.subscribe_slow", "DROP")
    assert settings.show("pgstream.subscribe_slow") == "drop"
    settings.assign("pgstream.subscribe_slow", None)
    assert settings.show("pgstream.subscribe_slow") == "conflate"
