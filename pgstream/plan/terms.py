"""Terms: how a kept query gives its rows, and how long it keeps them."""

from dataclasses import dataclass

FINAL = "window_final"
"""The column that says of a row whether its window has closed, in what is emitted before that."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is said of a query beside what its rows are.

    closes        rows come when their window closes (EMIT ON WINDOW CLOSE)
    every_us      rows of open windows come too, as they are then, so often at most (EMIT EVERY)
    retention_us  rows go when the watermark is so far past them
    idle_us       what nothing has touched for so long is forgotten
    position      where the clause stands that says when rows are given
    """

    closes: bool = False
    every_us: int | None = None
    retention_us: int | None = None
    idle_us: int | None = None
    position: int | None = None


PLAIN = Terms()
"""Rows as they are, for as long as they are there."""
