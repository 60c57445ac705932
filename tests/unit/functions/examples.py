"""The examples of every declaration, as queries."""

from collections.abc import Iterator

import pgstream.sql.bind  # noqa: F401  declares everything
from pgstream.functions.registry import AGGREGATES, FUNCTIONS, WINDOW_FUNCTIONS

ROWS = "FROM (VALUES (1), (2), (3)) AS t(i)"
"""What the examples of aggregates and window functions are over."""


def queries() -> Iterator[tuple[str, str]]:
    """(SQL text, expected answer). Rows are joined with |, columns with a comma; errors are `ERROR: state message`."""
    for overloads in FUNCTIONS.values():
        for function in overloads:
            for text, answer in function.examples.items():
                yield (f"SELECT * FROM {text}" if function.returns_set else f"SELECT {text}"), answer
    for aggregates in AGGREGATES.values():
        for aggregate in aggregates:
            for text, answer in aggregate.examples.items():
                yield f"SELECT {text} {ROWS}", answer
    for windows in WINDOW_FUNCTIONS.values():
        for window in windows:
            for text, answer in window.examples.items():
                yield f"SELECT {text} {ROWS} ORDER BY i LIMIT 1", answer


EXAMPLES = sorted(set(queries()))
