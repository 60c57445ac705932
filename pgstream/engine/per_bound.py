"""What is worked out once for a bound statement and read at each run of it."""

from collections.abc import Callable
from typing import Generic, TypeVar

from pgstream.engine.head import Head
from pgstream.sql.bind import Bound

T = TypeVar("T")

BOUNDS_MAX = 1024


class PerBound(Generic[T]):
    """`make(bound, head)` by bound statement, for as long as the catalog stays what it was. Any thread may ask."""

    def __init__(self, make: Callable[[Bound, Head], T], capacity: int = BOUNDS_MAX) -> None:
        self._make = make
        self._capacity = capacity
        self._made: dict[int, tuple[Bound, int, T]] = {}

    def get(self, bound: Bound, head: Head) -> T:
        """What `make` gave, or gives now."""
        found = self._made.get(id(bound))
        if found is not None and found[0] is bound and found[1] == head.catalog.version:
            return found[2]
        made = self._make(bound, head)
        if len(self._made) >= self._capacity:
            self._made.clear()
        self._made[id(bound)] = bound, head.catalog.version, made
        return made
