"""Every type reads, prints and encodes what PostgreSQL answered (`ask_postgres.py` wrote the answers)."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from spelled_types import type_of

from pgstream.errors import SqlError
from pgstream.types import parse_text

ANSWERS = [json.loads(line) for line in (Path(__file__).parent / "answers.jsonl").read_text().splitlines()]
KINDS = sorted({(answer["type"], answer["zone"]) for answer in ANSWERS})
BEYOND = re.compile("several dimensions")
"""Arrays of several dimensions are read by PostgreSQL and not by us, which we say."""


def our_answer(answer: dict[str, Any]) -> dict[str, Any]:
    """What we make of the same text, as an explicit cast from text does."""
    type = type_of(answer["type"])
    settings = {"timezone": answer["zone"]}
    asked = {key: answer[key] for key in ("type", "zone", "text")}
    kind = type if type.name == "interval" else type.bare()
    try:
        column = parse_text(kind, pa.array([answer["text"], None]), settings, 0)
        if type.typmod >= 0 and type.name != "interval":
            column = type.definition.apply_typmod(column, type.typmod, True)
        text = type.definition.format(column, settings)
        content = type.definition.send(column)
    except SqlError as problem:
        return {**asked, "error": [problem.sqlstate, problem.message, problem.detail, problem.hint]}
    assert text[1].as_py() is None
    assert content[1].as_py() is None
    return {**asked, "output": text[0].as_py(), "binary": content[0].as_py().hex()}


@pytest.mark.parametrize(("kind", "zone"), KINDS)
def test_text_and_binary_are_postgresqls(kind: str, zone: str) -> None:
    wanted = [answer for answer in ANSWERS if (answer["type"], answer["zone"]) == (kind, zone)]
    found = [our_answer(answer) for answer in wanted]
    differing = [(ours, theirs) for ours, theirs in zip(found, wanted, strict=True) if ours != theirs]
    assert not [pair for pair in differing if not BEYOND.search(str(pair[0].get("error")))]


@pytest.mark.parametrize(("kind", "zone"), KINDS)
def test_binary_comes_back(kind: str, zone: str) -> None:
    type = type_of(kind)
    wanted = [a for a in ANSWERS if (a["type"], a["zone"]) == (kind, zone) and "binary" in a]
    ours = [answer for answer in wanted if "binary" in our_answer(answer)]
    content = pa.array([bytes.fromhex(answer["binary"]) for answer in ours], pa.binary())
    column = type.definition.receive(content, type.typmod)
    assert type.definition.format(column, {"timezone": zone}).to_pylist() == [answer["output"] for answer in ours]
