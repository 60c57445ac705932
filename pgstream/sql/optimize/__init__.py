"""From what a query says to what is cheap to keep up to date: `optimize(plan, facts)`."""

from pgstream.sql.optimize.facts import NO_FACTS, RelationFacts
from pgstream.sql.optimize.rules import RULES, optimize

__all__ = ["NO_FACTS", "RULES", "RelationFacts", "optimize"]
