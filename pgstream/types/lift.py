"""Functions of one value, lifted to whole columns: computed once per distinct value."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.types.buffers import Strings, number_column, strings


def over_distinct(column: Column, storage: pa.DataType, function: Callable[[Any], Any]) -> Column:
    """`function` of the as_py() form of each distinct value of `column`, as a column of `storage`; NULL stays NULL."""
    if column.null_count == len(column):
        return pa.nulls(len(column), storage)
    encoded = column.dictionary_encode()
    results = [function(value) for value in encoded.dictionary.to_pylist()]
    return pa.array(results, storage).take(encoded.indices)


TextKernel = Callable[[Strings], tuple[NDArray[np.generic], NDArray[np.bool_]]]


def parsed(text: Column, storage: pa.DataType, kernel: TextKernel, slow: Callable[[str], Any]) -> Column:
    """`text` read by `kernel`, which says which rows it understood; `slow` reads the others, or raises."""
    values, done = kernel(strings(text))
    if not done.all():
        known: dict[str, Any] = {}
        for row in np.flatnonzero(~done):
            word = text[int(row)].as_py()
            if word not in known:
                known[word] = slow(word)
            values[row] = known[word]
    return number_column(storage, values, text)
