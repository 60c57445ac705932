"""Shared ticks: INSERTs that look at nothing but themselves, each a transaction of its own, applied as one change.

What a tick costs hardly depends on how many rows it has, so statements that wait for the engine together are run
together. The rows of INSERT … VALUES depend on no state; only constraints and the views' expressions can refuse them,
and where one of them does, the statements are run again one by one.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from pgstream.delta import Column
from pgstream.engine.changing import Dml, Writing, stored_table
from pgstream.engine.head import Head
from pgstream.engine.literals import PlainRow, is_literal, literal_rows
from pgstream.engine.outcome import Outcome
from pgstream.engine.per_bound import PerBound
from pgstream.engine.rebinding import rebound
from pgstream.engine.steps import Deltas
from pgstream.functions.registry import EvalContext
from pgstream.sql.bind import Bound
from pgstream.sql.bind.statements import Insert
from pgstream.sql.parse import Parsed
from pgstream.types.values import column_of_one


class Asked(NamedTuple):
    """A statement that changes tables, as it was submitted: with columns of one value, or the one row of plain values
    (see `types/values.py`) of a `repeatable` one."""

    parsed: Parsed
    bound: Bound
    given: tuple[Column, ...]
    context: EvalContext
    row: tuple[Any, ...] | None = None

    @property
    def params(self) -> tuple[Column, ...]:
        """The parameters as columns of one value."""
        if self.row is None:
            return self.given
        types = self.bound.parameters
        return tuple(column_of_one(value, type.storage) for value, type in zip(self.row, types, strict=True))


class Target(Protocol):
    """The database that statements change."""

    head: Head

    def writing(self, head: Head, params: tuple[Column, ...], context: EvalContext) -> Writing: ...
    def apply(self, deltas: Deltas) -> None: ...
    def change(self, statement: Dml, params: tuple[Column, ...], context: EvalContext) -> Outcome: ...


class Recipe(NamedTuple):
    """How the rows of an INSERT are made; it shares ticks only where it is `independent` of what is stored.

    `kind` is one object for all statements, of any session, whose plain rows are made alike.
    """

    independent: bool
    plain: PlainRow | None
    kind: object = None

    @staticmethod
    def of(bound: Bound, _head: Head | None = None) -> "Recipe":
        statement = bound.statement
        if not isinstance(statement, Insert) or statement.on_conflict is not None or statement.returning:
            return Recipe(False, None)
        plain = PlainRow.of(statement.plan)
        return Recipe(is_literal(statement.plan), plain, _kind((statement.table_oid, plain, bound.parameters)))

    def rows(self, statement: Insert, params: tuple[Column, ...], context: EvalContext) -> tuple[Column, ...]:
        """The statement's rows, one column for each of the table's."""
        if self.plain is not None:
            return self.plain.rows(params, 1, context)
        made = literal_rows(statement.plan, context, params)
        assert made is not None
        return made.columns


@lru_cache(1024)
def _kind(alike: tuple[object, ...]) -> object:
    return alike


def repeatable(bound: Bound) -> bool:
    """Whether `Transaction.insert_many` can run a statement."""
    return Recipe.of(bound).plain is not None


class Sharing:
    """Runs the waiting statements of one database, on the engine thread."""

    def __init__(self, database: Target, recipes: PerBound[Recipe]) -> None:
        self._database = database
        self._recipes = recipes

    def run(self, asked: Sequence[Asked]) -> list[Outcome | BaseException]:
        """The outcome of each statement, or why it failed."""
        found: list[Outcome | BaseException] = []
        for independent, some in groupby(asked, self._independent):
            run = self._together if independent else self._one_by_one
            found += run(list(some))
        return found

    def _independent(self, one: Asked) -> bool:
        head = self._database.head
        return one.bound.catalog_version == head.catalog.version and self._recipes.get(one.bound, head).independent

    def _alone(self, one: Asked) -> Outcome | BaseException:
        try:
            fresh = rebound(one.parsed, one.bound, self._database.head, one.context)
            return self._database.change(fresh.statement, one.params, one.context)
        except BaseException as error:
            return error

    def _one_by_one(self, asked: Sequence[Asked]) -> Sequence[Outcome | BaseException]:
        return [self._alone(one) for one in asked]

    def _together(self, asked: Sequence[Asked]) -> Sequence[Outcome | BaseException]:
        try:
            return self._one_tick(asked)
        except Exception:
            return self._one_by_one(asked)

    def _one_tick(self, asked: Sequence[Asked]) -> list[Outcome]:
        database = self._database
        parts: dict[int, list[tuple[Column, ...]]] = {}
        outcomes: list[Outcome] = []
        for kind, alike in groupby(asked, self._kind):
            some = list(alike)
            for rows, one in [(self._rows_alike(some), some[0])] if kind else [(self._rows(one), one) for one in some]:
                parts.setdefault(one.bound.statement.table_oid, []).append(rows)
                outcomes += [ONE_ROW] * len(some) if kind else [_inserted(len(rows[0]))]
        writing = database.writing(database.head, (), asked[0].context)
        deltas = {}
        for oid, several in parts.items():
            columns = several[0] if len(several) == 1 else [pa.concat_arrays(p) for p in zip(*several, strict=True)]
            deltas[oid] = writing.insert_rows(stored_table(database.head, oid), columns)
        database.apply(deltas)
        return outcomes

    def _kind(self, one: Asked) -> object:
        """What the plain rows of statements that follow each other have in common."""
        if one.row is None:
            return None
        return self._recipes.get(one.bound, self._database.head).kind

    def _rows(self, one: Asked) -> tuple[Column, ...]:
        recipe = self._recipes.get(one.bound, self._database.head)
        return recipe.rows(one.bound.statement, one.params, one.context)

    def _rows_alike(self, some: Sequence[Asked]) -> tuple[Column, ...]:
        """The rows of statements of one kind."""
        plain = self._recipes.get(some[0].bound, self._database.head).plain
        assert plain is not None
        values = zip(*(one.row or () for one in some), strict=True)
        types = some[0].bound.parameters
        params = [pa.array(column, type.storage) for column, type in zip(values, types, strict=True)]
        return plain.rows(params, len(some), some[0].context)


ONE_ROW = Outcome("INSERT 0 1", count=1)


def _inserted(count: int) -> Outcome:
    return Outcome(f"INSERT 0 {count}", count=count)
