"""How much of PostgreSQL there is here, counted by chapter of its documentation: supported of all.

    python -m conformance.coverage [--missing]

What "all" is, and when one of it counts as supported:

- Statements: every command of the reference (its pages TABLE and WITH are parts of SELECT). coverage_statements.sql
  has one simple example of each, which PostgreSQL takes too, but for those marked with ! that need a server set up for
  them; a command is supported where its example is taken. That says nothing about all of its clauses.
- Types: the types of chapter 8 that have a name; one is supported where NULL can be cast to it, and to an array of it.
  Arrays, composites, enums and domains are made by statements.
- Functions: the overloads in PostgreSQL's pg_proc of the names that chapter 9 documents (coverage_sections.py); one is
  supported where our pg_proc, which is made of the declarations that calls are resolved by, has one of the same
  arguments; one of any range, where it has one for each type of ranges. What the sections describe by syntax is an
  overload each, supported where an example is answered.
- Operators: every row of PostgreSQL's pg_operator, under the section of its operands' type.
- Aggregates and window functions: every overload in pg_proc, likewise.

--missing lists what is missing of each.
"""

import argparse
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg

from conformance.coverage_sections import FUNCTIONS, OWN_TYPES, SYNTAX, TYPES
from pgstream.testing.server import Server

STATEMENTS = Path(__file__).parent / "coverage_statements.sql"
CALLED = """SELECT proname, proargtypes::text, prokind::text,
    (SELECT string_agg(format_type(p.proargtypes[i], NULL), ', ' ORDER BY i)
        FROM generate_series(0, pronargs - 1) i),
    (SELECT typname FROM pg_type WHERE pg_type.oid = p.proargtypes[0])
FROM pg_proc p WHERE pronamespace = 'pg_catalog'::regnamespace
    AND NOT proargtypes::oid[] && ARRAY['internal'::regtype, 'cstring'::regtype]::oid[] ORDER BY 1, 2"""
OPERATORS = """SELECT oprname, oprleft, oprright, l.typname, r.typname
FROM pg_operator LEFT JOIN pg_type l ON l.oid = oprleft JOIN pg_type r ON r.oid = oprright
WHERE oprnamespace = 'pg_catalog'::regnamespace ORDER BY 1, 2, 3"""

Connection = psycopg.Connection[Any]


class Chapter:
    """What a chapter has, by section: the names of what is there, and of what is missing."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.found: dict[str, list[tuple[str, bool]]] = defaultdict(list)

    def add(self, section: str, name: str, supported: bool) -> None:
        self.found[section].append((name, supported))

    def show(self, missing: bool) -> None:
        every = [supported for names in self.found.values() for _, supported in names]
        print(f"{self.title:60} {sum(every):5} of {len(every):5} {100 * sum(every) / len(every):5.0f} %")
        for section in sorted(self.found, key=_place) if len(self.found) > 1 or missing else ():
            names = self.found[section]
            print(f"    {section:56} {sum(s for _, s in names):5} of {len(names):5}")
            if missing and not all(s for _, s in names):
                print("        missing: " + "; ".join(name for name, supported in names if not supported))


def _place(section: str) -> tuple[float, ...]:
    return tuple(map(float, section.split()[0].split("."))) if section[0].isdigit() else (99.0,)


def taken(connection: Connection, statement: str) -> bool:
    """Whether a statement is executed without an error."""
    try:
        if statement.startswith("COPY"):
            with connection.cursor().copy(statement.encode()) as copy:
                list(copy)
        else:
            connection.execute(statement.encode())
    except psycopg.Error:
        return False
    return True


def examples() -> Iterator[tuple[str, bool, list[str]]]:
    """Each command, whether PostgreSQL can be asked, and its example."""
    for block in STATEMENTS.read_text().split("-- ")[1:]:
        name, *lines = block.strip().split("\n")
        yield name.lstrip("!"), not name.startswith("!"), lines


def statements(connection: Connection, oracle: Connection) -> Chapter:
    chapter = Chapter("Statements")
    for name, asked, lines in examples():
        if asked:
            for line in lines:
                assert taken(oracle, line), f"PostgreSQL refuses {line}"
        answers = [taken(connection, line) for line in lines]
        chapter.add("Commands", name, all(answers))
        if connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
            connection.execute("ROLLBACK")
    return chapter


def types(connection: Connection) -> Chapter:
    chapter = Chapter("Types (chapter 8)")
    for section, names in TYPES.items():
        for name in names.split():
            chapter.add(
                section, name, taken(connection, f'SELECT NULL::pg_catalog."{name}", NULL::pg_catalog."{name}"[]')
            )
    return chapter


def own_section(*types: str | None) -> str | None:
    """The section that is about one of the types, of a later section rather than an earlier one."""
    found = [section for section, names in OWN_TYPES.items() if any(type in names.split() for type in types)]
    return found[0] if found else None


def concrete(oracle: Connection) -> list[dict[str, str]]:
    """For each range type what it puts in the place of the polymorphic types of ranges."""
    found = oracle.execute("SELECT rngtypid, rngmultitypid, rngsubtype FROM pg_range WHERE rngtypid < 16384")
    return [{"3831": str(one), "4537": str(many), "2283": str(element)} for one, many, element in found]


def is_here(arguments: str, ours: Container[str], ranges: list[dict[str, str]]) -> bool:
    """Whether an overload is here; one of any range counts where it is declared for each type of ranges."""
    types = arguments.split()
    if arguments in ours or not {"3831", "4537"} & set(types):
        return arguments in ours
    return all(" ".join(range.get(type, type) for type in types) in ours for range in ranges)


def called(oracle: Connection, connection: Connection, kind: str) -> Iterator[tuple[str, str, str | None, bool]]:
    """The overloads of a kind: name, how it is shown, the type of its first argument, and whether it is here."""
    ours: dict[str, set[str]] = defaultdict(set)
    for name, arguments, here in connection.execute("SELECT proname, proargtypes::text, prokind::text FROM pg_proc"):
        if here == kind:
            ours[name].add(arguments)
    ranges = concrete(oracle)
    for name, arguments, here, shown, first in oracle.execute(CALLED.encode()):
        if here == kind:
            yield name, f"{name}({shown or ''})", first, is_here(arguments, ours[name], ranges)


def functions(connection: Connection, oracle: Connection) -> Chapter:
    chapter = Chapter("Functions (chapter 9, by overload)")
    sections: dict[str, list[str]] = defaultdict(list)
    for section, names in FUNCTIONS.items():
        for name in names.split():
            sections[name].append(section)
    for name, shown, first, here in called(oracle, connection, "f"):
        if name in sections:
            own = own_section(first)
            chapter.add(own if own in sections[name] and own else sections[name][0], shown, here)
    for section, texts in SYNTAX.items():
        for text in texts:
            chapter.add(section, text, taken(connection, f"SELECT {text}"))
    return chapter


def operators(connection: Connection, oracle: Connection) -> Chapter:
    chapter = Chapter("Operators (chapter 9, by overload)")
    ours: dict[str, set[str]] = defaultdict(set)
    for name, left, right in connection.execute("SELECT oprname, oprleft, oprright FROM pg_operator"):
        ours[name].add(f"{left} {right}")
    ranges = concrete(oracle)
    for name, left, right, left_name, right_name in oracle.execute(OPERATORS.encode()):
        section = own_section(left_name, right_name) or "others (identifiers, records, catalogs)"
        chapter.add(
            section, f"{left_name or ''} {name} {right_name}".strip(), is_here(f"{left} {right}", ours[name], ranges)
        )
    return chapter


def overloads(title: str, kind: str) -> Callable[[Connection, Connection], Chapter]:
    def counted(connection: Connection, oracle: Connection) -> Chapter:
        chapter = Chapter(title)
        for _, shown, _, here in called(oracle, connection, kind):
            chapter.add("Overloads", shown, here)
        return chapter

    return counted


def chapters(connection: Connection, oracle: Connection) -> Iterable[Chapter]:
    yield types(connection)
    for counted in (
        functions,
        operators,
        overloads("Aggregates (9.21)", "a"),
        overloads("Window functions (9.22)", "w"),
        statements,
    ):
        yield counted(connection, oracle)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--missing", action="store_true", help="list what is missing")
    options = parser.parse_args()
    conninfo, database = os.environ["PGSTREAM_ORACLE"], f"coverage_{os.getpid()}"
    with (
        tempfile.TemporaryDirectory(prefix="pgstream-coverage-") as folder,
        psycopg.connect(conninfo, autocommit=True) as postgres,
        Server(Path(folder)) as server,
        psycopg.connect(server.conninfo, autocommit=True) as connection,
    ):
        postgres.execute(f"CREATE DATABASE {database}".encode())
        try:
            with psycopg.connect(f"{conninfo} dbname={database}", autocommit=True) as oracle:
                for chapter in chapters(connection, oracle):
                    chapter.show(options.missing)
        finally:
            postgres.execute(f"DROP DATABASE {database}".encode())


if __name__ == "__main__":
    main()
