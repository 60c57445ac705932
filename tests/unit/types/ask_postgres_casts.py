"""Asks a real PostgreSQL what every cast in `cast_inputs.txt` gives and writes `cast_answers.jsonl` for the tests.

PGSTREAM_ORACLE="host=127.0.0.1 port=5432 user=postgres" python tests/unit/types/ask_postgres_casts.py
"""

import json
import os
from pathlib import Path

import psycopg
from psycopg import sql

HERE = Path(__file__).parent
ZONE = "America/New_York"


def answer(connection: psycopg.Connection, source: str, target: str, text: str) -> dict[str, object]:
    """What PostgreSQL answers: the text, or the error."""
    asked: dict[str, object] = {"source": source, "target": target, "text": text}
    query = "select cast(cast({} as {}) as {})"
    statement = sql.SQL(query).format(sql.Literal(text), sql.SQL(source), sql.SQL(target))
    cursor = connection.cursor()
    try:
        cursor.execute(statement)
        content = cursor.pgresult.get_value(0, 0)
        asked["output"] = None if content is None else content.decode(errors="replace")
    except psycopg.Error as problem:
        asked["error"] = [problem.diag.sqlstate, problem.diag.message_primary, problem.diag.message_detail]
    return asked


def main() -> None:
    """Asks everything anew."""
    lines = [line for line in (HERE / "cast_inputs.txt").read_text().splitlines() if not line.startswith("#")]
    with psycopg.connect(os.environ["PGSTREAM_ORACLE"], autocommit=True, prepare_threshold=None) as connection:
        connection.execute("select set_config('timezone', %s, false)", [ZONE])
        answers = [answer(connection, *line.split("\t")) for line in lines]
    shown = [json.dumps(one, ensure_ascii=False) + "\n" for one in answers]
    (HERE / "cast_answers.jsonl").write_text("".join(shown))


if __name__ == "__main__":
    main()
