"""to_regclass and its kin: names as OIDs, NULL where there is no such object."""

from collections.abc import Callable

from pgstream.catalog.names import Names
from pgstream.errors import AmbiguousFunction, InvalidSchemaName, UndefinedFunction, UndefinedObject, UndefinedTable
from pgstream.functions.registry import STABLE, BoundCall, function

_MISSING = (AmbiguousFunction, InvalidSchemaName, UndefinedFunction, UndefinedObject, UndefinedTable)


def _to(kind: str) -> Callable[[BoundCall, str], int | None]:
    def found(call: BoundCall, name: str) -> int | None:
        if name.isascii() and name.isdigit():
            return None
        try:
            return Names.of(call.context).oid(kind, name)
        except _MISSING:
            return None

    return found


for _kind, _oid in (
    ("regclass", 3495),
    ("regtype", 3493),
    ("regproc", 3494),
    ("regprocedure", 3479),
    ("regoper", 3492),
    ("regoperator", 3476),
    ("regnamespace", 4086),
    ("regrole", 4093),
    ("regcollation", 4195),
):
    function(
        f"to_{_kind}(text) -> {_kind}",
        volatility=STABLE,
        rowwise=True,
        bound=True,
        oid=_oid,
        doc="The OID of the object of that name, NULL where there is none.",
    )(_to(_kind))
