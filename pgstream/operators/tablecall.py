"""TableCall: a set-returning function applied to each row."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.circuit.operator import Operator, TickContext
from pgstream.delta import Column, Delta, concat
from pgstream.functions.registry import BoundCall, Function
from pgstream.functions.vector import column_of, valid
from pgstream.operators.map import computed
from pgstream.plan.expressions import Expr
from pgstream.storage.gather import picked
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType


@dataclass(frozen=True, slots=True)
class TableCall(Operator):
    """The input's columns, then the function's, then with `ordinality` the row's number (int8, from 1).

    With `outer`, a row for which the function gives nothing stays once, with NULLs.
    """

    columns: tuple[SqlType, ...]
    function: Function
    args: tuple[Expr, ...]
    outputs: tuple[SqlType, ...]
    ordinality: bool = False
    outer: bool = False

    streams = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.columns + self.outputs + ((SqlType("int8"),) if self.ordinality else ())

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        delta = inputs[0]
        rows, made = self._called(delta, tick)
        if self.ordinality:
            made = (*made, column_of(_numbered(rows), pa.int64()))
        kept = picked(delta, rows)
        found = Delta(kept.columns + made, kept.weights)
        if not self.outer:
            return found
        without = np.ones(len(delta), np.bool_)
        without[rows] = False
        left = delta.filter(without)
        nulls = tuple(pa.nulls(len(left), type.storage) for type in self.types[len(self.columns) :])
        return concat([found, Delta((*left.columns, *nulls), left.weights)])

    def _called(self, delta: Delta, tick: TickContext) -> tuple[NDArray[np.int64], tuple[Column, ...]]:
        """The input row of each row that the function gives, and the function's columns."""
        columns = dict(enumerate(delta.columns))
        args = [computed(arg, columns, len(delta), tick) for arg in self.args]
        asked = np.arange(len(delta))
        if self.function.strict:
            keep = np.ones(len(delta), np.bool_)
            for arg in args:
                keep &= valid(arg)
            if not keep.all():
                asked = np.flatnonzero(keep)
                args = [arg.take(pa.array(asked)) for arg in args]
        if not len(asked):
            return asked, tuple(pa.array([], type.storage) for type in self.outputs)
        result = self.outputs[0] if len(self.outputs) == 1 else SqlType("record")
        call = BoundCall(tuple(arg.type for arg in self.args), result, tick.evaluation)
        prefix = (call,) if self.function.bound else ()
        rows, made = self.function.kernel(*prefix, *(args or [len(asked)]))
        return asked[rows], tuple(made)


def _numbered(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """1, 2, 3 … for each stretch of equal rows."""
    index = np.arange(len(rows))
    first = np.flatnonzero(np.concatenate([[True], rows[1:] != rows[:-1]])[: len(rows)])
    stretch = np.repeat(first, np.diff(np.append(first, len(rows))))
    return index - stretch + 1
