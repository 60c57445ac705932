"""Set-returning functions of a SELECT list, applied to its rows."""

from pgstream.plan.expressions import Coalesce, Col, Expr, Ref
from pgstream.plan.relations import Apply, Join, Project, Relation, TableCall
from pgstream.plan.rewrite import used
from pgstream.sql.bind.binding import INT8, Binding
from pgstream.sql.bind.names import Level, SetCall
from pgstream.sql.bind.operators import apply_operator
from pgstream.sql.bind.query import ONE_ROW


def applied(level: Level, plan: Relation, wanted: set[int] | None = None) -> Relation:
    """`plan` with the set-returning calls of `level` that were not applied yet; only those that give `wanted`.

    Calls that feed one another are nested. Others run in lockstep, the shorter ones padded with NULLs.
    """
    pending = [
        call for call in level.set_calls if wanted is None or not wanted.isdisjoint(col.id for col in call.outputs)
    ]
    level.set_calls = [call for call in level.set_calls if call not in pending]
    while pending:
        waiting = {col.id for call in pending for col in call.outputs}
        ready = [call for call in pending if all(waiting.isdisjoint(used(arg)) for arg in call.args)]
        if len(ready) == 1:
            plan = TableCall(plan, ready[0].function, ready[0].args, ready[0].outputs)
        else:
            plan = Apply("inner", plan, lockstep(level.binding, ready), None)
        pending = [call for call in pending if call not in ready]
    return plan


def lockstep(binding: Binding, calls: list[SetCall], ordinality: Col | None = None) -> Relation:
    """The calls side by side: row n holds the n-th row of each, and NULLs where one has ended."""
    plan: Relation | None = None
    place: Expr | None = None
    for call in calls:
        number = binding.col("ordinality", INT8)
        table = TableCall(ONE_ROW, call.function, call.args, call.outputs, number)
        if plan is None or place is None:
            plan, place = table, Ref(number)
        else:
            same = apply_operator(binding, "=", [place, Ref(number)], None)
            plan, place = Join("full", plan, table, same), Coalesce((place, Ref(number)), INT8)
    assert plan is not None
    assert place is not None
    outputs: list[tuple[Col, Expr]] = [(col, Ref(col)) for call in calls for col in call.outputs]
    if ordinality is not None:
        outputs.append((ordinality, place))
    return Project(plan, tuple(outputs))
