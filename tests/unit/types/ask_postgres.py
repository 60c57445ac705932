"""Asks a real PostgreSQL what it makes of every text in `inputs.txt` and writes `answers.jsonl`, which the tests read.

    PGSTREAM_ORACLE="host=127.0.0.1 port=5432 user=postgres" python tests/unit/types/ask_postgres.py

One line of inputs is `type[|zone]: text`, where the text is written as a JSON string if it starts with a double quote.
"""

import json
import os
from pathlib import Path

import psycopg
from psycopg import sql

HERE = Path(__file__).parent


def inputs() -> list[tuple[str, str, str]]:
    """(type, time zone, text) of every line."""
    found = []
    for line in (HERE / "inputs.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            kind, _, text = line.partition(": ")
            name, _, zone = kind.partition("|")
            found.append((name, zone or "UTC", json.loads(text) if text.startswith('"') else text))
    return found


def answer(connection: psycopg.Connection, kind: str, zone: str, text: str) -> dict[str, object]:
    """What PostgreSQL answers: the text and binary output, or the error."""
    asked: dict[str, object] = {"type": kind, "zone": zone, "text": text}
    cursor = connection.cursor()
    cursor.execute("select set_config('timezone', %s, false)", [zone])
    try:
        statement = sql.SQL("select cast({} as {})").format(sql.Literal(text), sql.SQL(kind))
        cursor.execute(statement, binary=False)
        asked["output"] = cursor.pgresult.get_value(0, 0).decode()
        cursor.execute(statement, binary=True)
        asked["binary"] = cursor.pgresult.get_value(0, 0).hex()
    except psycopg.Error as problem:
        found = problem.diag
        asked["error"] = [found.sqlstate, found.message_primary, found.message_detail, found.message_hint]
    return asked


def main() -> None:
    """Asks everything anew."""
    with psycopg.connect(os.environ["PGSTREAM_ORACLE"], autocommit=True, prepare_threshold=None) as connection:
        answers = [answer(connection, *case) for case in inputs()]
    lines = [json.dumps(one, ensure_ascii=False) + "\n" for one in answers]
    (HERE / "answers.jsonl").write_text("".join(lines))


if __name__ == "__main__":
    main()
