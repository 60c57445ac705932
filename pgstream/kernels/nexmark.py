"""Columns of the Nexmark generator, each a function of the seed and the numbers of the events alone.

Randomness is counter-based: the splitmix64 finaliser (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number
Generators", OOPSLA 2014) over (seed, event, stream), so that any event can be made without those before it and any
column without the others. `config` is an int64 array whose fields are the constants below; row r of a table is
event (r // SHARE) * TOTAL + SHIFT + r % SHARE.
"""

import numpy as np

from pgstream.kernels.bytes import memcpy, store8
from pgstream.kernels.compiler import njit

(
    SEED,
    TOTAL,
    SHARE,
    SHIFT,
    PERSONS,
    AUCTIONS,
    FIRST_PERSON,
    FIRST_AUCTION,
    FIRST_CATEGORY,
    CATEGORIES,
    ACTIVE_PEOPLE,
    IN_FLIGHT,
    HOT_AUCTION,
    HOT_BIDDER,
    HOT_SELLER,
    HOT_CHANNEL,
    PERSON_LEAD,
    AUCTION_LEAD,
    BASE_MS,
    DELAY_NS,
) = range(20)
CONFIG_FIELDS = 20

HOT_GROUP = 100
"""Of so many neighbouring auctions, bidders or sellers one is hot."""

GAMMA = np.uint64(0x9E3779B97F4A7C15)
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S27, S30, S31, S32 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32)
LN_10 = float(np.log(10.0))
STREAMS = 32


@njit("int64(int64[::1], int64, int64, int64)", nogil=True, cache=True, forceinline=True)
def draw(config, event, stream, below):  # type: ignore[no-untyped-def]
    """A number of 0..below-1 (below < 2**31), the same for the same seed, event and stream."""
    z = np.uint64(config[SEED]) + np.uint64(event * STREAMS + stream + 1) * GAMMA
    z = (z ^ (z >> S30)) * MIX_1
    z = (z ^ (z >> S27)) * MIX_2
    z = z ^ (z >> S31)
    return np.int64(((z >> S32) * np.uint64(below)) >> S32)


@njit("int64(int64[::1], int64)", nogil=True, cache=True, forceinline=True)
def event_of(config, row):  # type: ignore[no-untyped-def]
    """The number of the event that is row `row` of its table."""
    return (row // config[SHARE]) * config[TOTAL] + config[SHIFT] + row % config[SHARE]


@njit("int64(int64[::1], int64)", nogil=True, cache=True, forceinline=True)
def moment_ms(config, event):  # type: ignore[no-untyped-def]
    """When an event happens, in milliseconds since 1970."""
    return config[BASE_MS] + event * config[DELAY_NS] // 1_000_000


@njit("int64(int64[::1], int64)", nogil=True, cache=True, forceinline=True)
def last_person(config, event):  # type: ignore[no-untyped-def]
    """The latest person at an event, counted from 0."""
    return (event // config[TOTAL]) * config[PERSONS] + min(event % config[TOTAL], config[PERSONS] - 1)


@njit("int64(int64[::1], int64)", nogil=True, cache=True, forceinline=True)
def last_auction(config, event):  # type: ignore[no-untyped-def]
    """The latest auction at an event that is an auction or a bid, counted from 0."""
    place = event % config[TOTAL] - config[PERSONS]
    return (event // config[TOTAL]) * config[AUCTIONS] + min(place, config[AUCTIONS] - 1)


@njit("int64(int64[::1], int64, int64)", nogil=True, cache=True, forceinline=True)
def some_person(config, event, stream):  # type: ignore[no-untyped-def]
    """One of the active people, or of the few that come next, counted from 0."""
    people = last_person(config, event) + 1
    active = min(people, config[ACTIVE_PEOPLE])
    return people - active + draw(config, event, stream, active + config[PERSON_LEAD])


@njit("int64(int64[::1], int64, int64)", nogil=True, cache=True, forceinline=True)
def price_of(config, event, stream):  # type: ignore[no-untyped-def]
    """Cents, from 1 to 1,000,000 dollars, evenly spread over the orders of magnitude."""
    unit = draw(config, event, stream, 1 << 30) / float(1 << 30)
    return np.int64(np.exp(unit * 6.0 * LN_10) * 100.0 + 0.5)


COLUMN = "void(int64[::1], int64, int64[::1])"


@njit(COLUMN, nogil=True, cache=True)
def moments(config, first, out):  # type: ignore[no-untyped-def]
    """When each event happens, in microseconds since 1970."""
    for i in range(len(out)):
        out[i] = moment_ms(config, event_of(config, first + i)) * 1000


@njit(COLUMN, nogil=True, cache=True)
def bid_auctions(config, first, out):  # type: ignore[no-untyped-def]
    """The auction of each bid: a hot one, or one in flight or about to be."""
    for i in range(len(out)):
        event = event_of(config, first + i)
        latest = last_auction(config, event)
        if draw(config, event, 0, config[HOT_AUCTION]) > 0:
            auction = latest // HOT_GROUP * HOT_GROUP
        else:
            least = max(latest - config[IN_FLIGHT], 0)
            auction = least + draw(config, event, 1, latest - least + 1 + config[AUCTION_LEAD])
        out[i] = auction + config[FIRST_AUCTION]


@njit(COLUMN, nogil=True, cache=True)
def bid_bidders(config, first, out):  # type: ignore[no-untyped-def]
    """Who bids: a hot bidder (never a hot seller), or an active person."""
    for i in range(len(out)):
        event = event_of(config, first + i)
        if draw(config, event, 2, config[HOT_BIDDER]) > 0:
            bidder = last_person(config, event) // HOT_GROUP * HOT_GROUP + 1
        else:
            bidder = some_person(config, event, 3)
        out[i] = bidder + config[FIRST_PERSON]


@njit(COLUMN, nogil=True, cache=True)
def prices(config, first, out):  # type: ignore[no-untyped-def]
    """The price of each bid, or the initial bid of each auction."""
    for i in range(len(out)):
        out[i] = price_of(config, event_of(config, first + i), 4)


@njit(COLUMN, nogil=True, cache=True)
def auction_reserves(config, first, out):  # type: ignore[no-untyped-def]
    """The reserve of each auction: its initial bid and some more."""
    for i in range(len(out)):
        event = event_of(config, first + i)
        out[i] = price_of(config, event, 4) + price_of(config, event, 5)


@njit(COLUMN, nogil=True, cache=True)
def auction_ids(config, first, out):  # type: ignore[no-untyped-def]
    """The id of each auction."""
    for i in range(len(out)):
        out[i] = first + i + config[FIRST_AUCTION]


@njit(COLUMN, nogil=True, cache=True)
def person_ids(config, first, out):  # type: ignore[no-untyped-def]
    """The id of each person."""
    for i in range(len(out)):
        out[i] = first + i + config[FIRST_PERSON]


@njit(COLUMN, nogil=True, cache=True)
def auction_expiries(config, first, out):  # type: ignore[no-untyped-def]
    """When each auction ends: on average when as many more as may be in flight have begun."""
    ahead = config[IN_FLIGHT] * config[TOTAL] // config[AUCTIONS]
    for i in range(len(out)):
        event = event_of(config, first + i)
        now = moment_ms(config, event)
        horizon = moment_ms(config, event + ahead) - now
        out[i] = (now + 1 + draw(config, event, 6, max(horizon * 2, 1))) * 1000


@njit(COLUMN, nogil=True, cache=True)
def auction_sellers(config, first, out):  # type: ignore[no-untyped-def]
    """Who sells: a hot seller, or an active person."""
    for i in range(len(out)):
        event = event_of(config, first + i)
        if draw(config, event, 7, config[HOT_SELLER]) > 0:
            seller = last_person(config, event) // HOT_GROUP * HOT_GROUP
        else:
            seller = some_person(config, event, 8)
        out[i] = seller + config[FIRST_PERSON]


@njit(COLUMN, nogil=True, cache=True)
def auction_categories(config, first, out):  # type: ignore[no-untyped-def]
    """The category of each auction."""
    for i in range(len(out)):
        out[i] = config[FIRST_CATEGORY] + draw(config, event_of(config, first + i), 9, config[CATEGORIES])


@njit("void(int64[::1], int64, int64, int64, int64, int32[::1])", nogil=True, cache=True)
def choices(config, first, stream, hot, cold, out):  # type: ignore[no-untyped-def]
    """A choice for each event: one of the `hot` first ones as often as HOT_CHANNEL says, else one of `cold` more.

    With `hot` 0 all are equal.
    """
    for i in range(len(out)):
        event = event_of(config, first + i)
        if hot > 0 and draw(config, event, stream, config[HOT_CHANNEL]) > 0:
            out[i] = draw(config, event, stream + 1, hot)
        else:
            out[i] = hot + draw(config, event, stream + 1, cold)


@njit("int64(int64[::1], int64, int64, int64, int64, int64, int64, int32[::1], int64)", nogil=True, cache=True)
def letters(config, first, stream, shortest, spread, pool, pool_size, offsets, text):  # type: ignore[no-untyped-def]
    """A text of shortest..shortest+spread-1 letters for each event, a window of the pool. Returns the bytes written."""
    at = 0
    offsets[0] = 0
    starts = pool_size - shortest - spread
    for i in range(len(offsets) - 1):
        event = event_of(config, first + i)
        size = shortest + (draw(config, event, stream, spread) if spread > 0 else 0)
        memcpy(text + at, pool + draw(config, event, stream + 1, starts), size)
        at += size
        offsets[i + 1] = at
    return at


@njit("int64(int64, int32[::1], int32[::1], int32[::1], int64)", nogil=True, cache=True)
def gather_texts(source, source_offsets, picks, offsets, text):  # type: ignore[no-untyped-def]
    """Text number picks[i] of the source for each i. Returns the bytes written."""
    at = 0
    offsets[0] = 0
    for i in range(len(picks)):
        start = source_offsets[picks[i]]
        size = np.int64(source_offsets[picks[i] + 1]) - start
        memcpy(text + at, source + start, size)
        at += size
        offsets[i + 1] = at
    return at


@njit("int64(int64[::1], int64, int64, int64, int32[::1], int64)", nogil=True, cache=True)
def emails(config, first, pool, pool_size, offsets, text):  # type: ignore[no-untyped-def]
    """An address `abcde@fgh.com` for each person. Returns the bytes written."""
    at = text
    offsets[0] = 0
    for i in range(len(offsets) - 1):
        event = event_of(config, first + i)
        user = 3 + draw(config, event, 10, 4)
        host = 3 + draw(config, event, 11, 2)
        memcpy(at, pool + draw(config, event, 12, pool_size - 16), user)
        store8(at + user, 64)
        memcpy(at + user + 1, pool + draw(config, event, 13, pool_size - 16), host)
        at += user + 1 + host
        store8(at, 46)
        store8(at + 1, 99)
        store8(at + 2, 111)
        store8(at + 3, 109)
        at += 4
        offsets[i + 1] = at - text
    return at - text


@njit("int64(int64[::1], int64, int32[::1], int64)", nogil=True, cache=True)
def credit_cards(config, first, offsets, text):  # type: ignore[no-untyped-def]
    """Four groups of four digits for each person. Returns the bytes written."""
    at = text
    offsets[0] = 0
    for i in range(len(offsets) - 1):
        event = event_of(config, first + i)
        for group in range(4):
            number = draw(config, event, 14 + group, 10_000)
            for place in range(3, -1, -1):
                store8(at + place, 48 + number % 10)
                number //= 10
            at += 4
            if group < 3:
                store8(at, 32)
                at += 1
        offsets[i + 1] = at - text
    return at - text


@njit("void(int64, int64, uint8[::1])", nogil=True, cache=True)
def fill_letters(seed, spaces, out):  # type: ignore[no-untyped-def]
    """Random lower-case letters; with `spaces`, a space in every `spaces` on average."""
    config = np.zeros(CONFIG_FIELDS, np.int64)
    config[SEED] = seed
    for i in range(len(out)):
        out[i] = 97 + draw(config, i, 30, 26)
        if spaces > 0 and draw(config, i, 31, spaces) == 0:
            out[i] = 32


@njit("uint64(int64, int64)", nogil=True, cache=True, forceinline=True)
def random_word(seed, number):  # type: ignore[no-untyped-def]
    """64 random bits, the same for the same seed and number."""
    z = np.uint64(seed) * MIX_1 + np.uint64(number + 1) * GAMMA
    z = (z ^ (z >> S30)) * MIX_1
    z = (z ^ (z >> S27)) * MIX_2
    return z ^ (z >> S31)


@njit("int64[::1](int64, int64, int64, int64, int64)", nogil=True, cache=True)
def random_numbers(seed, first, count, low, high):  # type: ignore[no-untyped-def]
    """Numbers first..first+count-1 of the seed's sequence of random whole numbers from low to high."""
    out = np.empty(count, np.int64)
    span = np.uint64(high - low) + np.uint64(1)
    for i in range(count):
        word = random_word(seed, first + i)
        out[i] = low + np.int64(word if span == np.uint64(0) else word % span)
    return out


@njit("float64[::1](int64, int64, int64)", nogil=True, cache=True)
def random_units(seed, first, count):  # type: ignore[no-untyped-def]
    """Numbers first..first+count-1 of the seed's sequence of random fractions in [0, 1)."""
    out = np.empty(count, np.float64)
    for i in range(count):
        out[i] = (random_word(seed, first + i) >> np.uint64(11)) * (1.0 / (1 << 53))
    return out
