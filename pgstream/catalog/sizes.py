"""How much room things take: pg_relation_size and its kin, and sizes as people write them.

Rows are kept in memory-mapped runs, so the size of a relation is that of its runs.
"""

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.pg_server import database_oids, session_of
from pgstream.delta import Column
from pgstream.errors import InvalidCatalogName, InvalidParameterValue, UndefinedObject
from pgstream.functions.registry import STABLE, BoundCall, function

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_STEP = 10 * 1024
_SIZE = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*")


def _catalog(call: BoundCall) -> Catalog:
    return cast(Catalog, call.context.catalog)


def relation_bytes(call: BoundCall, oid: int) -> int | None:
    """What the rows of a relation or index take; None where there is no such relation."""
    catalog = _catalog(call)
    if catalog.describes(oid) is None:
        return None
    measure = session_of(call.context).stored_bytes
    return 0 if measure is None or oid not in catalog.objects else measure(oid)


def index_bytes(call: BoundCall, oid: int) -> int | None:
    """What the indexes of a relation take together."""
    if _catalog(call).describes(oid) is None:
        return None
    return sum(relation_bytes(call, index.oid) or 0 for index in _catalog(call).indexes(oid))


def whole_bytes(call: BoundCall, oid: int) -> int | None:
    """A relation and its indexes."""
    own, indexes = relation_bytes(call, oid), index_bytes(call, oid)
    return None if own is None or indexes is None else own + indexes


def _fork_bytes(call: BoundCall, oid: int, fork: str) -> int | None:
    if fork not in ("main", "fsm", "vm", "init"):
        raise InvalidParameterValue("invalid fork name", hint='Valid fork names are "main", "fsm", "vm", and "init".')
    found = relation_bytes(call, oid)
    return found if found is None or fork == "main" else 0


def _database_bytes(call: BoundCall) -> int:
    catalog = _catalog(call)
    return sum(whole_bytes(call, thing.oid) or 0 for thing in catalog.relations())


def _size_of_database(call: BoundCall, oid: int) -> int | None:
    session = session_of(call.context)
    names = {number: name for name, number in database_oids(session).items()}
    if oid not in names:
        return None
    return _database_bytes(call) if names[oid] == session.database else 0


def _size_of_named_database(call: BoundCall, name: str) -> int:
    if name not in database_oids(session_of(call.context)):
        raise InvalidCatalogName(f'database "{name}" does not exist')
    return _database_bytes(call) if name == session_of(call.context).database else 0


def _size_of_tablespace(call: BoundCall, oid: int) -> int | None:
    return {1663: _database_bytes(call), 1664: 0}.get(oid)


def _size_of_named_tablespace(call: BoundCall, name: str) -> int:
    oid = {"pg_default": 1663, "pg_global": 1664}.get(name)
    if oid is None:
        raise UndefinedObject(f'tablespace "{name}" does not exist')
    return _size_of_tablespace(call, oid) or 0


_SIZES: tuple[tuple[str, int, Callable[..., int | None], str], ...] = (
    ("pg_relation_size(regclass)", 2325, relation_bytes, "Bytes that a relation or index takes."),
    ("pg_relation_size(regclass, text)", 2332, _fork_bytes, "Bytes that a fork of a relation takes."),
    ("pg_table_size(regclass)", 2997, relation_bytes, "Bytes that a table takes without its indexes."),
    ("pg_indexes_size(regclass)", 2998, index_bytes, "Bytes that the indexes of a table take."),
    ("pg_total_relation_size(regclass)", 2286, whole_bytes, "Bytes that a table takes with its indexes."),
    ("pg_database_size(oid)", 2324, _size_of_database, "Bytes that a database takes."),
    ("pg_database_size(name)", 2168, _size_of_named_database, "Bytes that a database takes."),
    ("pg_tablespace_size(oid)", 2322, _size_of_tablespace, "Bytes that a tablespace takes."),
    ("pg_tablespace_size(name)", 2323, _size_of_named_tablespace, "Bytes that a tablespace takes."),
)
for _signature, _oid, _kernel, _doc in _SIZES:
    function(f"{_signature} -> int8", volatility=STABLE, rowwise=True, bound=True, oid=_oid, doc=_doc)(_kernel)


@function(
    "pg_size_pretty(int8) -> text",
    rowwise=True,
    oid=2288,
    examples={"pg_size_pretty(10239::bigint)": "10239 bytes", "pg_size_pretty(10485760::bigint)": "10 MB"},
)
def pg_size_pretty(size: int) -> str:
    """Bytes in the largest unit that leaves two digits, rounded."""
    shown, unit = size, 0
    if abs(size) >= _STEP:
        doubled = abs(size) >> 9
        unit = 1
        while unit < len(_UNITS) - 1 and doubled >= 2 * _STEP - 1:
            doubled, unit = doubled >> 10, unit + 1
        shown = (doubled + 1) // 2 * (1 if size > 0 else -1)
    return f"{shown} {_UNITS[unit]}"


@function("pg_size_pretty(numeric) -> text", rowwise=True, oid=3166, examples={"pg_size_pretty(20000.6)": "20 kB"})
def pg_size_pretty_numeric(size: Decimal) -> str:
    """Bytes in the largest unit that leaves two digits, rounded."""
    if abs(size) < _STEP:
        return f"{size} bytes"
    return pg_size_pretty(int(size.to_integral_value(ROUND_HALF_UP)))


@function(
    "pg_size_bytes(text) -> int8",
    rowwise=True,
    oid=3334,
    examples={"pg_size_bytes('1.5 MB')": "1572864", "pg_size_bytes('5')": "5"},
)
def pg_size_bytes(size: str) -> int:
    """The bytes of a size with a unit."""
    found = _SIZE.fullmatch(size)
    if found is None:
        raise InvalidParameterValue(f'invalid size: "{size}"')
    number, unit = found.groups()
    names = [name.lower() for name in _UNITS]
    power = 0 if unit == "" or unit.lower() == "b" else names.index(unit.lower()) if unit.lower() in names else -1
    if power < 0:
        raise InvalidParameterValue(
            f'invalid size: "{size}"',
            detail=f'Invalid size unit: "{unit}".',
            hint='Valid units are "bytes", "kB", "MB", "GB", "TB", and "PB".',
        )
    return int((Decimal(number) * 1024**power).to_integral_value(ROUND_HALF_UP))


@function("pg_column_size(any) -> int4", strict=False, bound=True, oid=1269)
def pg_column_size(call: BoundCall, value: Column) -> Column:
    """The bytes of a value in its binary form, with the length word that values of varying length have."""
    definition = call.arguments[0].definition
    if definition.length > 0:
        whole = pa.array([definition.length] * len(value), pa.int32())
        return pc.if_else(value.is_valid(), whole, pa.scalar(None, pa.int32()))
    texts = definition.format(value, call.context.settings).to_pylist()
    return pa.array([None if text is None else len(text.encode()) + 1 for text in texts], pa.int32())
