"""SQL functions, operators, aggregates and casts: one file per family, registered as they are imported."""

from pgstream.functions import (
    aggregates,
    casts,
    comparison,
    datetime,
    encoding,
    floats,
    integers,
    numeric_math,
    numerics,
    patterns,
    text,
    truncation,
)

__all__ = [
    "aggregates",
    "casts",
    "comparison",
    "datetime",
    "encoding",
    "floats",
    "integers",
    "numeric_math",
    "numerics",
    "patterns",
    "text",
    "truncation",
]
