"""The Nexmark generator is deterministic at random access, and has the proportions and skew of the benchmark."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgstream.connectors import Limits, read
from pgstream.connectors.paced import row_offset
from pgstream.errors import InvalidParameterValue
from tests.unit.connectors.sources import StillWorld, drain, fields_of, opened

EVENTS = 50_000


def table(name: str, **options: str):  # type: ignore[no-untyped-def]
    source = opened(connector="nexmark", nexmark__table__type=name, nexmark__event__num=str(EVENTS), **options)
    rows, _, _ = drain(source)
    return [dict(zip([field.name for field in source.fields], row, strict=True)) for row in rows]


@pytest.mark.parametrize(("name", "share"), [("person", 1), ("auction", 3), ("bid", 46)])
def test_proportions(name: str, share: int) -> None:
    assert len(table(name)) == EVENTS // 50 * share


@pytest.mark.parametrize("events", range(0, 101, 7))
def test_tables_share_the_events(events: int) -> None:
    tables = ("person", "auction", "bid")
    sources = [opened(connector="nexmark", table=name, message_count=str(events)) for name in tables]
    assert sum(len(drain(source)[0]) for source in sources) == events


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["bid", "auction", "person"]), st.integers(0, 10**9), st.integers(1, 300), st.integers(1, 50))
def test_any_offset_reads_the_same(name: str, first: int, count: int, step: int) -> None:
    source = opened(connector="nexmark", nexmark__table__type=name)
    until = row_offset(first + count)
    whole, _, _ = drain(source, row_offset(first), until=until)
    steps, _, offsets = drain(source, row_offset(first), Limits(rows=step), until)
    assert whole == steps
    assert len(whole) == count
    assert offsets[-1] == until


def test_seeds_differ() -> None:
    assert table("bid", seed="1")[:10] != table("bid", seed="2")[:10]


def test_projection_does_not_change_what_is_needed() -> None:
    source = opened(connector="nexmark", nexmark__table__type="bid", nexmark__event__num="1000")
    every, _, _ = drain(source)
    some, _, _ = drain(source, needed=frozenset((0, 4)))
    assert [(row[0], row[4]) for row in every] == [(row[0], row[4]) for row in some]
    assert {row[2] for row in some} == {None}


def test_bids_are_skewed_as_the_benchmark_says() -> None:
    bids = table("bid")
    auctions = {row["id"] for row in table("auction")}
    people = {row["id"] for row in table("person")}
    hot = [(bid["auction"] - 1000) % 100 == 0 for bid in bids]
    assert 0.48 < np.mean(hot) < 0.54
    hot_bidders = [(bid["bidder"] - 1000) % 100 == 1 for bid in bids]
    assert 0.73 < np.mean(hot_bidders) < 0.79
    known = [bid["auction"] in auctions for bid in bids]
    assert np.mean(known) > 0.9
    assert np.mean([bid["bidder"] in people for bid in bids]) > 0.9
    prices = np.log10([bid["price"] for bid in bids])
    assert 2.0 <= prices.min() < 2.01
    assert 7.99 < prices.max() <= 8.0
    assert abs(prices.mean() - 5.0) < 0.05
    channels = Counter(bid["channel"] for bid in bids)
    assert 0.48 < sum(channels[name] for name in ("Google", "Facebook", "Baidu", "Apple")) / len(bids) < 0.52
    assert len({(bid["channel"], bid["url"]) for bid in bids}) == len(channels)
    assert all(bid["url"].startswith("https://www.nexmark.com/") for bid in bids)
    assert 66 < np.mean([len(bid["extra"]) for bid in bids]) < 70
    assert len({bid["extra"] for bid in bids}) > len(bids) * 0.9


def test_auctions_and_people() -> None:
    auctions, people = table("auction"), table("person")
    assert [row["id"] for row in auctions] == list(range(1000, 1000 + len(auctions)))
    assert [row["id"] for row in people] == list(range(1000, 1000 + len(people)))
    assert {row["category"] for row in auctions} == {10, 11, 12, 13, 14}
    assert all(row["expires"] > row["date_time"] and row["reserve"] > row["initial_bid"] > 0 for row in auctions)
    lengths = [(row["expires"] - row["date_time"]).total_seconds() for row in auctions]
    assert 0.14 < np.mean(lengths) < 0.19, "100 auctions in flight at 600 a second"
    assert 0.73 < np.mean([(row["seller"] - 1000) % 100 == 0 for row in auctions]) < 0.8
    assert {row["state"] for row in people} == {"AZ", "CA", "ID", "OR", "WA", "WY"}
    assert all(len(row["credit_card"]) == 19 and row["email_address"].endswith(".com") for row in people)
    sizes = [sum(len(v) if isinstance(v, str) else 8 for v in row.values()) for row in people]
    assert 190 < np.mean(sizes) < 220


def test_event_time_follows_the_event_rate() -> None:
    bids = table("bid", first_event_time="2020-01-01 00:00:00", first_event_rate="1000")
    assert str(bids[0]["date_time"]) == "2020-01-01 00:00:00.004000"
    assert str(bids[-1]["date_time"]) == "2020-01-01 00:00:49.999000"


def test_a_paced_source_waits_and_replays_without_waiting() -> None:
    world = StillWorld()
    source = opened(connector="nexmark", world=world, nexmark__table__type="bid", event_rate="1000")
    everything = frozenset(range(7))
    batch = read(source, source.start(), Limits(), everything)
    assert (batch.rows.count, batch.exhausted) == (0, False)
    assert batch.wait_until == pytest.approx(world.monotonic() + 0.004)
    world.sleep(1.0)
    batch = read(source, source.start(), Limits(), everything)
    assert batch.rows.count == 920
    world.us = 1_700_000_000_000_000
    assert read(source, source.start(), Limits(), everything, until=batch.next).rows.count == 920


def test_declared_columns_are_matched_by_name() -> None:
    declared = fields_of(price="int8", auction="int8")
    source = opened(declared, connector="nexmark", nexmark__table__type="bid", message_count="50")
    every = opened(connector="nexmark", nexmark__table__type="bid", message_count="50")
    assert drain(source)[0] == [(row[2], row[0]) for row in drain(every)[0]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"table": "bids"}, 'invalid value for option "table": "bids"'),
        ({"table": "bid", "sed": "1"}, 'unrecognized option "sed"'),
        ({"table": "bid", "seed": "x"}, 'invalid value for option "seed": "x"'),
        ({"table": "bid", "nexmark.table.type": "bid"}, 'options "nexmark.table.type" and "table" are the same option'),
        ({"table": "bid", "event_rate": "0"}, 'invalid value for option "event_rate": "0"'),
    ],
)
def test_wrong_options_are_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidParameterValue) as caught:
        opened(connector="nexmark", **options)
    assert caught.value.message == message
    if "unrecognized" in message:
        assert "nexmark.event.num" in (caught.value.hint or "")


def test_wrong_columns_are_refused() -> None:
    with pytest.raises(InvalidParameterValue, match='connector "nexmark" has no column "cost"'):
        opened(fields_of(cost="int8"), connector="nexmark", table="bid")
    with pytest.raises(InvalidParameterValue, match='column "price" of connector "nexmark" is of type bigint'):
        opened(fields_of(price="text"), connector="nexmark", table="bid")


@pytest.mark.parametrize(("first", "count"), [(0, 200), (1, 3), (3, 47), (49, 2), (50, 1), (10**9, 130)])
def test_all_events_are_those_of_the_tables(first: int, count: int) -> None:
    options = {"connector": "nexmark", "first_event_time": "2024-01-01T00:00:00Z"}
    source = opened(**options)
    assert [field.name for field in source.fields] == ["person", "auction", "bid"]
    events = read(source, row_offset(first), Limits(rows=count), frozenset(range(3))).rows.columns
    assert [sum(known) for known in zip(*(column.is_valid().to_pylist() for column in events), strict=True)] == [
        1
    ] * count
    for field, column in zip(source.fields, events, strict=True):
        alone = opened(**options, table=field.name)
        shift, share = {"person": (0, 1), "auction": (1, 3), "bid": (4, 46)}[field.name]
        before = first // 50 * share + min(max(first % 50 - shift, 0), share)
        dense = column.drop_null()
        rows = read(alone, row_offset(before), Limits(rows=max(1, len(dense))), frozenset(range(10))).rows.columns
        names = [own.name for own in alone.fields]
        for (name, _), values in zip(field.type.definition.attributes or (), dense.flatten(), strict=True):
            own = rows[names.index({"datetime": "date_time"}.get(name, name))].slice(0, len(dense))
            assert values.equals(own), (field.name, name)
