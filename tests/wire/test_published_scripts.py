"""Scripts of Arroyo, RisingWave, Materialize and Flink as they are published: run unchanged, with their results."""

import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from pgstream.testing.server import Server
from tests.unit.engine.kafka_topics import Topics, started_broker

SCRIPTS = Path(__file__).parents[2] / "conformance" / "scripts"


def run(folder: Path, system: str, broker: str = "") -> "list[list[list[str]]]":
    """Runs a system's script in its dialect; the rows of each of its queries."""
    text = (SCRIPTS / f"{system}.sql").read_text()
    text = text.replace("$input_dir", str(folder)).replace("$output_path", str(folder / "output.json"))
    text = text.replace("$broker", broker)
    (folder / "script.sql").write_text(text)
    command = [sys.executable, "-m", "pgstream", "run", "script.sql", "--dialect", system]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    tables = re.split(r"\(\d+ rows?\)\n", done.stdout)[:-1]
    return [[[cell.strip() for cell in line.split("|")] for line in each.strip().splitlines()[2:]] for each in tables]


def write(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_arroyo(tmp_path: Path) -> None:
    """The busiest driver of each hour, every 40 minutes, in a file; computed here by counting."""
    first = datetime(2023, 9, 18, 14, tzinfo=UTC)
    rides = [(first + timedelta(seconds=37 * i), 100 + i * i % 7) for i in range(400)]
    write(
        tmp_path / "cars.json",
        [
            {"timestamp": moment.isoformat(), "driver_id": driver, "event_type": "pickup", "location": "FiDi"}
            for moment, driver in rides
        ],
    )
    assert run(tmp_path, "arroyo") == []
    counts: defaultdict[datetime, Counter[int]] = defaultdict(Counter)
    slide, width, epoch = timedelta(minutes=40), timedelta(hours=1), datetime(1970, 1, 1, tzinfo=UTC)
    for moment, driver in rides:
        window = epoch + (moment - epoch) // slide * slide
        while window + width > moment:
            counts[window][driver] += 1
            window -= slide
    expected = []
    for window, drivers in counts.items():
        count, driver = max((count, driver) for driver, count in drivers.items())
        start, end = (f"{bound:%Y-%m-%d %H:%M:%S}" for bound in (window, window + width))
        expected.append({"driver_id": driver, "count": count, "start": start, "end": end, "row_number": 1})
    written = [json.loads(line) for line in (tmp_path / "output.json").read_text().splitlines()]
    assert sorted(written, key=lambda row: row["start"]) == sorted(expected, key=lambda row: str(row["start"]))


def test_risingwave(tmp_path: Path) -> None:
    """Each minute's count, though the rows are not in order, and once in the topic; a finite source closes its last
    windows at its end."""
    minutes = [0, 0, 1, 3, 2, 9, 9]
    write(tmp_path / "events.json", [{"event_time": f"2024-01-01 00:0{m}:30", "id": m} for m in minutes])
    broker = started_broker(tmp_path / "broker")
    try:
        topics = Topics(broker)
        topics.make(name="test")
        [rows] = run(tmp_path, "risingwave", broker.servers)
        sent = topics.values("test")
    finally:
        broker.stop()
    starts = [(row[0][11:16], row[1][11:16], row[2]) for row in rows]
    assert starts == [(f"00:0{m}", f"00:{m + 1:02}", str(n)) for m, n in ((0, 2), (1, 1), (2, 1), (3, 1), (9, 2))]
    shown = [(row["window_start"][11:16], row["window_end"][11:16], str(row["count"])) for row in sent]
    assert sorted(shown) == starts


def test_flink(tmp_path: Path) -> None:
    """Windowing TVFs give what Flink's documentation prints."""
    bids = [("05", "4.00", "C"), ("07", "2.00", "A"), ("09", "5.00", "D"), ("11", "3.00", "B"), ("13", "1.00", "E"),
            ("17", "6.00", "F")]  # fmt: skip
    text = "".join(f"2020-04-15 08:{minute}:00,{price},{item}\n" for minute, price, item in bids)
    (tmp_path / "bids.csv").write_text(text)
    plain, named, tumble, hop, cumulate = run(tmp_path, "flink")
    assert plain == named
    assert plain == [
        [f"2020-04-15 08:{minute}:00", price, item, *(f"2020-04-15 08:{part}" for part in window)]
        for (minute, price, item), window in zip(
            bids, [("00:00", "10:00", "09:59.999")] * 3 + [("10:00", "20:00", "19:59.999")] * 3, strict=True
        )
    ]
    shown = [[(row[0][14:16], row[1][14:16], row[2]) for row in rows] for rows in (tumble, hop, cumulate)]
    assert shown == [
        [("00", "10", "11.00"), ("10", "20", "10.00")],
        [("00", "10", "11.00"), ("05", "15", "15.00"), ("10", "20", "10.00"), ("15", "25", "6.00")],
        [("00", "06", "4.00"), ("00", "08", "6.00"), ("00", "10", "11.00"), ("10", "12", "3.00"), ("10", "14", "4.00"),
         ("10", "16", "4.00"), ("10", "18", "10.00"), ("10", "20", "10.00")],
    ]  # fmt: skip


def test_materialize(tmp_path: Path) -> None:
    """A subscription is told of an event, and that another one leaves the last 30 seconds though nothing comes."""
    events, view, subscribe, insert = (
        text for text in re.split(r";\n", (SCRIPTS / "materialize.sql").read_text()) if text.strip()
    )
    with (
        Server(tmp_path) as server,
        psycopg.connect(server.conninfo, autocommit=True) as reader,
        psycopg.connect(server.conninfo, autocommit=True) as writer,
    ):
        for connection in (reader, writer):
            connection.execute("SET pgstream.dialect = 'materialize'")
        reader.execute(events)
        reader.execute(view)
        with reader.cursor().copy(subscribe) as copy:
            writer.execute(insert)
            writer.execute("INSERT INTO events VALUES ('old', now() - INTERVAL '28s')")
            told = iter(copy.rows())
            changes = [next(told) for _ in range(3)]
            reader.cancel_safe()
            with suppress(psycopg.errors.QueryCanceled):
                assert list(told) == []
    assert [(diff, content) for _, diff, _, content in changes] == [("1", "hello"), ("1", "old"), ("-1", "old")]
    [(_, _, moment, _), (appeared, *_), (left, _, then, _)] = changes
    assert moment is not None
    assert 1000 <= int(left or 0) - int(appeared or 0) <= 10_000
    gone = datetime.fromisoformat(f"{then}+00:00").timestamp() * 1000 + 30_000
    assert 0 <= int(left or 0) - gone <= 2000
