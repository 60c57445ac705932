"""Golden plans: SQL in, the bound plan or the exact error out.

Each file of this folder holds cases; `pytest tests/plans --update` writes what the binder says now into them, and the
difference is what a review looks at. A file's `ddl` makes its catalog.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pgstream.catalog.catalog import Catalog
from pgstream.errors import SqlError
from pgstream.plan.terms import PLAIN
from pgstream.sql.bind import BindScope, Bound, bind
from pgstream.sql.explain import explain
from pgstream.sql.parse import parse
from tests.unit.sql_bind.catalogs import SCHEMA, catalog_of

FILES = sorted(Path(__file__).parent.glob("*.yaml"))


class _Block(str):
    """Text that YAML writes as a block."""


yaml.SafeDumper.add_representer(
    _Block, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
)


_UNSHOWN = ("target", "old", "new", "returning", "statement", "columns", "query", "arguments", "option_positions")
"""Fields whose text would say nothing, or something that changes from run to run."""


def told(sql: str, catalog: Catalog) -> dict[str, Any]:
    """What a golden file says of a statement."""
    try:
        bound = [bind(parsed, catalog, BindScope()) for parsed in parse(sql)]
    except SqlError as error:
        made: dict[str, Any] = {"error": f"{error.sqlstate} {error.message}"}
        if error.position is not None:
            made["at"] = sql[error.position : error.position + 20]
        if error.hint:
            made["hint"] = error.hint
        return made
    return {"plan": _Block("\n".join(line for each in bound for line in shown(each)) + "\n")}


def shown(bound: Bound) -> list[str]:
    """A bound statement as text: its plan, and whatever else its dataclass holds."""
    statement = bound.statement
    lines = []
    for name in statement.__dataclass_fields__:
        value = getattr(statement, name)
        if name == "plan" and value is not None:
            lines += explain(value)
        elif name == "on_conflict" and value is not None:
            lines.append(f"on conflict over {value.columns} do {'update' if value.update else 'nothing'}")
        elif name not in _UNSHOWN and value not in (None, (), False, "", frozenset(), PLAIN):
            lines.append(f"{name}: {sorted(value) if isinstance(value, frozenset) else value}")
    columns = ", ".join(f"{col.name} {col.type}" for col in bound.columns or ())
    parameters = ", ".join(map(str, bound.parameters))
    head = f"{bound.tag} ({columns})" if bound.columns is not None else bound.tag
    return [head + (f" with ({parameters})" if parameters else ""), *lines]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_plans_are_those_of_the_golden_file(path: Path, request: pytest.FixtureRequest) -> None:
    content = yaml.safe_load(path.read_text())
    catalog = catalog_of(SCHEMA + content.get("ddl", ""))
    cases = [{"sql": case["sql"], **told(case["sql"], catalog)} for case in content["cases"]]
    if request.config.getoption("--update"):
        head = {"ddl": _Block(content["ddl"])} if "ddl" in content else {}
        for case in cases:
            case["sql"] = _Block(case["sql"]) if "\n" in case["sql"] else case["sql"]
        path.write_text(yaml.safe_dump({**head, "cases": cases}, sort_keys=False, width=118, allow_unicode=True))
    else:
        assert cases == content["cases"]
