"""Asks a real PostgreSQL how it orders the values in `answers.jsonl`, and writes `order_answers.jsonl`.

    PGSTREAM_ORACLE="host=127.0.0.1 port=5432 user=postgres" python tests/unit/types/ask_postgres_order.py

One line a type: its values, each with its rank (dense_rank), so that equal values share one.
"""

import json
import os
from pathlib import Path

import psycopg
from psycopg import sql

HERE = Path(__file__).parent


def values_of_types() -> dict[str, list[str]]:
    """The distinct valid texts of every type without a modifier."""
    found: dict[str, dict[str, None]] = {}
    for line in (HERE / "answers.jsonl").read_text().splitlines():
        answer = json.loads(line)
        if "output" in answer and "(" not in answer["type"] and answer["zone"] == "UTC" and "dimensions" not in line:
            found.setdefault(answer["type"], {})[answer["output"]] = None
    return {kind: list(texts) for kind, texts in found.items() if not kind.startswith(("interval ", "json[", "xid"))}


def main() -> None:
    """Asks everything anew."""
    lines = []
    with psycopg.connect(os.environ["PGSTREAM_ORACLE"], autocommit=True, prepare_threshold=None) as connection:
        connection.execute("set timezone = 'UTC'")
        for kind, texts in values_of_types().items():
            query = "select t, dense_rank() over (order by cast(t as {})) from unnest({}::text[]) t order by 2, 1"
            try:
                rows = connection.execute(sql.SQL(query).format(sql.SQL(kind), sql.Literal(texts))).fetchall()
            except psycopg.errors.UndefinedFunction:
                continue
            lines.append(json.dumps({"type": kind, "ranks": rows}, ensure_ascii=False) + "\n")
    (HERE / "order_answers.jsonl").write_text("".join(lines))


if __name__ == "__main__":
    main()
