"""What WITH says of a Nexmark generator."""

import math
from dataclasses import dataclass

from pgstream.formats.options import option, read_moment_us


@dataclass(frozen=True, kw_only=True)
class NexmarkOptions:
    """WITH options of `connector = 'nexmark'`, as RisingWave and Arroyo spell them."""

    table_type: str | None = option(
        "nexmark.table.type", "table", default=None, choices=("person", "auction", "bid"),
        doc="Which events the source gives; all of them, each a struct in the column of its kind, where not given.",
    )  # fmt: skip
    event_num: int | None = option(
        "nexmark.event.num", "message_count", "event_num", default=None, minimum=0,
        doc="How many events there are, of all three kinds together; endless where not given.",
    )  # fmt: skip
    event_rate: float | None = option(
        "event_rate", "nexmark.events.per.sec", default=None, minimum=0.001,
        doc="Events a second, of all three kinds, by the wall clock; as fast as possible where not given.",
    )  # fmt: skip
    min_event_gap_ns: int | None = option(
        "nexmark.min.event.gap.in.ns", default=None, minimum=0, doc="Another way to say event_rate: 1e9 / rate."
    )
    runtime: float | None = option("runtime", default=None, minimum=0, doc="Seconds to run, with event_rate.")
    first_event_rate: float = option(
        "nexmark.first.event.rate", "first_event_rate", default=10_000.0, minimum=0.001,
        doc="Events a second by the events' own time.",
    )  # fmt: skip
    first_event_us: int | None = option(
        "nexmark.base.time", "first_event_time", default=None, read=read_moment_us,
        doc="Time of the first event. 2015-07-15, or the creation of the source where event_rate is given.",
    )  # fmt: skip
    seed: int = option("seed", "nexmark.seed", default=42, doc="Another seed gives other events.")
    persons: int = option("nexmark.person.proportion", default=1, minimum=1, doc="People among the events.")
    auctions: int = option("nexmark.auction.proportion", default=3, minimum=1, doc="Auctions among the events.")
    bids: int = option("nexmark.bid.proportion", default=46, minimum=1, doc="Bids among the events.")
    active_people: int = option("nexmark.active.people", default=1000, minimum=1, doc="People who act at a time.")
    in_flight_auctions: int = option(
        "nexmark.in.flight.auctions", default=100, minimum=1, doc="Auctions open at a time."
    )
    hot_seller_ratio: int = option(
        "nexmark.hot.seller.ratio", default=4, minimum=1, doc="All but one in so many are hot."
    )
    hot_auction_ratio: int = option(
        "nexmark.hot.auction.ratio", default=2, minimum=1, doc="All but one in so many are hot."
    )
    hot_bidder_ratio: int = option(
        "nexmark.hot.bidder.ratio", default=4, minimum=1, doc="All but one in so many are hot."
    )
    hot_channel_ratio: int = option(
        "nexmark.hot.channel.ratio", default=2, minimum=1, doc="All but one in so many are hot."
    )
    first_person: int = option("nexmark.first.person.id", default=1000, minimum=0, doc="Id of the first person.")
    first_auction: int = option("nexmark.first.auction.id", default=1000, minimum=0, doc="Id of the first auction.")
    first_category: int = option("nexmark.first.category.id", default=10, minimum=0, doc="Id of the first category.")
    categories: int = option("nexmark.num.categories", default=5, minimum=1, doc="How many categories there are.")
    person_lead: int = option("nexmark.person.id.lead", default=10, minimum=0, doc="How far ids may run ahead.")
    auction_lead: int = option("nexmark.auction.id.lead", default=10, minimum=0, doc="How far ids may run ahead.")
    person_bytes: int = option("nexmark.avg.person.byte.size", default=200, minimum=0, doc="Average size of a person.")
    auction_bytes: int = option(
        "nexmark.avg.auction.byte.size", default=500, minimum=0, doc="Average size of an auction."
    )
    bid_bytes: int = option("nexmark.avg.bid.byte.size", default=100, minimum=0, doc="Average size of a bid.")
    splits: int = option("nexmark.split.num", default=1, doc="Accepted, without effect.")
    chunk_rows: int = option("nexmark.max.chunk.size", default=1024, doc="Accepted, without effect.")

    @property
    def gap_ns(self) -> float | None:
        """Wall nanoseconds between events; None where they are not paced."""
        if self.event_rate is not None:
            return 1e9 / self.event_rate
        return float(self.min_event_gap_ns) if self.min_event_gap_ns else None

    @property
    def events(self) -> int | None:
        """How many events there are, of all kinds; None where they do not end."""
        if self.runtime is None or self.gap_ns is None:
            return self.event_num
        limit = math.ceil(self.runtime * 1e9 / self.gap_ns)
        return limit if self.event_num is None else min(self.event_num, limit)
