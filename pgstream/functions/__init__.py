"""SQL functions, operators, aggregates and casts: one file per family, registered as they are imported."""

from pgstream.functions import (
    aggregates,
    comparison,
    floats,
    integers,
    numeric_math,
    numerics,
)

__all__ = [
    "aggregates",
    "comparison",
    "floats",
    "integers",
    "numeric_math",
    "numerics",
]
