"""Shared ticks: INSERTs that look at nothing but themselves, each a transaction of its own, applied as one change.

What a tick costs hardly depends on how many rows it has, so statements that wait for the engine together are run
together. The rows of INSERT … VALUES depend on no state; only constraints and the views' expressions can refuse them,
and where one of them does, the statements are run again one by one.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple, Protocol

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


class Asked(NamedTuple):
    """A statement that changes tables, as it was submitted."""

    parsed: Parsed
    bound: Bound
    params: tuple[Column, ...]
    context: EvalContext


class Target(Protocol):
    """The database that statements change."""

    head: Head

    def writing(self, head: Head, params: tuple[Column, ...], context: EvalContext) -> Writing: ...
    def apply(self, deltas: Deltas) -> None: ...
    def change(self, statement: Dml, params: tuple[Column, ...], context: EvalContext) -> Outcome: ...


class Recipe(NamedTuple):
    """How the rows of an INSERT are made; it shares ticks only where it is `independent` of what is stored."""

    independent: bool
    plain: PlainRow | None

    @staticmethod
    def of(bound: Bound, _head: Head | None = None) -> "Recipe":
        statement = bound.statement
        if not isinstance(statement, Insert) or statement.on_conflict is not None or statement.returning:
            return Recipe(False, None)
        return Recipe(is_literal(statement.plan), PlainRow.of(statement.plan))

    def rows(self, statement: Insert, params: tuple[Column, ...], context: EvalContext) -> tuple[Column, ...]:
        """The statement's rows, one column for each of the table's."""
        if self.plain is not None:
            return self.plain.rows(params, 1)
        made = literal_rows(statement.plan, context, params)
        assert made is not None
        return made.columns


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
        database, outcomes = self._database, []
        parts: dict[int, list[tuple[Column, ...]]] = {}
        for one in asked:
            statement = one.bound.statement
            rows = self._recipes.get(one.bound, database.head).rows(statement, one.params, one.context)
            parts.setdefault(statement.table_oid, []).append(rows)
            outcomes.append(Outcome(f"INSERT 0 {len(rows[0])}", count=len(rows[0])))
        writing = database.writing(database.head, (), asked[0].context)
        deltas = {}
        for oid, several in parts.items():
            columns = [pa.concat_arrays(parts) for parts in zip(*several, strict=True)]
            deltas[oid] = writing.insert_rows(stored_table(database.head, oid), columns)
        database.apply(deltas)
        return outcomes
