"""Sequences as functions and relations: nextval and its kin, pg_sequence, pg_sequences."""

from collections.abc import Iterator
from typing import cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.definitions import quoted
from pgstream.catalog.identifiers import split_identifiers
from pgstream.catalog.names import Names
from pgstream.catalog.objects import Sequence, Table
from pgstream.catalog.pg_server import session_of
from pgstream.catalog.sequence_rows import sequences_of
from pgstream.catalog.system import Row, rows_of
from pgstream.delta import Column
from pgstream.errors import (
    NumericValueOutOfRange,
    ObjectNotInPrerequisiteState,
    UndefinedColumn,
    UndefinedTable,
    WrongObjectType,
)
from pgstream.functions.registry import STABLE, VOLATILE, BoundCall, EvalContext, function

Many = tuple[NDArray[np.int64], tuple[Column, ...]]


def _catalog(call: BoundCall) -> Catalog:
    return cast(Catalog, call.context.catalog)


def _sequence(call: BoundCall, oid: int) -> Sequence:
    thing = _catalog(call).objects.get(oid)
    if thing is None:
        raise UndefinedTable(f"could not open relation with OID {oid}")
    if not isinstance(thing, Sequence):
        raise WrongObjectType(f'"{thing.name}" is not a sequence')
    return thing


@function("nextval(regclass) -> int8", volatility=VOLATILE, bound=True, oid=1574)
def nextval(call: BoundCall, oids: Column) -> Column:
    """The next value of a sequence, which nobody else gets."""
    given = session_of(call.context).given
    values, made = _catalog(call).sequences, []
    for oid in oids.to_pylist():
        value = values.next(_sequence(call, oid))
        given[oid] = given[0] = value
        made.append(value)
    return pa.array(made, pa.int64())


@function("currval(regclass) -> int8", volatility=VOLATILE, rowwise=True, bound=True, oid=1575)
def currval(call: BoundCall, oid: int) -> int:
    """The value that the session was given last by a sequence."""
    sequence = _sequence(call, oid)
    given = session_of(call.context).given
    if oid not in given:
        raise ObjectNotInPrerequisiteState(f'currval of sequence "{sequence.name}" is not yet defined in this session')
    return given[oid]


@function("lastval() -> int8", volatility=VOLATILE, rowwise=True, bound=True, oid=2559)
def lastval(call: BoundCall) -> int:
    """The value that the session was given last by any sequence."""
    given = session_of(call.context).given
    if 0 not in given:
        raise ObjectNotInPrerequisiteState("lastval is not yet defined in this session")
    return given[0]


@function("setval(regclass, int8) -> int8", volatility=VOLATILE, rowwise=True, bound=True, oid=1576)
def setval(call: BoundCall, oid: int, value: int) -> int:
    """Makes `value` the one that a sequence gave last."""
    return setval_called(call, oid, value, True)


@function("setval(regclass, int8, bool) -> int8", volatility=VOLATILE, rowwise=True, bound=True, oid=1765)
def setval_called(call: BoundCall, oid: int, value: int, called: bool) -> int:
    """As `setval`; where `called` is false, `value` is the next one."""
    sequence = _sequence(call, oid)
    if not sequence.minimum <= value <= sequence.maximum:
        raise NumericValueOutOfRange(
            f'setval: value {value} is out of bounds for sequence "{sequence.name}"'
            f" ({sequence.minimum}..{sequence.maximum})"
        )
    _catalog(call).sequences.set(sequence, value, called)
    if called:
        session_of(call.context).given[oid] = value
    return value


@function("pg_sequence_last_value(regclass) -> int8", volatility=VOLATILE, rowwise=True, bound=True, oid=4032)
def pg_sequence_last_value(call: BoundCall, oid: int) -> int | None:
    """The value that a sequence gave last; NULL where it has given none."""
    standing = _catalog(call).sequences.standing(_sequence(call, oid))
    return standing.last if standing.called else None


@function(
    "pg_sequence_parameters(oid) -> TABLE(start_value int8, minimum_value int8, maximum_value int8, increment int8,"
    " cycle_option bool, cache_size int8, data_type oid)",
    volatility=STABLE,
    bound=True,
    oid=3078,
)
def pg_sequence_parameters(call: BoundCall, oids: Column) -> Many:
    """What a sequence was declared with."""
    some = [_sequence(call, oid) for oid in oids.to_pylist()]
    columns = [
        pa.array([getattr(one, name) for one in some], type)
        for name, type in (
            ("start", pa.int64()), ("minimum", pa.int64()), ("maximum", pa.int64()), ("increment", pa.int64()),
            ("cycle", pa.bool_()), ("cache", pa.int64()),
        )
    ]  # fmt: skip
    types = pa.array([one.type.definition.oid for one in some], pa.int64())
    return np.arange(len(some)), (*columns, types)


@function(
    "pgstream_sequence(regclass) -> TABLE(last_value int8, log_cnt int8, is_called bool)",
    volatility=VOLATILE,
    bound=True,
)
def pgstream_sequence(call: BoundCall, oids: Column) -> Many:
    """The one row of a sequence that is read as a table."""
    found = [_catalog(call).sequences.standing(_sequence(call, oid)) for oid in oids.to_pylist()]
    last = pa.array([one.last for one in found], pa.int64())
    left = pa.array([max(one.left, 0) for one in found], pa.int64())
    return np.arange(len(found)), (last, left, pa.array([one.called for one in found], pa.bool_()))


@function("pg_get_serial_sequence(text, text) -> text", volatility=STABLE, rowwise=True, bound=True, oid=1665)
def pg_get_serial_sequence(call: BoundCall, relation: str, column: str) -> str | None:
    """The sequence that goes with a column."""
    catalog, names = _catalog(call), Names.of(call.context)
    parts = split_identifiers(relation)
    thing = catalog.lookup(parts[-2] if len(parts) > 1 else None, parts[-1], names.path)
    if not isinstance(thing, Table):
        raise UndefinedTable(f'relation "{".".join(parts)}" does not exist')
    if all(each.name != column for each in thing.columns):
        raise UndefinedColumn(f'column "{column}" of relation "{thing.name}" does not exist')
    for part in catalog.belonging(thing.oid):
        if isinstance(part, Sequence) and part.column == column:
            return f"{quoted(catalog.schema_name(part.schema_oid))}.{quoted(part.name)}"
    return None


@rows_of("pg_catalog", "pg_sequence")
def pg_sequence(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for one in sequences_of(catalog):
        yield {
            "seqrelid": one.oid,
            "seqtypid": one.type.definition.oid,
            "seqstart": one.start,
            "seqincrement": one.increment,
            "seqmax": one.maximum,
            "seqmin": one.minimum,
            "seqcache": one.cache,
            "seqcycle": one.cycle,
        }


@rows_of("pg_catalog", "pg_sequences", per_session=True)
def pg_sequences(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Sequences, and where they stand."""
    for one in sequences_of(catalog):
        standing = catalog.sequences.standing(one)
        yield {
            "schemaname": catalog.schema_name(one.schema_oid),
            "sequencename": one.name,
            "sequenceowner": "postgres",
            "data_type": one.type.definition.oid,
            "start_value": one.start,
            "min_value": one.minimum,
            "max_value": one.maximum,
            "increment_by": one.increment,
            "cycle": one.cycle,
            "cache_size": one.cache,
            "last_value": standing.last if standing.called else None,
        }


@rows_of("information_schema", "sequences")
def information_schema_sequences(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for one in sequences_of(catalog):
        if one.identity:
            continue
        yield {
            "sequence_catalog": session_of(context).database,
            "sequence_schema": catalog.schema_name(one.schema_oid),
            "sequence_name": one.name,
            "data_type": str(one.type),
            "numeric_precision": {"int2": 16, "int4": 32}.get(one.type.name, 64),
            "numeric_precision_radix": 2,
            "numeric_scale": 0,
            "start_value": str(one.start),
            "minimum_value": str(one.minimum),
            "maximum_value": str(one.maximum),
            "increment": str(one.increment),
            "cycle_option": "YES" if one.cycle else "NO",
        }
