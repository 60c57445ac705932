"""Access paths: which rows of a stored relation a query needs to look at.

A predicate that fixes every key column of an arrangement, of the relation itself or of an index on it, turns a scan
into a probe of that key; a list of values for an only key column (IN, = ANY), into a probe of each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pgstream.catalog.objects import Index
from pgstream.delta import Column, Delta
from pgstream.engine.facts import arranged_by
from pgstream.engine.head import Head
from pgstream.functions.registry import EvalContext
from pgstream.operators.arrange import touched_keys
from pgstream.plan import relations as rel
from pgstream.plan.evaluate import evaluate
from pgstream.plan.expressions import AnyAll, CastExpr, Col, Expr, Param, Ref
from pgstream.plan.rewrite import subplans, used
from pgstream.sql.lower_keys import key_type
from pgstream.sql.optimize.predicates import comparison, comparison_of, conjuncts, is_volatile
from pgstream.storage.identity import is_word, key_hash
from pgstream.storage.run import Run
from pgstream.types.definition import SqlType
from pgstream.types.values import column_of_one

WIDER = {"int4": ("int2",), "int8": ("int2", "int4")}
"""Integer types, and those whose every value is one of theirs."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One key of the arrangement of `stored` (a relation or index): `values` give its columns, of `types`.

    `exact`: the predicate asks for nothing but this key. With `listed` the one value is an array, of a key each.
    """

    stored: int
    values: tuple[Expr, ...]
    types: tuple[SqlType, ...]
    exact: bool
    listed: bool = False

    def rows(
        self, head: Head, context: EvalContext, params: Sequence[Column], positions: Sequence[int] | None = None
    ) -> Delta | None:
        """The rows with that key (their columns at `positions`); None where the relation has no rows at all."""
        spine = head.rows(self.stored)
        if spine is None:
            return None
        columns = self._key(context, params)
        if self.listed:
            columns = [column.flatten().drop_null() for column in columns]
        if any(column.null_count for column in columns):
            return spine.contents(positions).slice(0, 0) if len(columns) else None
        keys = touched_keys(key_hash(columns, self.types, spine.seed, len(columns[0])))
        return spine.probe(keys, consolidate=True, positions=positions).delta

    def only_row(
        self, head: Head, context: EvalContext, params: Sequence[Column], positions: Sequence[int]
    ) -> tuple[Column, ...] | None:
        """The columns at `positions` of the one row with that key, over the arrangement's memory; None where there is
        no such row, or more than one."""
        spine = head.rows(self.stored)
        columns = self._key(context, params)
        if spine is None or any(column.null_count for column in columns):
            return None
        found = spine.find(columns, self.types)
        if len(found) != 1 or found[0][2] != 1:
            return None
        run, row, _ = found[0]
        return tuple(run.rows.columns[position].slice(row, 1) for position in positions)

    def seek(self, picked: tuple[int, ...]) -> "Seek | None":
        """This probe where nothing but parameters give its key."""
        found = [_parameter(value) for value in self.values]
        key = tuple(param.index - 1 for param in found if param is not None)
        if len(key) != len(self.values) or not self.exact:
            return None
        word = len(key) == 1 and is_word(self.types[0].storage, self.types[0])
        return Seek(self.stored, key, self.types, picked, word)

    def _key(self, context: EvalContext, params: Sequence[Column]) -> list[Column]:
        return [
            params[value.index - 1] if isinstance(value, Param) else evaluate(value, {}, 1, context, params)
            for value in self.values
        ]


@dataclass(frozen=True, slots=True)
class Seek:
    """A query of stored columns, those at `picked`, of the rows with one key, which is parameters (by position).

    `word`: the key is one integer that is hashed as it is.
    """

    stored: int
    key: tuple[int, ...]
    types: tuple[SqlType, ...]
    picked: tuple[int, ...]
    word: bool

    def rows(self, head: Head, params: Sequence[Any]) -> list[tuple[Run, int, int]]:
        """The rows as (run, row in it, weight), in order, where the parameters have plain values (see
        `types/values.py`)."""
        spine = head.rows(self.stored)
        if spine is None:
            return []
        values = [params[at] for at in self.key]
        if None in values:
            return []
        if self.word:
            return spine.find_word(values[0])
        columns = [column_of_one(value, type.storage) for value, type in zip(values, self.types, strict=True)]
        return spine.find(columns, self.types)


def probes(plan: rel.Relation, head: Head) -> dict[tuple[int, tuple[int, ...]], Probe]:
    """A probe for each scan that its filter narrows to one key, by relation and positions read.

    A relation that the plan reads twice at the same positions is left alone: both scans are one node.
    """
    found: dict[tuple[int, tuple[int, ...]], Probe] = {}
    seen: set[int] = set()
    scans = [part.oid for part in subplans(plan) if isinstance(part, rel.Scan)]
    for part in subplans(plan):
        if isinstance(part, rel.Filter) and isinstance(part.input, rel.Scan):
            scan = part.input
            probe = probe_of(scan, part.predicate, head)
            if probe is not None and scans.count(scan.oid) == 1:
                found[scan.oid, ()] = probe
                seen.add(scan.oid)
    return found


def probe_of(scan: rel.Scan, predicate: Expr, head: Head) -> Probe | None:
    """The probe that gives every row of `scan` for which `predicate` holds; None where no arrangement fits."""
    stored = {col.id: position for col, position in zip(scan.columns, scan.positions, strict=True)}
    fixed: dict[int, tuple[Expr, SqlType]] = {}
    for part in conjuncts(predicate):
        for col, value in _equalities(part):
            same = _as(value, col.type)
            if col.id in stored and not used(value) and not is_volatile(value) and same is not None:
                fixed.setdefault(stored[col.id], (same, col.type))
    for oid, key in _arrangements(head, scan.oid):
        if key and all(position in fixed for position in key):
            exact = len(list(conjuncts(predicate))) == len(key)
            return Probe(oid, tuple(fixed[p][0] for p in key), tuple(fixed[p][1] for p in key), exact)
    return _listed(scan, predicate, head)


def _listed(scan: rel.Scan, predicate: Expr, head: Head) -> Probe | None:
    """The probe of an arrangement with one key column, whose values `predicate` lists."""
    stored = {col.id: position for col, position in zip(scan.columns, scan.positions, strict=True)}
    lists: dict[tuple[int, ...], AnyAll] = {}
    for part in conjuncts(predicate):
        if isinstance(part, AnyAll) and isinstance(part.left, Ref) and part.left.col.id in stored and _lists(part):
            lists.setdefault((stored[part.left.col.id],), part)
    for oid, key in _arrangements(head, scan.oid):
        if key in lists:
            return Probe(oid, (lists[key].array,), (lists[key].left.type,), False, listed=True)
    return None


def _lists(part: AnyAll) -> bool:
    """Whether `part` holds for just the values of an array that is the same for all rows."""
    array, element = part.array, part.array.type.element
    if part.all or comparison_of(part.function) != "=" or element is None or not pa.types.is_list(array.type.storage):
        return False
    alike = element.name == part.left.type.name
    return alike and not used(array) and not is_volatile(array)


def _equalities(part: Expr) -> Iterator[tuple[Col, Expr]]:
    found = comparison(part)
    if found is None or found[0] != "=":
        return
    for left, right in ((found[1], found[2]), (found[2], found[1])):
        if isinstance(left, Ref) and key_type(left.type, right.type) is not None:
            yield left.col, right


def _as(value: Expr, type: SqlType) -> Expr | None:
    """`value` in the `type` of the column it is compared with, if every value of its own has an equal one there."""
    if value.type.name == type.name:
        return value
    common = key_type(value.type, type)
    if common is None or common.storage != type.storage:
        return None
    return value if value.type.storage == type.storage else CastExpr(value, type.bare(), True)


def _parameter(value: Expr) -> Param | None:
    """The parameter that `value` is, or is a wider integer of: its plain value is the same."""
    if isinstance(value, CastExpr) and value.type.name in WIDER and value.arg.type.name in WIDER[value.type.name]:
        value = value.arg
    return value if isinstance(value, Param) else None


def _arrangements(head: Head, oid: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    yield oid, arranged_by(head, oid)
    for index in head.catalog.indexes(oid):
        if isinstance(index, Index) and index.oid in head.roots.stored:
            yield index.oid, tuple(key.position for key in index.columns)
