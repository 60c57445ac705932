"""`pgstream bench nexmark`: how many rows a second each Nexmark query takes on this machine.

Each run is a process of its own (see `nexmark_run`); shown is the median of the runs. Before anything is measured,
the input files are made, once, in the cache directory.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pgstream import __version__
from pgstream.bench.flags import add_flags
from pgstream.bench.nexmark_input import make_file
from pgstream.bench.nexmark_queries import QUERIES
from pgstream.bench.nexmark_run import WARM_UP_EVENTS, Measured, Task
from pgstream.errors import InvalidParameterValue


@dataclass(frozen=True)
class Result:
    """The runs of one query; `failure` is the last line of what it printed where it did not finish."""

    query: str
    runs: tuple[Measured, ...]
    failure: str = ""

    @property
    def rows_per_second(self) -> float:
        return statistics.median(run.rows / run.seconds for run in self.runs)

    def as_json(self) -> dict[str, object]:
        if not self.runs:
            return {"query": self.query, "failure": self.failure}
        return {
            "query": self.query,
            "rows": self.runs[0].rows,
            "rows_per_second": round(self.rows_per_second),
            "memory_bytes": max(run.memory_bytes for run in self.runs),
            "runs": [asdict(run) for run in self.runs],
        }


def chosen_queries(text: str) -> list[str]:
    """The queries that a comma-separated list names. Raises InvalidParameterValue."""
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in QUERIES:
            raise InvalidParameterValue(f'there is no query "{name}"', hint=f"There are {', '.join(QUERIES)}.")
    return names


def measure(task: Task, runs: int, seconds_max: int) -> Result:
    """Runs a query `runs` times, each for at most `seconds_max`."""
    measured = []
    for _ in range(runs):
        words = [sys.executable, "-m", "pgstream.bench.nexmark_run", json.dumps(asdict(task))]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=seconds_max)
        except subprocess.TimeoutExpired:
            return Result(task.query, (), f"did not end within {seconds_max} seconds")
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            return Result(task.query, (), lines[-1] if lines else f"exit status {done.returncode}")
        measured.append(Measured(**json.loads(done.stdout.splitlines()[-1])))
    return Result(task.query, tuple(measured))


def machine_facts() -> dict[str, object]:
    """What a reader needs to know of the machine to compare figures."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "pgstream": __version__,
        "python": platform.python_version(),
        "cpu": model,
        "cpus": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "load": round(os.getloadavg()[0], 2),
    }


def run(arguments: argparse.Namespace) -> int:
    """Runs the benchmark; returns the exit status: 1 where a query failed."""
    names = chosen_queries(arguments.queries or ",".join(QUERIES))
    tell = Console(stderr=True).print
    for name in names:
        prepare(name, arguments.events, arguments.input, arguments.cache, tell)
    facts = machine_facts()
    results = []
    for name in names:
        events = arguments.events * QUERIES[name].scale
        task = Task(name, events, arguments.input, arguments.into, str(arguments.cache))
        tell(f"running {name} over {events:,} events, {arguments.runs} times")
        results.append(measure(task, arguments.runs, arguments.timeout))
    if arguments.output == "json":
        settings = {"events": arguments.events, "input": arguments.input, "into": arguments.into}
        print(json.dumps({"machine": facts, **settings, "queries": [result.as_json() for result in results]}, indent=2))
    else:
        show(facts, results)
    return 1 if any(result.failure for result in results) else 0


def prepare(name: str, events: int, kind: str, cache: Path, tell: Callable[[str], None]) -> None:
    """Makes the input files of a query, and those of its warm-up."""
    if kind == "generator":
        return
    for table in QUERIES[name].tables:
        make_file(table, WARM_UP_EVENTS, kind, cache, tell)
        make_file(table, events * QUERIES[name].scale, kind, cache, tell)


def show(facts: dict[str, object], results: list[Result]) -> None:
    """Prints the results as a table."""
    table = Table(title="Nexmark, " + ", ".join(f"{name} {value}" for name, value in facts.items()))
    for heading in ("query", "rows", "rows/s", "best", "worst", "peak MiB"):
        table.add_column(heading, justify="left" if heading == "query" else "right")
    for result in results:
        if not result.runs:
            table.add_row(result.query, result.failure)
            continue
        rates = [run.rows / run.seconds for run in result.runs]
        memory = max(run.memory_bytes for run in result.runs) >> 20
        figures = (result.runs[0].rows, result.rows_per_second, max(rates), min(rates), memory)
        table.add_row(result.query, *(f"{figure:,.0f}" for figure in figures))
    Console().print(table)


def main() -> int:
    """The benchmark as a program of its own."""
    parser = argparse.ArgumentParser(prog="pgstream bench")
    add_flags(parser)
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
