"""Places: where the records of a source stand, and which of them a replay passes over.

A place is `stream:position` and names one record, however the source is read: the path of a file and the position in
it, or the number of a generated row.
"""

from bisect import bisect_left
from collections.abc import Iterable


class Places:
    """Some places of one source."""

    def __init__(self, places: Iterable[str] = ()) -> None:
        found: dict[str, set[int]] = {}
        for place in places:
            stream, _, position = place.rpartition(":")
            if position.isdigit():
                found.setdefault(stream, set()).add(int(position))
        self._positions = {stream: sorted(positions) for stream, positions in found.items()}

    def next(self, stream: str, position: int) -> int | None:
        """The first of them in `stream` at `position` or later."""
        positions = self._positions.get(stream, ())
        index = bisect_left(positions, position)
        return positions[index] if index < len(positions) else None


NO_PLACES = Places()
