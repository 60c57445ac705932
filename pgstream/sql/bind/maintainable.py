"""What a kept query may contain: only what follows from its inputs."""

from pgstream.errors import FeatureNotSupported
from pgstream.plan.relations import Mutual, Recursion, Relation
from pgstream.plan.rewrite import ColIds, subplans
from pgstream.sql.bind.binding import Binding
from pgstream.sql.optimize import NO_FACTS, optimize
from pgstream.sql.rounds import Rounds
from pgstream.sql.temporal import CLOCK, PROCESSING_TIME, outside, temporal


def check_maintainable(binding: Binding, what: str, plan: Relation | None = None) -> None:
    """Raises FeatureNotSupported where a kept query calls volatile functions or reads system relations. `plan` may
    compare moments of its rows with the clock."""
    for name, position in binding.volatile:
        if name == PROCESSING_TIME:
            continue
        raise FeatureNotSupported(
            f"volatile function {name} is not allowed in {what}", position=None if position < 0 else position
        )
    _check_clock(binding, what, plan)
    if binding.recursions and plan is not None:
        _check_recursions(binding.recursions[0][1], optimize(plan, NO_FACTS))
    for name, position in binding.system_relations:
        raise FeatureNotSupported(
            f'system relation "{name}" is not allowed in {what}', position=None if position < 0 else position
        )


def _check_clock(binding: Binding, what: str, plan: Relation | None) -> None:
    """Raises FeatureNotSupported where the value of an expression changes by itself."""
    clock = bool(binding.ambient) and all(name in CLOCK for name, _ in binding.ambient)
    if clock and plan is not None and not outside(temporal(optimize(plan, NO_FACTS))):
        return
    for name, position in binding.ambient:
        raise FeatureNotSupported(
            f"function {name} is not allowed in {what}: its value changes by itself",
            hint="It may be compared with a date or timestamp of a row in WHERE: ts > now() - interval '5 minutes'."
            if clock
            else None,
            position=None if position < 0 else position,
        )


def _check_recursions(position: int, plan: Relation) -> None:
    """Raises FeatureNotSupported where what a round of a recursion adds depends on more than the rows before."""
    try:
        for node in subplans(plan):
            if isinstance(node, Recursion):
                Rounds({node.working: len(node.columns)}, ColIds.above(node)).numbered(node.step)
            elif isinstance(node, Mutual):
                widths = {working: len(columns) for working, columns in zip(node.workings, node.relations, strict=True)}
                rounds = Rounds(widths, ColIds.above(node), meeting=True)
                for term in node.terms:
                    rounds.numbered(term)
    except FeatureNotSupported as error:
        raise error.at(position) from None
