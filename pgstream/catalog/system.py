"""System relations: pg_catalog and information_schema as relations of the engine.

`columns.csv` holds the name, type and order of every column that PostgreSQL 15 has there, one line a relation. What
is in a relation is computed from the catalog snapshot by a function declared with `rows_of`; a relation without one
exists and is empty, as it would be in a PostgreSQL where the feature is not used.
"""

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pgstream.catalog.objects import INFORMATION_SCHEMA, PG_CATALOG, TableColumn
from pgstream.delta import Column
from pgstream.functions.registry import EvalContext
from pgstream.types import SqlType

if TYPE_CHECKING:
    from pgstream.catalog.catalog import Catalog

Row = Mapping[str, Any]
"""Values by column name, in their types' Python forms; a column left out is its type's zero, or NULL."""

Rows = Callable[["Catalog", EvalContext], Iterable[Row]]

_ZEROS: dict[str, Any] = {
    "oid": 0,
    "bool": False,
    "int2": 0,
    "int4": 0,
    "int8": 0,
    "float4": 0.0,
    "float8": 0.0,
    "name": "",
    "text": "",
    "char": "",
    "regproc": 0,
    "xid": 0,
}


@dataclass(frozen=True, slots=True)
class Filling:
    """What is in a relation: `rows` of the user's objects, after `builtin` rows that are the same in every catalog.

    `per_session`: the rows depend on more than the catalog, so that nobody keeps them.
    """

    rows: Rows
    builtin: Callable[[], Iterable[Row]] | None = None
    per_session: bool = False


_FILLINGS: dict[tuple[str, str], Filling] = {}


@dataclass(frozen=True, slots=True)
class SystemRelation:
    """One relation of a system schema. `kind` is its pg_class.relkind: `r` or `v`."""

    oid: int
    schema: str
    name: str
    kind: str
    columns: tuple[TableColumn, ...]

    @property
    def schema_oid(self) -> int:
        return PG_CATALOG if self.schema == "pg_catalog" else INFORMATION_SCHEMA

    def contents(self, catalog: "Catalog", context: EvalContext) -> tuple[Column, ...]:
        """All rows, as `context`'s session sees `catalog`. A catalog keeps those that only depend on it."""
        kept = catalog.contents.get(self.oid)
        if kept is not None:
            return kept
        filling = _FILLINGS.get((self.schema, self.name))
        rows = () if filling is None else filling.rows(catalog, context)
        made = _columns(self.columns, rows)
        if filling is not None and filling.builtin is not None:
            made = tuple(pa.concat_arrays(pair) for pair in zip(_builtin(self.oid), made, strict=True))
        if filling is None or not filling.per_session:
            catalog.contents[self.oid] = made
        return made


@cache
def _builtin(oid: int) -> tuple[Column, ...]:
    """The rows of a system relation that every catalog has."""
    relation = relations_by_oid()[oid]
    builtin = _FILLINGS[relation.schema, relation.name].builtin
    assert builtin is not None
    return _columns(relation.columns, builtin())


def rows_of(
    schema: str, name: str, *, builtin: Callable[[], Iterable[Row]] | None = None, per_session: bool = False
) -> Callable[[Rows], Rows]:
    """Declares the decorated function as what is in `schema.name`; see `Filling`."""

    def declared(rows: Rows) -> Rows:
        assert (schema, name) in relations_by_name(), name
        assert (schema, name) not in _FILLINGS, name
        _FILLINGS[schema, name] = Filling(rows, builtin, per_session)
        return rows

    return declared


@cache
def relations_by_name() -> dict[tuple[str, str], SystemRelation]:
    """Every system relation, by schema and name."""
    with (files("pgstream.catalog") / "columns.csv").open(encoding="utf-8") as lines:
        return {
            (line["schema"], line["relation"]): SystemRelation(
                int(line["oid"]),
                line["schema"],
                line["relation"],
                line["kind"],
                tuple(_declared(text) for text in line["columns"].split()),
            )
            for line in csv.DictReader(lines)
        }


@cache
def relations_by_oid() -> dict[int, SystemRelation]:
    return {relation.oid: relation for relation in relations_by_name().values()}


def _declared(text: str) -> TableColumn:
    name, _, kind = text.partition(":")
    return TableColumn(name, SqlType(kind.rstrip("!")), kind.endswith("!"))


def _columns(columns: tuple[TableColumn, ...], rows: Iterable[Row]) -> tuple[Column, ...]:
    whole = list(rows)
    return tuple(_column(column, whole) for column in columns)


def _column(column: TableColumn, rows: list[Row]) -> Column:
    zero = _ZEROS.get(column.type.name) if column.not_null else None
    convert = column.type.definition.from_python
    values = (row.get(column.name, zero) for row in rows)
    return pa.array([None if value is None else convert(value) for value in values], column.type.storage)
