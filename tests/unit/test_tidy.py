"""The house style that no linter knows: sizes, names, and what the project does not say of its surroundings.

Each list of exceptions may only shrink: an exception that is no longer needed fails the test too.
"""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINES_PER_FILE_MAX = 400
LINES_PER_FUNCTION_MAX = 40
VAGUE = frozenset({"manager", "handler", "util", "utils", "helper", "helpers", "base", "common", "data", "info"})

LONG_FILES: dict[str, int] = {}

TABLES = frozenset({"errors.py"})
"""One entry after another, such as all SQLSTATEs: longer apart than together."""

LONG_FUNCTIONS = {
    "functions/registry.py:function": 46,
    "kernels/copy_fields.py:gather_csv": 41,
    "kernels/copy_text.py:cut_csv": 83,
    "kernels/copy_text.py:cut_text": 72,
    "kernels/quotient.py:print_quotient": 44,
    "kernels/text_floats.py:format_floats": 53,
}
"""State machines over bytes, which lose half their speed in pieces, and a decorator that is all parameters."""

TERMS = re.compile(r"(copy|key|string)_data|data_(row|received)|(to_)?common(_type|_typmod|_factor|$)|^info$")
"""Names that protocols, SQLSTATEs, PostgreSQL's rules and the logging of the world have for things."""


def sources() -> list[Path]:
    """Every Python file that git tracks in the package."""
    listed = subprocess.run(
        ["git", "ls-files", "pgstream/**.py", "pgstream/*.py"], cwd=ROOT, capture_output=True, check=True
    )
    return sorted({ROOT / line for line in listed.stdout.decode().splitlines() if (ROOT / line).exists()})


def definitions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node


def place(path: Path) -> str:
    return str(path.relative_to(ROOT / "pgstream"))


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its decorators and docstring."""
    body = node.body
    documented = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    docstring = (body[0].end_lineno or 0) - body[0].lineno + 1 if documented else 0
    return (node.end_lineno or 0) - node.lineno + 1 - docstring


def test_files_are_short() -> None:
    found = {place(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    long = {name: lines for name, lines in found.items() if lines > LINES_PER_FILE_MAX and name not in TABLES}
    grown = {name: lines for name, lines in long.items() if lines > LONG_FILES.get(name, 0)}
    assert not grown, f"over {LINES_PER_FILE_MAX} lines: {grown}"
    assert LONG_FILES.keys() <= long.keys(), f"exceptions no longer needed: {LONG_FILES.keys() - long.keys()}"


def test_functions_are_short() -> None:
    long = {
        f"{place(path)}:{node.name}": code_lines(node)
        for path in sources()
        for node in definitions(path)
        if not isinstance(node, ast.ClassDef) and code_lines(node) > LINES_PER_FUNCTION_MAX
    }
    grown = {name: lines for name, lines in long.items() if lines > LONG_FUNCTIONS.get(name, 0)}
    assert not grown, f"over {LINES_PER_FUNCTION_MAX} lines: {grown}"
    assert LONG_FUNCTIONS.keys() <= long.keys(), f"exceptions no longer needed: {LONG_FUNCTIONS.keys() - long.keys()}"


def test_names_say_what_things_are() -> None:
    named = {f"{place(path)}:{node.name}": node.name for path in sources() for node in definitions(path)}
    named |= {place(path): path.stem for path in sources()}
    vague = {where for where, name in named.items() if VAGUE & set(TERMS.sub("", snake(name)).split("_"))}
    assert not vague


def snake(name: str) -> str:
    """`CopyData` as copy_data."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def test_every_module_says_what_it_is() -> None:
    silent = [
        place(path)
        for path in sources()
        if path.stat().st_size and ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is None
    ]
    assert not silent


def test_the_project_names_no_machine() -> None:
    """No path of a home or work directory, in any file that git tracks."""
    pattern = r"/(wor[k]|roo[t]|hom[e])/[a-z]"
    found = subprocess.run(
        ["git", "grep", "-nIE", pattern, "--", ":!*.lock"], cwd=ROOT, capture_output=True, check=False
    )
    assert found.stdout.decode() == ""
