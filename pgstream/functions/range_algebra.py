"""What ranges have to do with each other, over tuples of ranges: a range is a tuple of itself, or of none."""

from pgstream.types.multirange import Ranges, touching, united
from pgstream.types.range import EMPTY, Range, RangeKind, UnfitRange, place_of


def listed(value: Range | Ranges) -> Ranges:
    """The ranges that are not empty in a range or a multirange."""
    if isinstance(value, Range):
        return () if value.empty else (value,)
    return value


def contains_value(left: Ranges, value: object) -> bool:
    """Whether a value lies in one of them."""
    place = place_of(value)
    return any(one.start <= place <= one.end for one in left)


def contains(left: Ranges, right: Ranges) -> bool:
    """Whether each of the second lies in one of the first."""
    return all(any(one.start <= other.start and other.end <= one.end for one in left) for other in right)


def overlap(left: Ranges, right: Ranges) -> bool:
    """Whether something lies in both."""
    return any(one.start <= other.end and other.start <= one.end for one in left for other in right)


def before(left: Ranges, right: Ranges) -> bool:
    """Whether all of the first lies before all of the second."""
    return bool(left and right) and left[-1].end < right[0].start


def after(left: Ranges, right: Ranges) -> bool:
    """Whether all of the first lies after all of the second."""
    return before(right, left)


def ends_by(left: Ranges, right: Ranges) -> bool:
    """Whether the first ends no later than the second."""
    return bool(left and right) and left[-1].end <= right[-1].end


def starts_from(left: Ranges, right: Ranges) -> bool:
    """Whether the first starts no earlier than the second."""
    return bool(left and right) and left[0].start >= right[0].start


def adjacent(left: Ranges, right: Ranges) -> bool:
    """Whether one starts just where the other ends."""
    return bool(left and right) and (touching(left[-1], right[0]) or touching(right[-1], left[0]))


def hull(ranges: Ranges) -> Range:
    """The smallest range in which all lie."""
    if not ranges:
        return EMPTY
    first = min(ranges, key=lambda one: one.start)
    last = max(ranges, key=lambda one: one.end)
    return Range(first.lower, last.upper, first.lower_inc, last.upper_inc)


def intersection(kind: RangeKind, left: Ranges, right: Ranges) -> Ranges:
    """What lies in both."""
    made = []
    for one in left:
        for other in right:
            if overlap((one,), (other,)):
                low, high = max(one, other, key=lambda r: r.start), min(one, other, key=lambda r: r.end)
                made.append(kind.made(low.lower, high.upper, low.lower_inc, high.upper_inc))
    return united(made)


def difference(kind: RangeKind, left: Ranges, right: Ranges) -> Ranges:
    """What lies in the first and not in the second."""
    rest = list(left)
    for other in right:
        rest = [piece for one in rest for piece in _without(kind, one, other)]
    return united(rest)


def _without(kind: RangeKind, one: Range, other: Range) -> list[Range]:
    """The pieces of one range that lie outside another."""
    if not overlap((one,), (other,)):
        return [one]
    made = []
    if one.start < other.start:
        made.append(kind.made(one.lower, other.lower, one.lower_inc, not other.lower_inc))
    if other.end < one.end:
        made.append(kind.made(other.upper, one.upper, not other.upper_inc, one.upper_inc))
    return [piece for piece in made if not piece.empty]


def union_range(left: Range, right: Range) -> Range:
    """Both ranges as one, which they must be."""
    made = united((left, right))
    if len(made) > 1:
        raise UnfitRange("result of range union would not be contiguous")
    return made[0] if made else EMPTY


def difference_range(kind: RangeKind, left: Range, right: Range) -> Range:
    """The first range without the second, which must be one range."""
    if not left.empty and not right.empty and left.start < right.start and right.end < left.end:
        raise UnfitRange("result of range difference would not be contiguous")
    made = difference(kind, listed(left), listed(right))
    return made[0] if made else EMPTY
