"""SQL functions, operators, aggregates and casts: one file per family, registered as they are imported."""

from pgstream.functions import (
    aggregates,
    comparison,
    datetime,
    encoding,
    extract,
    floats,
    integers,
    numeric_math,
    numerics,
    patterns,
    recomputed,
    text,
    truncation,
)

__all__ = [
    "aggregates",
    "comparison",
    "datetime",
    "encoding",
    "extract",
    "floats",
    "integers",
    "numeric_math",
    "numerics",
    "patterns",
    "recomputed",
    "text",
    "truncation",
]
