"""SQL functions, operators, aggregates and casts: one file per family, registered as they are imported."""

from pgstream.functions import (
    aggregates,
    comparison,
    integers,
    numerics,
)

__all__ = [
    "aggregates",
    "comparison",
    "integers",
    "numerics",
]
