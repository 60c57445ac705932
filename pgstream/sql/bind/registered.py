"""Names as OIDs: what 'orders'::regclass and its kin mean in a catalog."""

from pgstream.catalog.identifiers import split_identifiers
from pgstream.catalog.names import Names
from pgstream.sql.bind.binding import Binding

__all__ = ["is_registered", "registered_oid", "split_identifiers"]

_KINDS = (
    *("regclass", "regtype", "regproc", "regprocedure", "regoper", "regoperator", "regnamespace", "regrole"),
    "regcollation",
)


def is_registered(name: str) -> bool:
    """Whether values of this type are OIDs that are written as names."""
    return name in _KINDS


def registered_oid(binding: Binding, text: str, kind: str) -> int:
    """The OID of the object that `text` names. Raises UndefinedTable and its kin."""
    scope = binding.scope
    return Names(binding.catalog, tuple(binding.search_path), scope.user, scope.database).oid(kind, text)
