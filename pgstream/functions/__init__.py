"""SQL functions, operators, aggregates and casts: one file per family, registered as they are imported."""

from pgstream.functions import (
    aggregates,
    comparison,
    encoding,
    floats,
    integers,
    numeric_math,
    numerics,
    patterns,
    text,
)

__all__ = [
    "aggregates",
    "comparison",
    "encoding",
    "floats",
    "integers",
    "numeric_math",
    "numerics",
    "patterns",
    "text",
]
