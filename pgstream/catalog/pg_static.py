"""Relations whose rows are PostgreSQL's own and never change: operator classes and families, ranges."""

import csv
from collections.abc import Callable, Iterator
from importlib.resources import files

import pyarrow as pa

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.system import Row, relations_by_name, rows_of
from pgstream.functions.registry import EvalContext

STATIC = ("pg_opclass", "pg_opfamily", "pg_range")


def _read(name: str) -> Callable[[], Iterator[Row]]:
    """The rows of `<name>.csv`, each field as the column's input function reads it; an empty one is left out."""

    def rows() -> Iterator[Row]:
        types = {column.name: column.type for column in relations_by_name()["pg_catalog", name].columns}
        with (files("pgstream.catalog") / f"{name}.csv").open(encoding="utf-8") as lines:
            for line in csv.DictReader(lines):
                yield {
                    column: types[column].definition.to_python(types[column].definition.parse(pa.array([text]), -1)[0])
                    for column, text in line.items()
                    if text
                }

    return rows


def _none(catalog: Catalog, context: EvalContext) -> tuple[Row, ...]:
    return ()


for _name in STATIC:
    rows_of("pg_catalog", _name, builtin=_read(_name))(_none)
