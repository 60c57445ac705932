"""The Nexmark queries, in the SQL that users write, and the tables that they read."""

from typing import NamedTuple

from pgstream.connectors.nexmark import TABLES
from pgstream.formats.format import Field


class Query(NamedTuple):
    """A query, and the tables it reads. `scale`: of how many times the events, since it reads few of them."""

    sql: str
    tables: tuple[str, ...]
    scale: int = 1


def columns_of(table: str) -> tuple[Field, ...]:
    """The columns of a Nexmark table."""
    return tuple(Field(name, type) for name, (type, _) in TABLES[table].items())


BID, BOTH, PEOPLE = ("bid",), ("auction", "bid"), ("auction", "person")
TEN_SECONDS = "INTERVAL '10' SECOND"
HOP = f"HOP(bid, date_time, INTERVAL '2' SECOND, {TEN_SECONDS})"

QUERIES: dict[str, Query] = {
    "q0": Query("SELECT auction, bidder, price, date_time, extra FROM bid", BID),
    "q1": Query("SELECT auction, bidder, 0.908 * price AS price, date_time, extra FROM bid", BID),
    "q2": Query("SELECT auction, price FROM bid WHERE auction % 123 = 0", BID),
    "q3": Query(
        """SELECT p.name, p.city, p.state, a.id FROM auction a JOIN person p ON a.seller = p.id
           WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA')""",
        PEOPLE,
        10,
    ),
    "q4": Query(
        """SELECT q.category, avg(q.final) FROM (
             SELECT max(b.price) AS final, a.category FROM auction a JOIN bid b ON a.id = b.auction
             WHERE b.date_time BETWEEN a.date_time AND a.expires GROUP BY a.id, a.category) q
           GROUP BY q.category""",
        BOTH,
    ),
    "q5": Query(
        f"""SELECT ab.auction, ab.num FROM (
              SELECT auction, count(*) AS num, window_start AS s FROM {HOP} GROUP BY auction, window_start) ab
            JOIN (SELECT max(num) AS maxn, s FROM (
                    SELECT count(*) AS num, window_start AS s FROM {HOP} GROUP BY auction, window_start) c
                  GROUP BY s) mb
            ON ab.s = mb.s AND ab.num >= mb.maxn""",
        BID,
    ),
    "q7": Query(
        f"""SELECT b.auction, b.price, b.bidder, b.date_time, b.extra FROM bid b
            JOIN (SELECT max(price) AS maxprice, window_end AS dt FROM TUMBLE(bid, date_time, {TEN_SECONDS})
                  GROUP BY window_end) b1
            ON b.price = b1.maxprice WHERE b.date_time BETWEEN b1.dt - {TEN_SECONDS} AND b1.dt""",
        BID,
    ),
    "q8": Query(
        f"""SELECT p.id, p.name, p.s FROM (
              SELECT id, name, window_start AS s FROM TUMBLE(person, date_time, {TEN_SECONDS})
              GROUP BY id, name, window_start) p
            JOIN (SELECT seller, window_start AS s FROM TUMBLE(auction, date_time, {TEN_SECONDS})
                  GROUP BY seller, window_start) a
            ON p.id = a.seller AND p.s = a.s""",
        PEOPLE,
        10,
    ),
    "q9": Query(
        """SELECT id, item_name, description, initial_bid, reserve, date_time, expires, seller, category, extra,
                  auction, bidder, price, bid_dt, bid_extra FROM (
             SELECT a.*, b.auction, b.bidder, b.price, b.date_time AS bid_dt, b.extra AS bid_extra,
                    row_number() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.date_time ASC) AS rn
             FROM auction a JOIN bid b ON a.id = b.auction
             WHERE b.date_time BETWEEN a.date_time AND a.expires) x
           WHERE rn <= 1""",
        BOTH,
    ),
    "q12": Query(
        f"""SELECT bidder, count(*) AS bid_count, window_start FROM TUMBLE(bid, date_time, {TEN_SECONDS})
            GROUP BY bidder, window_start""",
        BID,
    ),
    "q17": Query(
        """SELECT auction, to_char(date_time, 'YYYY-MM-DD') AS day, count(*) AS total_bids,
                  count(*) FILTER (WHERE price < 10000) AS rank1_bids,
                  count(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bids,
                  count(*) FILTER (WHERE price >= 1000000) AS rank3_bids,
                  min(price) AS min_price, max(price) AS max_price, avg(price) AS avg_price, sum(price) AS sum_price
           FROM bid GROUP BY auction, to_char(date_time, 'YYYY-MM-DD')""",
        BID,
    ),
    "q18": Query(
        """SELECT auction, bidder, price, channel, url, date_time, extra FROM (
             SELECT *, row_number() OVER (PARTITION BY bidder, auction ORDER BY date_time DESC) AS rn FROM bid) x
           WHERE rn <= 1""",
        BID,
    ),
}
