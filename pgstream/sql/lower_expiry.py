"""What a join may forget: rows that no change of the other side can meet any more, as far as watermarks tell.

A condition such as `o.ts BETWEEN s.ts - interval '4 hours' AND s.ts` says how far apart two moments are at most. A row
is done with when the other side's moment has passed by more than that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pgstream.circuit.operator import Series
from pgstream.operators.derived import NOT_EXPIRING, Expiries
from pgstream.operators.expiring import Expiry, Past
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Expr, Ref
from pgstream.plan.rewrite import used
from pgstream.sql.lower_part import Wanted
from pgstream.sql.optimize.facts import RelationFacts
from pgstream.sql.optimize.predicates import comparison, conjuncts, mirrored, refers_only_to
from pgstream.sql.passing import Columns, Passing, Shifted, TimeOf, passing_columns, passing_of

_MOMENTS = ("date", "timestamp", "timestamptz")


class _Within(NamedTuple):
    """That the moment `there`, of one side, is at most `most_us` later than `here`, of the other."""

    here: Expr
    there: Expr
    most_us: int


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a join: how its moments bound those of the other, and which of its columns pass."""

    wanted: Wanted
    passing: Columns
    bounds: Sequence[_Within]


def refusing_late(facts: RelationFacts) -> TimeOf:
    """The event times of relations of which late rows are kept away."""
    return lambda oid: facts.event_time(oid) if facts.refuses_late(oid) else None


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a join needs the rows of its sides: `ours` and `theirs` by the moments of the other side, and by their
    own where they may change."""

    series: Series
    ours: tuple[Expiry, tuple[Past, ...]]
    theirs: tuple[Expiry, tuple[Past, ...]]

    def expiries(self, growing: tuple[bool, bool]) -> Expiries:
        """What expires, where these of the sides only grow."""
        found = [
            () if not all(others) or not others else others if grows else (*others, own) if own else ()
            for (others, own), grows in zip((self.ours, self.theirs), growing, strict=True)
        ]
        return Expiries(self.series, *found) if any(found) else NOT_EXPIRING


def lifetimes(join: rel.Join, facts: RelationFacts, wanted: tuple[Wanted, Wanted]) -> Lifetimes:
    """What watermarks tell of a join; `wanted` is what is kept of the columns of its sides."""
    time_of = refusing_late(facts)
    columns = [passing_columns(side, time_of) for side in (join.left, join.right)]
    if not any(columns):
        return Lifetimes((), ((), ()), ((), ()))
    left, right = (_Side(*each) for each in zip(wanted, columns, _bounds(join), strict=True))
    ours = _expiry(left, right, join.kind in ("right", "full"))
    theirs = _expiry(right, left, join.kind not in ("inner", "right"))
    return Lifetimes(_series(columns), ours, theirs)


def _series(columns: Sequence[Columns]) -> Series:
    """All relations whose times pass in a join: it goes by the one that is behind."""
    return tuple(sorted({oid for side in columns for passing in side.values() for oid in passing.oids}))


def _bounds(join: rel.Join) -> tuple[list[_Within], list[_Within]]:
    """The conditions by which right moments bound left ones from below, and the other way round."""
    left, right = (frozenset(col.id for col in side.columns) for side in (join.left, join.right))
    found: tuple[list[_Within], list[_Within]] = ([], [])
    for part in conjuncts(join.condition):
        compared = comparison(part)
        if compared is None:
            continue
        name, one, other = compared
        if refers_only_to(one, right) and refers_only_to(other, left):
            name, one, other = mirrored(name), other, one
        if not (refers_only_to(one, left) and refers_only_to(other, right) and used(one) and used(other)):
            continue
        (ours, our_shift), (theirs, their_shift) = Shifted.of(one), Shifted.of(other)
        if ours.type.name not in _MOMENTS or theirs.type.name not in _MOMENTS:
            continue
        if name in (">=", ">", "="):
            found[0].append(_Within(ours, theirs, our_shift.most_us - their_shift.least_us))
        if name in ("<=", "<", "="):
            found[1].append(_Within(theirs, ours, their_shift.most_us - our_shift.least_us))
    return found


def _expiry(own: _Side, other: _Side, other_preserved: bool) -> tuple[Expiry, tuple[Past, ...]]:
    """When the other side can meet a row of a side no more, and when that row itself does not change any more."""
    position = own.wanted.position
    passed = list(_passed(own, other))
    groups = [[Past(position(bound.here), other.low_us - bound.most_us) for bound, other in passed]]
    if other_preserved:
        # A row of the other side is asked anew what it meets until all that it may meet has come.
        groups.append(
            [
                Past(position(back.here), mine.low_us - bound.most_us - back.most_us)
                for bound, mine in _passed(other, own)
                for back in own.bounds
                if back.there == bound.here
            ]
        )
    atoms = dict.fromkeys(bound.here for bound in own.bounds if isinstance(bound.here, Ref))
    settled = [(ref, own.passing[ref.col.id]) for ref in atoms if ref.col.id in own.passing]
    expiry = tuple(tuple(dict.fromkeys(group)) for group in groups)
    return expiry, tuple(Past(position(ref), mine.low_us, settles=True) for ref, mine in settled)


def _passed(own: _Side, other: _Side) -> list[tuple[_Within, Passing]]:
    """The bounds of a side's rows by moments of the other that pass."""
    found = ((bound, passing_of(bound.there, other.passing)) for bound in own.bounds)
    return [(bound, passing) for bound, passing in found if passing is not None]
