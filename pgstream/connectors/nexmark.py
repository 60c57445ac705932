"""The Nexmark benchmark's generator: people, auctions and bids of an online auction house.

Tucker, Tufte, Papadimos, Maier, "NEXMark: A Benchmark for Queries over Data Streams" (2002), with the fields,
proportions and skew of Apache Beam's and Flink's generators. Of 50 events 1 is a person, 3 are auctions, 46 bids.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.connectors.connector import Connector, Opening, declare, declared
from pgstream.connectors.nexmark_events import ORDER, Kind, event_column, event_fields
from pgstream.connectors.nexmark_options import NexmarkOptions
from pgstream.connectors.paced import PacedSource
from pgstream.connectors.source import Rows
from pgstream.delta import Column
from pgstream.formats.arenas import ARENAS, Memory
from pgstream.formats.format import Field
from pgstream.formats.sheet import null_column
from pgstream.kernels import nexmark as k
from pgstream.types.definition import SqlType

FIRST_MOMENT_US = 1_436_918_400_000_000
"""2015-07-15 00:00:00 UTC, where RisingWave's generator starts."""

CITIES = [
    "phoenix", "los angeles", "san francisco", "boise", "portland", "bend", "redmond", "seattle", "kent", "cheyenne",
]  # fmt: skip
STATES = "az,ca,id,or,wa,wy".upper().split(",")
FIRST_NAMES = ["peter", "paul", "luke", "john", "saul", "vicky", "kate", "julie", "sarah", "deiter", "walter"]
LAST_NAMES = ["shultz", "abrams", "spencer", "white", "bartels", "walton", "smith", "jones", "noris"]
HOT_CHANNELS = ("Google", "Facebook", "Baidu", "Apple")
CHANNELS = 10_000
POOL_BYTES = 1 << 17

PLAIN_BYTES = {"bid": 32, "auction": 111, "person": 62}
"""What a row's columns other than `extra` come to on average, in the reckoning of the original generator."""


class Table(NamedTuple):
    """What generates one table: the kernels' configuration, texts to choose from, and the length of `extra`."""

    config: NDArray[np.int64]
    seed: int
    extra_shortest: int
    extra_spread: int


Maker = Callable[[Table, int, int], Column]


class TextPool(NamedTuple):
    """Texts to choose from, as an Arrow column's buffers."""

    offsets: NDArray[np.int32]
    memory: Memory

    @staticmethod
    def of(texts: list[str]) -> "TextPool":
        column = pa.array(texts, pa.string())
        _, offsets, content = column.buffers()
        return TextPool(
            np.frombuffer(offsets, np.int32)[: len(texts) + 1].copy(), np.frombuffer(content, np.uint8).copy()
        )

    @property
    def longest(self) -> int:
        return int(np.diff(self.offsets).max())


@cache
def letter_pool(seed: int, spaces: int) -> Memory:
    """Random letters that texts are cut out of."""
    pool = np.empty(POOL_BYTES, np.uint8)
    k.fill_letters(seed, spaces, pool)
    return pool


@cache
def channel_pools(seed: int) -> tuple[TextPool, TextPool]:
    """The channels and their URLs, hot ones first."""
    pool = letter_pool(seed, 0).tobytes().decode()
    channels = [*HOT_CHANNELS, *(f"channel-{i}" for i in range(CHANNELS))]
    urls = []
    for i in range(len(channels)):
        at = i * 13
        path = "/".join(pool[at + 5 * j : at + 5 * j + 5] for j in range(3))
        number = i - len(HOT_CHANNELS)
        tail = f"&channel_id={int(f'{number:032b}'[::-1], 2) & 0x7FFFFFFF}" if number >= 0 and number % 10 else ""
        urls.append(f"https://www.nexmark.com/{path}/item.htm?query=1{tail}")
    return TextPool.of(channels), TextPool.of(urls)


@cache
def word_pools() -> dict[str, TextPool]:
    """The words of people's columns."""
    names = [f"{first} {last}" for first in FIRST_NAMES for last in LAST_NAMES]
    return {"name": TextPool.of(names), "city": TextPool.of(CITIES), "state": TextPool.of(STATES)}


def number_column(kernel: Callable[..., None], storage: pa.DataType) -> Maker:
    """A column that `kernel` fills."""

    def make(table: Table, first: int, count: int) -> Column:
        values = ARENAS.take(count * 8)
        kernel(table.config, first, values.view(np.int64))
        return pa.Array.from_buffers(storage, count, [None, pa.py_buffer(values)])

    return make


def text_column(count: int, bytes_max: int, write: Callable[[NDArray[np.int32], int], int]) -> Column:
    """A text column that `write(offsets, address of the text)` fills, and whose size it returns."""
    offsets, text = ARENAS.take((count + 1) * 4), ARENAS.take(bytes_max)
    written = write(offsets.view(np.int32), int(text.ctypes.data))
    return pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(text[:written])])


def letters_column(stream: int, shortest: int, spread: int, spaces: int) -> Maker:
    """Random letters."""

    def make(table: Table, first: int, count: int) -> Column:
        return letters_of(table, first, count, stream, shortest, spread, letter_pool(table.seed, spaces))

    return make


def letters_of(table: Table, first: int, count: int, stream: int, shortest: int, spread: int, pool: Memory) -> Column:
    """`count` windows of the pool."""
    address = int(pool.ctypes.data)

    def write(offsets: NDArray[np.int32], text: int) -> int:
        return int(k.letters(table.config, first, stream, shortest, spread, address, len(pool), offsets, text))

    return text_column(count, count * (shortest + spread) + 8, write)


def extra_column(table: Table, first: int, count: int) -> Column:
    """Padding to the average size."""
    pool = letter_pool(table.seed, 0)
    return letters_of(table, first, count, 18, table.extra_shortest, table.extra_spread, pool)


def chosen_column(pool: TextPool, table: Table, first: int, count: int, stream: int, hot: int) -> Column:
    """One of the pool's texts for each row."""
    picks = ARENAS.take(count * 4).view(np.int32)
    k.choices(table.config, first, stream, hot, len(pool.offsets) - 1 - hot, picks)
    address = int(pool.memory.ctypes.data)
    return text_column(
        count,
        count * pool.longest + 8,
        lambda offsets, text: int(k.gather_texts(address, pool.offsets, picks, offsets, text)),
    )


def channel_column(which: int) -> Maker:
    """Channel (0) or URL (1) of each bid; both make the same choice."""

    def make(table: Table, first: int, count: int) -> Column:
        return chosen_column(channel_pools(table.seed)[which], table, first, count, 20, len(HOT_CHANNELS))

    return make


def word_column(words: str, stream: int) -> Maker:
    """One of the words for each person."""
    return lambda table, first, count: chosen_column(word_pools()[words], table, first, count, stream, 0)


def email_column(table: Table, first: int, count: int) -> Column:
    """The people's addresses."""
    pool = letter_pool(table.seed, 0)
    return text_column(
        count,
        count * 20 + 8,
        lambda offsets, text: int(k.emails(table.config, first, int(pool.ctypes.data), len(pool), offsets, text)),
    )


def card_column(table: Table, first: int, count: int) -> Column:
    """The people's credit cards."""
    return text_column(
        count, count * 19 + 8, lambda offsets, text: int(k.credit_cards(table.config, first, offsets, text))
    )


INT8, TEXT, TIMESTAMP = SqlType("int8"), SqlType("text"), SqlType("timestamp")
MOMENT = pa.timestamp("us")

TABLES: dict[str, dict[str, tuple[SqlType, Maker]]] = {
    "bid": {
        "auction": (INT8, number_column(k.bid_auctions, pa.int64())),
        "bidder": (INT8, number_column(k.bid_bidders, pa.int64())),
        "price": (INT8, number_column(k.prices, pa.int64())),
        "channel": (TEXT, channel_column(0)),
        "url": (TEXT, channel_column(1)),
        "date_time": (TIMESTAMP, number_column(k.moments, MOMENT)),
        "extra": (TEXT, extra_column),
    },
    "auction": {
        "id": (INT8, number_column(k.auction_ids, pa.int64())),
        "item_name": (TEXT, letters_column(22, 3, 17, 13)),
        "description": (TEXT, letters_column(24, 3, 97, 13)),
        "initial_bid": (INT8, number_column(k.prices, pa.int64())),
        "reserve": (INT8, number_column(k.auction_reserves, pa.int64())),
        "date_time": (TIMESTAMP, number_column(k.moments, MOMENT)),
        "expires": (TIMESTAMP, number_column(k.auction_expiries, MOMENT)),
        "seller": (INT8, number_column(k.auction_sellers, pa.int64())),
        "category": (INT8, number_column(k.auction_categories, pa.int64())),
        "extra": (TEXT, extra_column),
    },
    "person": {
        "id": (INT8, number_column(k.person_ids, pa.int64())),
        "name": (TEXT, word_column("name", 22)),
        "email_address": (TEXT, email_column),
        "credit_card": (TEXT, card_column),
        "city": (TEXT, word_column("city", 24)),
        "state": (TEXT, word_column("state", 26)),
        "date_time": (TIMESTAMP, number_column(k.moments, MOMENT)),
        "extra": (TEXT, extra_column),
    },
}


def table_of(options: NexmarkOptions, kind: str, base_us: int) -> Table:
    """The generator of the table of that kind of event."""
    total = options.persons + options.auctions + options.bids
    shift = {"person": 0, "auction": options.persons, "bid": options.persons + options.auctions}[kind]
    share = {"person": options.persons, "auction": options.auctions, "bid": options.bids}[kind]
    config = np.zeros(k.CONFIG_FIELDS, np.int64)
    config[k.SEED], config[k.TOTAL], config[k.SHARE], config[k.SHIFT] = options.seed, total, share, shift
    config[k.PERSONS], config[k.AUCTIONS] = options.persons, options.auctions
    config[k.FIRST_PERSON], config[k.FIRST_AUCTION] = options.first_person, options.first_auction
    config[k.FIRST_CATEGORY], config[k.CATEGORIES] = options.first_category, options.categories
    config[k.ACTIVE_PEOPLE], config[k.IN_FLIGHT] = options.active_people, options.in_flight_auctions
    config[k.HOT_AUCTION], config[k.HOT_BIDDER] = options.hot_auction_ratio, options.hot_bidder_ratio
    config[k.HOT_SELLER], config[k.HOT_CHANNEL] = options.hot_seller_ratio, options.hot_channel_ratio
    config[k.PERSON_LEAD], config[k.AUCTION_LEAD] = options.person_lead, options.auction_lead
    rate = options.first_event_rate if options.gap_ns is None else 1e9 / options.gap_ns
    config[k.BASE_MS], config[k.DELAY_NS] = base_us // 1000, max(1, round(1e9 / rate))
    average = {"person": options.person_bytes, "auction": options.auction_bytes, "bid": options.bid_bytes}
    padding = max(0, average[kind] - PLAIN_BYTES[kind])
    delta = round(padding * 0.2)
    return Table(config, options.seed, padding - delta, 2 * delta)


def rows_before(config: NDArray[np.int64], events: int) -> int:
    """How many rows of the table are among the first `events` events."""
    total, share, shift = int(config[k.TOTAL]), int(config[k.SHARE]), int(config[k.SHIFT])
    return events // total * share + min(max(events % total - shift, 0), share)


def open_source(options: NexmarkOptions, opening: Opening) -> PacedSource:
    """The events of one table, or all of them."""
    base_us = options.first_event_us
    if base_us is None:
        base_us = FIRST_MOMENT_US if options.gap_ns is None else opening.created_us
    if options.table_type is None:
        return _events(options, opening, base_us)
    table = table_of(options, options.table_type, base_us)
    columns = TABLES[options.table_type]
    fields = declared(tuple(Field(name, type) for name, (type, _) in columns.items()), opening.fields, "nexmark")
    makers = [(field.type.storage, columns[field.name][1]) for field in fields]

    def make(first: int, count: int, needed: frozenset[int]) -> Rows:
        made = (
            maker(table, first, count).cast(storage) if c in needed else null_column(storage, count)
            for c, (storage, maker) in enumerate(makers)
        )
        return Rows(tuple(made), count)

    events, gap_ns = options.events, options.gap_ns
    total, share, shift = (int(table.config[i]) for i in (k.TOTAL, k.SHARE, k.SHIFT))
    return PacedSource(
        fields=fields,
        make=make,
        total=None if events is None else rows_before(table.config, events),
        due_ns=None if gap_ns is None else lambda row: math.ceil((row // share * total + shift + row % share) * gap_ns),
        rows_due=None if gap_ns is None else lambda ns: rows_before(table.config, int(ns / gap_ns) + 1),
        world=opening.world,
        created_us=opening.created_us,
        passed_over=opening.passed_over,
        row_bytes=100,
    )


def _events(options: NexmarkOptions, opening: Opening, base_us: int) -> PacedSource:
    """All events, each with its place among the columns."""
    fields = declared(event_fields(TABLES), opening.fields, "nexmark")
    kinds = {}
    for field in fields:
        table = table_of(options, field.name, base_us)
        shape = (int(table.config[i]) for i in (k.TOTAL, k.SHARE, k.SHIFT))
        kinds[field.name] = Kind(table, TABLES[field.name], *shape)

    def make(first: int, count: int, needed: frozenset[int]) -> Rows:
        made = (
            event_column(kinds[field.name], field, ORDER[field.name], first, count)
            if c in needed
            else null_column(field.type.storage, count)
            for c, field in enumerate(fields)
        )
        return Rows(tuple(made), count)

    gap_ns = options.gap_ns
    return PacedSource(
        fields=fields,
        make=make,
        total=options.events,
        due_ns=None if gap_ns is None else lambda row: math.ceil(row * gap_ns),
        rows_due=None if gap_ns is None else lambda ns: int(ns / gap_ns) + 1,
        world=opening.world,
        created_us=opening.created_us,
        passed_over=opening.passed_over,
        row_bytes=150,
    )


NEXMARK = declare(
    Connector(
        name="nexmark",
        doc="Generates the events of the Nexmark benchmark.",
        options=NexmarkOptions,
        source=open_source,
    )
)
