"""Files as sources: any offset resumes exactly once, whatever the format, compression and cut."""

import gzip
import json
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from pgstream.connectors import Limits
from pgstream.errors import InvalidParameterValue, IoError
from tests.unit.connectors.sources import drain, fields_of, opened

FIELDS = fields_of(id="int8", word="text")
ROWS = [(i, f"word {i} " + "x" * (i % 37)) for i in range(500)]


def json_lines(rows: list[tuple[int, str]]) -> bytes:
    return b"".join(json.dumps({"id": id, "word": word}).encode() + b"\n" for id, word in rows)


def csv_lines(rows: list[tuple[int, str]]) -> bytes:
    return b"".join(b'%d,"%s"\n' % (id, word.replace(" ", "\n").encode()) for id, word in rows)


def write(path: Path, rows: list[tuple[int, str]]) -> None:
    """A file of `rows` in the format and compression of its name."""
    if path.suffix == ".parquet":
        columns = {"id": [row[0] for row in rows], "word": [row[1] for row in rows]}
        parquet.write_table(pa.table(columns), path, row_group_size=37)
        return
    content = csv_lines(rows) if ".csv" in path.name else json_lines(rows)
    if path.suffix == ".gz":
        content = gzip.compress(content)
    elif path.suffix == ".zst":
        content = pa.Codec("zstd").compress(content, asbytes=True)
    path.write_bytes(content)


SUFFIXES = [".jsonl", ".jsonl.gz", ".jsonl.zst", ".csv", ".csv.gz", ".parquet"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("follow", ["false", "true"])
def test_every_offset_resumes_exactly_once(tmp_path: Path, suffix: str, follow: str) -> None:
    for i in range(3):
        write(tmp_path / f"part-{i}{suffix}", ROWS[i * 160 : (i + 1) * 160])
    expected = ROWS[:480]
    if "csv" in suffix:
        expected = [(id, word.replace(" ", "\n")) for id, word in expected]
    source = opened(FIELDS, connector="filesystem", path=str(tmp_path / f"*{suffix}"), follow=follow)
    rows, rejected, offsets = drain(source, limits=Limits(rows=41))
    assert rows == expected
    assert not rejected
    seen = 0
    for offset, after in pairwise(offsets):
        fresh = opened(FIELDS, connector="filesystem", path=str(tmp_path / f"*{suffix}"), follow=follow)
        piece, _, _ = drain(fresh, offset, Limits(rows=17), until=after)
        rest, _, _ = drain(fresh, offset)
        assert piece == expected[seen : seen + len(piece)]
        assert rest == expected[seen:]
        seen += len(piece)
    assert seen == 480


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=30),
    st.integers(1, 7),
    st.integers(1, 2000),
)
def test_any_cut_reads_the_same(tmp_path: Path, words: list[str], rows_max: int, bytes_max: int) -> None:
    words = [word.replace("\0", "") for word in words]
    path = tmp_path / "words.jsonl"
    path.write_bytes(b"\n".join(json.dumps({"id": i, "word": word}).encode() for i, word in enumerate(words)))
    source = opened(FIELDS, connector="filesystem", path=str(path))
    rows, _, _ = drain(source, limits=Limits(rows_max, bytes_max))
    assert rows == list(enumerate(words))
    source.close()


def test_bad_records_say_where_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id":1}\nnonsense\n{"id":"x"}\n{"id":2}\n')
    rows, rejected, _ = drain(opened(FIELDS, connector="filesystem", path=str(path)), limits=Limits(rows=1))
    assert [row[0] for row in rows] == [1, 2]
    assert [(r.raw, r.place) for r in rejected] == [(b"nonsense", f"{path}:9"), (b'{"id":"x"}', f"{path}:18")]


def test_a_growing_file_gives_whole_lines_only(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    source = opened(FIELDS, connector="filesystem", path=str(path), follow="true", format="json")
    assert drain(source)[0] == []
    with path.open("ab") as file:
        file.write(b'{"id":1}\n{"id"')
        file.flush()
        rows, _, offsets = drain(source)
        assert [row[0] for row in rows] == [1]
        file.write(b":2}\n")
        file.flush()
    (tmp_path / "other.jsonl").write_bytes(b'{"id":9}\n')
    rows, _, after = drain(source, offsets[-1])
    assert [row[0] for row in rows] == [2]
    replayed, _, _ = drain(source, until=after[-1])
    assert [row[0] for row in replayed] == [1, 2]


def test_new_files_are_found_wherever_they_sort(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_bytes(b'{"id":2}\n')
    source = opened(FIELDS, connector="filesystem", path=str(tmp_path / "*.jsonl"), follow="true")
    _, _, offsets = drain(source)
    (tmp_path / "a.jsonl").write_bytes(b'{"id":1}\n')
    with (tmp_path / "b.jsonl").open("ab") as file:
        file.write(b'{"id":3}\n')
    rows, _, after = drain(source, offsets[-1])
    assert sorted(row[0] for row in rows) == [1, 3]
    assert drain(source, after[-1])[0] == []


def test_a_header_orders_the_values(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('word,other,id\n"a, b",1,7\n,2,8\n"",3,9\nx,y\n')
    rows, rejected, _ = drain(opened(FIELDS, connector="filesystem", path=str(path), header="true"))
    assert rows == [(7, "a, b"), (8, None), (9, "")]
    assert [r.message for r in rejected] == ['missing data for column "id"']


def test_parquet_tells_its_columns(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", ROWS)
    source = opened(connector="filesystem", path=str(tmp_path / "a.parquet"))
    assert [(field.name, str(field.type)) for field in source.fields] == [("id", "bigint"), ("word", "text")]
    assert drain(source, needed=frozenset((0,)))[0] == [(id, None) for id, _ in ROWS]


def test_a_file_that_shrank_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write(path, ROWS)
    source = opened(FIELDS, connector="filesystem", path=str(path), follow="true")
    _, _, offsets = drain(source)
    path.write_bytes(b"")
    with pytest.raises(IoError, match="is shorter than what was read of it"):
        drain(source, offsets[-1])


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(IoError, match="No such file or directory"):
        opened(FIELDS, connector="filesystem", path=str(tmp_path / "none.jsonl"))
    with pytest.raises(InvalidParameterValue, match='option "format" is required'):
        opened(FIELDS, connector="filesystem", path=str(tmp_path / "none"))
