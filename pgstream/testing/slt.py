"""The sqllogictest corpus: files of SQL records, and the four ways in which each of them must give its answers.

A file is a list of records, each a few lines, with blank lines between:

    statement
    CREATE TABLE t (a int)

    statement error 42703 8
    SELECT b FROM t

    query
    SELECT a FROM t
    ----
    1
    NULL

A query's rows are compared as a multiset, or as a list after `query ordered`; `query select` is never tried as a
view. Values are PostgreSQL's text; columns are separated by `|`. An error has its SQLSTATE and, where it points
anywhere, the 1-based position. What stands below `----` is what PostgreSQL answered: `pytest --update` writes it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

Rows = list[str]


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its SQL, and what it must answer. `line` is where it starts, 1-based."""

    kind: str
    sql: str
    line: int
    ordered: bool = False
    viewable: bool = False
    rows: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """A file. `streaming` marks what PostgreSQL does not know, so only pgstream runs it."""

    path: Path
    head: str
    records: tuple[Record, ...]
    streaming: bool


class Failure(Exception):
    """A statement failed: `state` is its SQLSTATE, and its position where there is one."""

    def __init__(self, state: str, message: str) -> None:
        super().__init__(f"{state}: {message}")
        self.state = state


class Target(Protocol):
    """A database that answers SQL."""

    def run(self, sql: str) -> Rows:
        """The rows of `sql` as lines, none for a statement without result. Raises Failure."""


def read(path: Path) -> Script:
    """The script in `path`."""
    blocks = list(_blocks(path.read_text(encoding="utf-8").splitlines()))
    heads = [lines for _, lines in blocks if all(line.startswith("#") for line in lines)]
    head = "\n".join(heads[0]) if heads else ""
    records = tuple(_record(line, lines) for line, lines in blocks if lines not in heads)
    return Script(path, head, records, "streaming" in head.split())


def _blocks(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    block: list[str] = []
    for number, line in enumerate([*lines, ""], 1):
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []


def _record(line: int, lines: list[str]) -> Record:
    kind, *words = lines[0].split()
    assert kind in ("statement", "query"), f"line {line}: {lines[0]}"
    body = lines[1:]
    if kind == "statement":
        error = " ".join(words[1:]) if words[:1] == ["error"] else ""
        return Record(kind, "\n".join(body), line, error=error)
    end = body.index("----") if "----" in body else len(body)
    return Record(
        kind,
        "\n".join(body[:end]),
        line,
        ordered="ordered" in words,
        viewable="select" not in words,
        rows=tuple(body[end + 1 :]),
    )


def write(script: Script) -> None:
    """Puts the script back into its file, as after an update of its answers."""
    parts = [script.head] if script.head else []
    for record in script.records:
        words = [record.kind]
        words += ["ordered"] * record.ordered
        words += ["select"] * (record.kind == "query" and not record.viewable)
        words += ["error", record.error] if record.error else []
        lines = [" ".join(words), record.sql]
        lines += ["----", *record.rows] if record.kind == "query" else []
        parts.append("\n".join(lines))
    script.path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def answer(target: Target, record: Record) -> Record:
    """`record` with what `target` answers in place of what it expects."""
    try:
        rows = target.run(record.sql)
    except Failure as failure:
        if record.kind == "query":
            raise
        return replace(record, error=failure.state)
    return replace(record, rows=tuple(rows if record.ordered else sorted(rows)), error="")


def answered(script: Script, target: Target) -> Script:
    """`script` with what `target` answers to each record. Raises Failure where a query fails."""
    return replace(script, records=tuple(answer(target, record) for record in script.records))


def check(target: Target, record: Record, sql: str = "") -> None:
    """Asserts that `target` answers `record` as it should; `sql` asks for the same rows in another way."""
    asked = replace(record, sql=sql) if sql else record
    if sql and record.ordered:
        asked, record = replace(asked, ordered=False), replace(record, rows=tuple(sorted(record.rows)))
    got = answer(target, asked)
    want = record if record.ordered or record.kind == "statement" else replace(record, rows=tuple(sorted(record.rows)))
    if got.rows != want.rows or got.error != record.error:
        raise AssertionError(
            f"line {record.line}: {asked.sql}\n"
            f"expected: {list(want.rows)[:40]} {record.error}\n"
            f"got:      {list(got.rows)[:40]} {got.error}"
        )


def run_as_selects(script: Script, target: Target) -> None:
    """The first way, and PostgreSQL's: one record after another."""
    for record in script.records:
        check(target, record)


FORBIDDEN = ("22", "23")
"""SQLSTATE classes of a change that the data forbid: data exceptions and integrity constraints."""


class TableRow(NamedTuple):
    """A stored row as SQL: what finds it, what makes another row like it (but for its key), and its values."""

    condition: str
    assignments: str
    values: str


class ViewRun:
    """The second way: every query is a materialized view as soon as its tables exist, long before it is asked.

    `step` runs the next record and `finish` the churn: rows of each table are deleted and updated one by one, then it
    is emptied and filled again in another order, with every view compared with its query along the way. Between two
    steps the caller may restart the server
    (the third way).
    """

    def __init__(self, script: Script, target: Target) -> None:
        self.script = script
        self._target = target
        self._next = 0
        self._views: dict[int, str] = {}
        self._waiting = [i for i, record in enumerate(script.records) if record.viewable]

    def step(self) -> bool:
        """Runs one record; False once there are none left."""
        if self._next >= len(self.script.records):
            return False
        index, record = self._next, self.script.records[self._next]
        self._next += 1
        if index in self._waiting:
            self._declare(index, required=True)
        check(self._target, record)
        if index in self._views:
            check(self._target, record, f"SELECT * FROM {self._views[index]}")
        if record.kind == "statement" and record.sql.lstrip().upper().startswith("CREATE"):
            for later in list(self._waiting):
                self._declare(later, required=False)
        return True

    def _declare(self, index: int, required: bool) -> None:
        record = self.script.records[index]
        name = f"slt_view_{index}"
        columns = f" ({', '.join(f'c{number}' for number in range(_width(record)))})" if record.rows else ""
        try:
            self._target.run(f"CREATE MATERIALIZED VIEW {name}{columns} AS {record.sql}")
        except Failure:
            if required:
                raise
            return
        self._views[index] = name
        self._waiting.remove(index)

    def finish(self) -> None:
        """Changes, empties and refills every table, and compares each view with its query meanwhile."""
        for table in self._tables():
            rows = [TableRow(*values) for values in self._stored(table)]
            half = len(rows) // 2
            for row in rows[:half]:
                self._target.run(f"DELETE FROM {table} WHERE {row.condition}")
            for row, other in zip(rows[half:], rows[half - 1 :], strict=False):
                self._attempt(f"UPDATE {table} SET {other.assignments} WHERE {row.condition}")
            self.compare()
            self._target.run(f"DELETE FROM {table}")
            self.compare()
            for row in reversed(rows):
                self._target.run(f"INSERT INTO {table} VALUES ({row.values})")
            self.compare()

    def _attempt(self, sql: str) -> None:
        """Runs a change that a constraint, or a view's expression, may forbid."""
        try:
            self._target.run(sql)
        except Failure as failure:
            if failure.state[:2] not in FORBIDDEN:
                raise

    def _stored(self, table: str) -> list[list[str]]:
        """For each row of `table`: what finds it, what gives another row its values, and its values."""
        columns = [
            line.split("|")
            for line in self._target.run(
                "SELECT a.attname, a.attnum = ANY (i.indkey) FROM pg_attribute a LEFT JOIN pg_index i "
                f"ON i.indrelid = a.attrelid AND i.indisprimary WHERE a.attrelid = '{table}'::regclass "
                "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
            )
        ]
        names = [f'"{name}"' for name, _ in columns]
        texts = [f"coalesce(quote_literal({name}::text), 'NULL')" for name in names]
        found = [f"'{name}::text IS NOT DISTINCT FROM ' || {text}" for name, text in zip(names, texts, strict=True)]
        free = [i for i, (_, in_key) in enumerate(columns) if in_key != "t"]
        given = [f"'{names[i]} = ' || {texts[i]}" for i in free or range(len(names))]
        parts = (" || ' AND ' || ".join(found), " || ', ' || ".join(given), " || ', ' || ".join(texts))
        return [_values(line) for line in self._target.run(f"SELECT {', '.join(parts)} FROM {table}")]

    def _tables(self) -> list[str]:
        return self._target.run("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")

    def compare(self) -> None:
        """Asserts that every view holds what its query gives."""
        for index, view in self._views.items():
            record = self.script.records[index]
            want = sorted(self._target.run(record.sql))
            got = sorted(self._target.run(f"SELECT * FROM {view}"))
            assert got == want, f"line {record.line}: {record.sql}\nquery: {want[:40]}\nview:  {got[:40]}"


SESSION_COMMANDS = (b"SET", b"RESET", b"PREPARE", b"DEALLOCATE")
"""Tags of what only the session knows, and forgets when it ends."""


class PsycopgTarget:
    """A server reached with psycopg, results as text."""

    def __init__(self, conninfo: str) -> None:
        import psycopg  # an extra: only who runs scripts over the wire needs it

        self._psycopg = psycopg
        self._conninfo = conninfo
        self._settings = ["SET timezone = 'UTC'"]
        self.reconnect()

    def reconnect(self) -> None:
        """Connects, as after a restart of the server, with the settings made so far."""
        self._connection = self._psycopg.connect(self._conninfo, autocommit=True)
        for setting in self._settings:
            self._connection.execute(setting)

    def close(self) -> None:
        self._connection.close()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction block is open, which a restart would end."""
        return self._connection.info.transaction_status != self._psycopg.pq.TransactionStatus.IDLE

    def run(self, sql: str) -> Rows:
        try:
            # libpq's own call: no parameters, no adaptation, every value as the text the server sent
            result = self._connection.pgconn.exec_(sql.encode())
        except self._psycopg.OperationalError as error:
            raise Failure("08006", str(error)) from error
        if result.status == self._psycopg.pq.ExecStatus.FATAL_ERROR:
            raise _failure(self._psycopg, result)
        if (result.command_status or b"") in SESSION_COMMANDS:
            self._settings.append(sql)
        return [
            "|".join(_shown(result.get_value(row, column)) for column in range(result.nfields))
            for row in range(result.ntuples)
        ]


def _failure(psycopg: Any, result: Any) -> Failure:
    fields = psycopg.pq.DiagnosticField
    state = result.error_field(fields.SQLSTATE) or b""
    position = result.error_field(fields.STATEMENT_POSITION)
    message = (result.error_field(fields.MESSAGE_PRIMARY) or b"").decode()
    return Failure(f"{state.decode()} {position.decode()}" if position else state.decode(), message)


def _shown(value: bytes | None) -> str:
    if value is None:
        return "NULL"
    text = value.decode()
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("|", "\\|") or "(empty)"


def _values(line: str) -> list[str]:
    """The values that make up a line of rows, as they were before `_shown`."""
    parts = re.split(r"((?:[^|\\]|\\.)*)\|?", line)[1::2]
    return [re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], part) for part in parts if part]


def _width(record: Record) -> int:
    return len(_values(record.rows[0]))
