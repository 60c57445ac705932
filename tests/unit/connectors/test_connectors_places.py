"""Places: every record has one, and a source passes over exactly the records at those it is given."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgstream.connectors import Limits, Places, Source, read
from tests.unit.connectors.sources import drain, fields_of, opened
from tests.unit.connectors.test_connectors_filesystem import FIELDS, ROWS, SUFFIXES, write

COUNT = 60


def files(folder: Path, suffix: str) -> dict[str, str]:
    """Three files, one of them with blank lines and a bad record; the options of their source."""
    for i in range(3):
        write(folder / f"part-{i}{suffix}", ROWS[i * 20 : (i + 1) * 20])
    if suffix == ".jsonl":
        path = folder / "part-1.jsonl"
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([b"\n", *lines[:5], b"\n \n", b"nonsense\n", *lines[5:]]))
    return {"connector": "filesystem", "path": str(folder / f"*{suffix}")}


def places(source: Source) -> list[str]:
    """The place of each row."""
    offset, found = source.start(), []
    while True:
        batch = read(source, offset, Limits(rows=1), frozenset(range(len(source.fields))))
        assert batch.rows.count <= 1
        if batch.rows.count:
            found.append(batch.rows.place)
        if batch.next == offset or batch.exhausted:
            return found
        offset = batch.next


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    chosen=st.sets(st.integers(0, COUNT - 1)), rows_max=st.integers(1, 30), follow=st.sampled_from(["false", "true"])
)
def test_files(tmp_path: Path, suffix: str, chosen: set[int], rows_max: int, follow: str) -> None:
    options = files(tmp_path, suffix)
    rows, rejected, offsets = drain(opened(FIELDS, **options, follow=follow), limits=Limits(rows=rows_max))
    found = places(opened(FIELDS, **options, follow=follow))
    assert len(found) == len(set(found)) == len(rows) == COUNT
    passed_over = Places([*(found[n] for n in chosen), *(one.place for one in rejected), "", "elsewhere:0"])
    source = opened(FIELDS, passed_over=passed_over, **options, follow=follow)
    expected = [row for n, row in enumerate(rows) if n not in chosen]
    for until in (None, offsets[-1]):
        left, bad, reached = drain(source, limits=Limits(rows=rows_max), until=until)
        assert left == expected
        assert not bad
        assert reached[-1] == offsets[-1]


@pytest.mark.parametrize(
    "options", [{"connector": "impulse", "message_count": "60"}, {"connector": "datagen", "count": "60"},
                {"connector": "nexmark", "nexmark__table__type": "auction", "nexmark__event__num": "1000"}]
)  # fmt: skip
@settings(max_examples=25, deadline=None)
@given(chosen=st.sets(st.integers(0, COUNT - 1)), rows_max=st.integers(1, 30))
def test_generators(options: dict[str, str], chosen: set[int], rows_max: int) -> None:
    fields = fields_of(n="int8") if options["connector"] == "datagen" else None
    rows, _, offsets = drain(opened(fields, **options))
    found = places(opened(fields, **options))
    assert len(found) == len(set(found)) == len(rows) == COUNT
    source = opened(fields, passed_over=Places(found[n] for n in chosen), **options)
    left, _, reached = drain(source, limits=Limits(rows=rows_max))
    assert left == [row for n, row in enumerate(rows) if n not in chosen]
    assert reached[-1] == offsets[-1]
