"""One run of one Nexmark query, in a process of its own: `python -m pgstream.bench.nexmark_run '{"query": …}'`.

The engine runs in the process, over an empty data directory. Measured is the time from before the query is created
until its last input row is in a durable commit; imports and compilation come before, in a run over few events.
"""

import json
import resource
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from pgstream.bench.nexmark_input import row_count, source_options
from pgstream.bench.nexmark_queries import QUERIES, columns_of
from pgstream.catalog.session_facts import NOBODY
from pgstream.engine import Engine
from pgstream.engine.engine import OpenDatabase
from pgstream.functions.registry import EvalContext
from pgstream.sql.bind import BindScope, bind
from pgstream.sql.parse import parse
from pgstream.world import RealWorld

WARM_UP_EVENTS = 2_000
POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Task:
    """What to run: `events` are already scaled to the query; `target` is blackhole or view."""

    query: str
    events: int
    kind: str
    target: str
    cache: str


@dataclass(frozen=True)
class Measured:
    """What a run has shown. `rows` is what the query reads."""

    rows: int
    seconds: float
    memory_bytes: int


def execute(database: OpenDatabase, text: str) -> None:
    """Runs the statements of `text`, one after another."""
    world = RealWorld()
    for parsed in parse(text):
        workspace = database.autocommit
        bound = bind(parsed, workspace.snapshot().catalog, BindScope(now_us=world.now_us()))
        context = EvalContext({"timezone": "UTC"}, world.now_us(), workspace.snapshot().catalog, NOBODY)
        workspace.execute(parsed, bound, (), context).result()


def source_text(table: str, options: dict[str, str]) -> str:
    """CREATE SOURCE for a Nexmark table."""
    columns = ", ".join(f"{field.name} {field.type}" for field in columns_of(table))
    settings = ", ".join(f"{name} = '{value}'" for name, value in options.items())
    return f"CREATE SOURCE {table} ({columns}) WITH ({settings})"


def query_text(task: Task) -> str:
    """CREATE SINK or CREATE MATERIALIZED VIEW for the query."""
    sql = QUERIES[task.query].sql
    if task.target == "view":
        return f"CREATE MATERIALIZED VIEW answer AS {sql}"
    return f"CREATE SINK answer AS {sql} WITH (connector = 'blackhole')"


def run(task: Task) -> Measured:
    """Runs the query over all its input, in a fresh data directory."""
    tables = QUERIES[task.query].tables
    with tempfile.TemporaryDirectory(prefix="pgstream-bench-") as directory:
        engine = Engine.open(Path(directory), RealWorld())
        try:
            database = engine.database("postgres")
            for table in tables:
                options = source_options(table, task.events, task.kind, Path(task.cache))
                execute(database, source_text(table, options))
            started = time.monotonic()
            execute(database, query_text(task))
            while not database.exhausted():
                time.sleep(POLL_SECONDS)
            seconds = time.monotonic() - started
        finally:
            engine.close()
    return Measured(sum(row_count(table, task.events) for table in tables), seconds, peak_memory_bytes())


def peak_memory_bytes() -> int:
    """The most that this process has had resident. (getrusage would count what its parent had before exec.)"""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Runs the task in the first argument; prints what was measured as JSON."""
    task = Task(**json.loads(sys.argv[1]))
    run(Task(task.query, WARM_UP_EVENTS, task.kind, task.target, task.cache))
    print(json.dumps(asdict(run(task))))


if __name__ == "__main__":
    main()
