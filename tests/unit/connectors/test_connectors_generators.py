"""Datagen and impulse make the same rows whenever they are asked, and keep their pace."""

import pytest

from pgstream.connectors import Limits, read
from pgstream.errors import InvalidParameterValue, InvalidTableDefinition
from tests.unit.connectors.sources import StillWorld, drain, fields_of, opened

FIELDS = fields_of(v="int4", w="int8", f="float8", n="numeric", s="text", b="bool", t="timestamp")


def test_a_sequence_ends_the_source() -> None:
    source = opened(
        FIELDS, connector="datagen", fields__v__kind="sequence", fields__v__start="5", fields__v__end="104",
        fields__w__min="-3", fields__w__max="3", fields__s__length="4", fields__f__min="2", fields__f__max="4",
    )  # fmt: skip
    rows, _, _ = drain(source, limits=Limits(rows=7))
    assert [row[0] for row in rows] == list(range(5, 105))
    assert {row[1] for row in rows} == set(range(-3, 4))
    assert all(2 <= row[2] < 4 and len(row[4]) == 4 for row in rows)  # type: ignore[operator,arg-type]
    assert {row[5] for row in rows} == {True, False}
    assert rows == drain(source)[0]


def test_pace() -> None:
    world = StillWorld()
    source = opened(fields_of(v="int4"), world, connector="datagen", datagen__rows__per__second="10")
    assert read(source, source.start(), Limits(), frozenset((0,))).rows.count == 1
    world.sleep(1)
    batch = read(source, source.start(), Limits(), frozenset((0,)))
    assert batch.rows.count == 11
    again = read(source, batch.next, Limits(), frozenset((0,)))
    assert again.rows.count == 0
    assert again.wait_until == pytest.approx(world.monotonic() + 0.1)


def test_impulse_counts() -> None:
    world = StillWorld(1_700_000_001_000_000)
    options = {"event_rate": "1000000", "event_time_interval": "1 ms", "message_count": "3"}
    source = opened(connector="impulse", world=world, **options)  # type: ignore[arg-type]
    rows, _, _ = drain(source)
    assert [row[:2] for row in rows] == [(0, 0), (1, 0), (2, 0)]
    assert [(row[2] - rows[0][2]).microseconds for row in rows] == [0, 1000, 2000]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fields.x.kind": "random"}, 'unrecognized option "fields.x.kind"'),
        ({"fields.v.kin": "random"}, 'unrecognized option "fields.v.kin"'),
        ({"fields.v.kind": "often"}, 'invalid value for option "kind": "often"'),
    ],
)
def test_wrong_options(options: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidParameterValue) as caught:
        opened(fields_of(v="int4"), connector="datagen", **options)
    assert caught.value.message == message


def test_columns_must_be_declared() -> None:
    with pytest.raises(InvalidTableDefinition, match="a column definition list is required for datagen"):
        opened(connector="datagen")
    with pytest.raises(InvalidTableDefinition, match='column "u" of type uuid cannot be made up'):
        opened(fields_of(u="uuid"), connector="datagen")
