"""`pgstream demo`: a server with a live stream of auctions and bids, and its views changing in the terminal."""

import asyncio
import signal
import tempfile
from dataclasses import dataclass
from typing import Any

import asyncpg
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pgstream.testing.server import Server

REFRESH_S = 0.5

SOURCE = """CREATE SOURCE {name} WITH (connector = 'nexmark', nexmark.table.type = '{name}', event_rate = '{rate}')"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A view of the demo: what it is about, its query, and what of it the terminal shows."""

    name: str
    title: str
    query: str
    shown: str


VIEWS = (
    Shown(
        "bids_per_minute",
        "bids per minute",
        """SELECT window_start AS minute, count(*) AS bids, max(price) AS highest
           FROM TUMBLE(bid, date_time, INTERVAL '1 minute') GROUP BY window_start""",
        "SELECT * FROM bids_per_minute ORDER BY minute DESC LIMIT 5",
    ),
    Shown(
        "top_auctions",
        "auctions with the most bids",
        """SELECT auction, count(*) AS bids, avg(price)::bigint AS average_price
           FROM bid GROUP BY auction ORDER BY bids DESC, auction LIMIT 8""",
        "SELECT * FROM top_auctions ORDER BY bids DESC, auction",
    ),
    Shown(
        "sellers",
        "people and what they sell (LEFT JOIN)",
        """SELECT p.name, p.city, count(a.id) AS auctions, max(a.reserve) AS highest_reserve
           FROM person p LEFT JOIN auction a ON a.seller = p.id GROUP BY p.id, p.name, p.city""",
        "SELECT * FROM sellers ORDER BY auctions DESC, name LIMIT 8",
    ),
)


def run(seconds: float | None, rate: int) -> int:
    """Runs the demo until Ctrl-C, or for as long as asked, at so many events a second; its exit status."""
    with tempfile.TemporaryDirectory(prefix="pgstream-demo-") as folder:
        server = Server(folder)
        console = Console()
        with console.status("starting the server"):
            server.start()
        try:
            asyncio.run(_watch(server.port, seconds, rate, console))
        finally:
            server.stop()
    console.print("The demo's server has stopped.")
    return 0


async def _watch(port: int, seconds: float | None, rate: int, console: Console) -> None:
    """Declares the sources and views, and shows them until told to stop."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stopped.set)
    if seconds is not None:
        asyncio.get_running_loop().call_later(seconds, stopped.set)
    connection = await asyncpg.connect(host="127.0.0.1", port=port, user="postgres", database="postgres")
    try:
        for name in ("person", "auction", "bid"):
            await connection.execute(SOURCE.format(name=name, rate=rate))
        for view in VIEWS:
            await connection.execute(f"CREATE MATERIALIZED VIEW {view.name} AS {view.query}")
        head = Text.assemble("look at it yourself:  ", (f"psql -h 127.0.0.1 -p {port} -U postgres", "bold"))
        with Live(console=console, auto_refresh=False) as live:
            while not stopped.is_set():
                tables = [_table(view, await connection.fetch(view.shown)) for view in VIEWS]
                live.update(Group(head, *tables, Text("Ctrl-C ends the demo", style="dim")), refresh=True)
                await _sleep(stopped)
    finally:
        await connection.close()


async def _sleep(stopped: asyncio.Event) -> None:
    """Waits for the next refresh, or until told to stop."""
    try:
        await asyncio.wait_for(stopped.wait(), REFRESH_S)
    except TimeoutError:
        return


def _table(view: Shown, rows: list[Any]) -> Table:
    table = Table(title=f"{view.name}: {view.title}", title_justify="left")
    for name in rows[0].keys() if rows else ("nothing yet",):
        table.add_column(name, justify="right" if rows and isinstance(rows[0][name], int) else "left")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    return table
