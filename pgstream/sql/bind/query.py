"""What a bound query is, and how queries stand inside others."""

from dataclasses import dataclass

from pgstream.plan.expressions import Col, Ref
from pgstream.plan.relations import Project, Relation, Sort, Values

ONE_ROW = Values((), ((),))
"""What a SELECT without FROM selects from."""


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """A plan whose columns begin with `columns`, the visible ones.

    More columns follow only under a Sort that orders by what is not selected.
    """

    plan: Relation
    columns: tuple[Col, ...]


def visible(query: BoundQuery) -> Relation:
    """The query as a relation of exactly its visible columns, without order."""
    plan = query.plan.input if isinstance(query.plan, Sort) else query.plan
    if plan.columns == query.columns:
        return plan
    if isinstance(plan, Project):
        kept = {col.id for col in query.columns}
        return Project(plan.input, tuple(output for output in plan.outputs if output[0].id in kept))
    return Project(plan, tuple((col, Ref(col)) for col in query.columns))
