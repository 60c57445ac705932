"""README's walk with psql: every statement gives the output that stands below it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pgstream.testing.server import Server

README = Path(__file__).parents[2] / "README.md"
MARK = "-- next"

pytestmark = pytest.mark.skipif(shutil.which("psql") is None, reason="psql is not installed")


def walk() -> list[tuple[str, str]]:
    """(input, output) pairs of the session that README shows."""
    lines = README.read_text().split("$ psql -h", 1)[1].splitlines()[1:]
    pairs: list[tuple[list[str], list[str]]] = []
    for line in lines:
        if line and not line.startswith("    "):
            break
        text = line.removeprefix("    ").rstrip()
        if text.startswith("=> "):
            pairs.append(([text.removeprefix("=> ")], []))
        elif not pairs[-1][0][-1].endswith((";", "sleep 1")):
            pairs[-1][0].append(text)
        else:
            pairs[-1][1].append(text)
    return [("\n".join(typed), "\n".join(shown).strip("\n")) for typed, shown in pairs]


def test_the_walk_is_true(server: Server) -> None:
    """The counts of the generated source depend on the second they are read in: of these only the form is compared."""
    pairs = walk()
    assert len(pairs) > 10
    script = "".join(f"{typed}\n\\echo '{MARK}'\n" for typed, _ in pairs)
    command = ["psql", "-X", "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres"]
    done = subprocess.run(
        command, input=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=True
    )
    told = ["\n".join(line.rstrip() for line in part.splitlines()).strip("\n") for part in done.stdout.split(MARK)]
    for (typed, shown), said in zip(pairs, told, strict=False):
        if " FROM hot " in typed:
            shown, said = (re.sub(r"\d+", "0", re.sub(r" +(?=\d)", " ", text)) for text in (shown, said))
        assert said == shown, typed
