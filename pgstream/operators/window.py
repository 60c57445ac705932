"""Window: window functions, recomputed for the partitions that a tick touches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pgstream.circuit.operator import Operator, TickContext, arranged
from pgstream.delta import Column, Delta, concat
from pgstream.functions.registry import BoundCall, WindowFunction
from pgstream.kernels.windowing import extents
from pgstream.operators.arrange import consolidated, keys_at, touched_keys
from pgstream.operators.framing import Framed, WindowItem, framed_aggregate, frames
from pgstream.storage.identity import Hash, Seed, key_hash
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType


@dataclass(frozen=True, slots=True)
class Window(Operator):
    """The input's columns and one more for each of `items`; `spec` keys by partition and orders within it.

    A partition's output depends on its rows alone, so what to retract is computed again from the arrangement before
    the tick. Rows that tie stand in the order of their identity.
    """

    spec: ArrangementSpec
    items: tuple[WindowItem, ...]

    lean = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.spec.types + tuple(item.type for item in self.items)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        delta = arranged(inputs[0])
        keys = touched_keys(delta.keys)
        new = self._output(delta.after, keys, tick)
        return consolidated(concat([new, self._output(delta.before, keys, tick).negate()]), tick)

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        keys = keys_at(inputs[0], self.spec.key, self.spec.types, tick)
        return self._output(Spine.empty(self.spec, tick.seed).insert(inputs[0], keys), touched_keys(keys), tick)

    def _output(self, spine: Spine, keys: Hash, tick: TickContext) -> Delta:
        """The output's rows in the partitions of `keys`."""
        query, rows = spine.probe(keys, consolidate=True)
        if not len(rows):
            return self.idle(())
        if (rows.weights != 1).any():
            index = np.repeat(np.arange(len(rows)), rows.weights)
            query, rows = query[index], rows.take(index)
        framed = self._framed(query, rows, tick.seed)
        made = tuple(self._computed(item, rows, framed, tick) for item in self.items)
        return Delta(rows.columns + made, np.ones(len(rows), np.int64))

    def _framed(self, query: NDArray[np.int64], rows: Delta, seed: Seed) -> Framed:
        new_partition = np.concatenate([[True], query[1:] != query[:-1]])
        new_peers = new_partition
        if self.spec.order:
            positions = [item.position for item in self.spec.order]
            values = key_hash([rows.columns[i] for i in positions], [self.spec.types[i] for i in positions], seed)
            differs = (values.hi[1:] != values.hi[:-1]) | (values.lo[1:] != values.lo[:-1])
            new_peers = new_partition | np.concatenate([[True], differs])
        return Framed(*extents(new_partition), *extents(new_peers))

    def _computed(self, item: WindowItem, rows: Delta, framed: Framed, tick: TickContext) -> Column:
        args = tuple(rows.columns[position] for position in item.args)
        call = BoundCall(tuple(self.spec.types[position] for position in item.args), item.type, tick.evaluation)
        function = item.function
        if isinstance(function, WindowFunction) and not function.framed:
            return function.kernel(call, args, framed.first, framed.peers_first)
        seen = frames(item.frame, framed, rows, self.spec, tick)
        if isinstance(function, WindowFunction):
            return function.kernel(call, args, framed.first, framed.peers_first, seen)
        return framed_aggregate(item, function, call, rows, framed.first, seen)
