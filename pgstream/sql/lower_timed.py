"""Joins that choose by time, lowered: which operator they are, by what watermarks pass."""

from dataclasses import replace

from pgstream.circuit.circuit import Node
from pgstream.circuit.operator import Operator, Series
from pgstream.operators.arrange import Arrange
from pgstream.operators.asof import Asof, Nearest
from pgstream.operators.asof_bounded import BoundedAsof, FinalAsof
from pgstream.operators.input import Input
from pgstream.operators.lookup import Lookup
from pgstream.operators.versions import Versions
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Ref
from pgstream.plan.rewrite import transform
from pgstream.sql.lower_close import Momentarily
from pgstream.sql.lower_expiry import refusing_late
from pgstream.sql.lower_group import Lowerer
from pgstream.sql.lower_join import Joined, column_ids, pushed
from pgstream.sql.lower_keys import take_apart
from pgstream.sql.lower_part import Part, Wanted
from pgstream.sql.passing import Passing, TimeOf, passing_columns, passing_of


def lower_timed(lowering: Lowerer, relation: rel.Asof | rel.Lookup | rel.Versions, needed: frozenset[int]) -> Part:
    """The node for a join that chooses by time, or for the versions among which it does."""
    match relation:
        case rel.Asof():
            return _asof(lowering, relation, needed)
        case rel.Lookup():
            return _lookup(lowering, relation, needed)
    return _versions(lowering, relation)


def _asof(lowering: Lowerer, join: rel.Asof, needed: frozenset[int]) -> Part:
    final = _final(lowering, join)
    if final is not None:
        join = replace(join, right=transform(join.right, lambda part: _until(part, final)))
    condition = take_apart(join.condition, *column_ids(join))
    assert condition.left is condition.right is condition.residual is None, "ASOF joins compare by equations"
    joined = Joined.of(join, replace(condition, residual=join.residual), needed)
    left_time, right_time = (
        wanted.position(time) for wanted, time in zip(joined.wanted, (join.time, join.version), strict=True)
    )
    left, right, _ = joined.lowered(lowering)
    nearest = Nearest(joined.sides(left, right), left_time, right_time, join.nearer, join.kind == "left")
    operator = _chosen(lowering, join, nearest, final)
    nodes = [left, right]
    if isinstance(operator, Asof):
        specs = (nearest.left_spec, nearest.right_spec)
        nodes = [lowering.circuit.add(Arrange(spec), [node]) for spec, node in zip(specs, nodes, strict=True)]
    return _part(lowering.circuit.add(operator, nodes), joined, final is not None, needed)


def _final(lowering: Lowerer, join: rel.Asof) -> Passing | None:
    """How the watermarks pass for which a join waits; None where it does not wait."""
    waits = join.waits and not isinstance(lowering.circuit, Momentarily)
    return _passing(join, lowering.facts.event_time) if waits else None


def _until(part: rel.Relation, found: Passing) -> rel.Relation:
    return replace(part, series=_series(found), low_us=found.low_us) if isinstance(part, rel.Versions) else part


def _chosen(lowering: Lowerer, join: rel.Asof, nearest: Nearest, final: Passing | None) -> Operator:
    """The operator for an ASOF join."""
    if final is not None:
        return FinalAsof(nearest, _series(final), final.low_us)
    found = None if isinstance(lowering.circuit, Momentarily) else _passing(join, refusing_late(lowering.facts))
    if found is not None and join.time.type.name in ("timestamp", "timestamptz"):
        return BoundedAsof(nearest, _series(found), found.low_us)
    return Asof(nearest)


def _passing(join: rel.Asof, time_of: TimeOf) -> Passing | None:
    """As what the times of both sides pass."""
    version = join.right
    right = passing_columns(version.input if isinstance(version, rel.Versions) else version, time_of)
    one = passing_of(join.time, passing_columns(join.left, time_of))
    other = passing_of(join.version, right)
    return None if one is None or other is None else one.along(other)


def _series(found: Passing) -> Series:
    return tuple(sorted(found.oids))


def _lookup(lowering: Lowerer, join: rel.Lookup, needed: frozenset[int]) -> Part:
    condition = pushed(join.kind, take_apart(join.condition, *column_ids(join)))
    joined = Joined.of(join, condition, needed)
    left, right, (grows, _) = joined.lowered(lowering)
    sides = joined.sides(left, right)
    arranged = lowering.circuit.add(Arrange(sides.right_spec), [right])
    node = lowering.circuit.add(Lookup(sides, join.kind == "left", grows), [left, arranged])
    return _part(node, joined, grows, needed)


def _part(node: Node, joined: Joined, growing: bool, needed: frozenset[int]) -> Part:
    return Part(node, {id: i for id, i in joined.places.items() if id in needed}, growing)


def _versions(lowering: Lowerer, relation: rel.Versions) -> Part:
    """All versions of the rows of a stored relation: of one that is written by key, each write."""
    scan = relation.input
    while isinstance(scan, rel.Project):
        scan = scan.input
    assert isinstance(scan, rel.Scan)
    wanted = Wanted(Ref(col) for col in relation.input.columns)
    written = lowering.facts.written_by_key(scan.oid)
    if written is None:
        node, _ = lowering.mapped(relation.input, wanted.exprs)
        columns = relation.input.columns
    else:
        node = lowering.circuit.add(Input(scan.oid, scan.positions, tuple(col.type for col in scan.columns)))
        columns = scan.columns
    places = {col.id: i for i, col in enumerate(columns)}
    key = tuple(places[col.id] for col in relation.key)
    time, series, low_us = places[relation.time.id], relation.series, relation.low_us
    operator = Versions(node.types, key, time, written is not None, series, low_us)
    made = lowering.circuit.add(operator, [node])
    return Part(made, {**places, relation.gone.id: len(columns)}, False)
