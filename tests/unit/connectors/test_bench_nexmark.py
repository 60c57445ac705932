"""The benchmark's input files hold what the generator gives, and its queries answer the same from either."""

from pathlib import Path

import pytest

import pgstream.types  # noqa: F401
from pgstream.bench.nexmark import chosen_queries
from pgstream.bench.nexmark_input import make_file, row_count, source_options
from pgstream.bench.nexmark_queries import QUERIES, columns_of
from pgstream.bench.nexmark_run import Task, run
from pgstream.errors import InvalidParameterValue
from tests.unit.connectors.sources import drain, opened


@pytest.mark.parametrize("table", ["bid", "auction", "person"])
@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_files_hold_what_the_generator_gives(tmp_path: Path, table: str, kind: str) -> None:
    make_file(table, 3000, kind, tmp_path, lambda _: None)
    expected, _, _ = drain(opened(None, **source_options(table, 3000, "generator", tmp_path)))
    rows, rejected, _ = drain(opened(columns_of(table), **source_options(table, 3000, kind, tmp_path)))
    assert rows == expected
    assert not rejected
    assert len(rows) == row_count(table, 3000)


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_runs_to_its_end(tmp_path: Path, name: str) -> None:
    measured = run(Task(name, 2000, "generator", "blackhole", str(tmp_path)))
    assert measured.rows == sum(row_count(table, 2000) for table in QUERIES[name].tables)
    assert measured.seconds > 0


def test_unknown_queries_are_refused() -> None:
    assert chosen_queries("q0, Q4") == ["q0", "q4"]
    with pytest.raises(InvalidParameterValue, match='there is no query "q6"'):
        chosen_queries("q6")
