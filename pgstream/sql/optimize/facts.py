"""What the optimizer may know of stored relations."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pgstream.types.definition import SqlType


class Written(NamedTuple):
    """The types of all columns of a relation, and the positions of those by which it is written."""

    types: tuple[SqlType, ...]
    key: tuple[int, ...]


class RelationFacts(Protocol):
    """Answers by relation OID; positions are 0-based in the stored relation."""

    def unique_keys(self, oid: int) -> Sequence[tuple[int, ...]]:
        """Sets of columns that are NOT NULL and of which no two rows agree: the primary key, say."""

    def append_only(self, oid: int) -> bool:
        """Whether rows are never updated or deleted."""

    def written_by_key(self, oid: int) -> Written | None:
        """How a relation comes whose input is no change of it but a sequence of writes by key; None for any other."""

    def event_time(self, oid: int) -> int | None:
        """The position of the column for which it declares a watermark; None where it declares none."""

    def refuses_late(self, oid: int) -> bool:
        """Whether rows of before its watermark go nowhere else than where late rows go, if somebody waits for it, and
        none that is there ever changes."""

    def row_estimate(self, oid: int) -> int | None:
        """About how many rows it holds; None where nobody counted."""


class NoFacts:
    """Knows nothing."""

    def unique_keys(self, oid: int) -> Sequence[tuple[int, ...]]:
        return ()

    def append_only(self, oid: int) -> bool:
        return False

    def written_by_key(self, oid: int) -> Written | None:
        return None

    def event_time(self, oid: int) -> int | None:
        return None

    def refuses_late(self, oid: int) -> bool:
        return False

    def row_estimate(self, oid: int) -> int | None:
        return None


NO_FACTS = NoFacts()
