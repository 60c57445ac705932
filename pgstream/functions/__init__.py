"""SQL functions, operators, aggregates and casts: one file per family, registered as they are imported."""

from pgstream.functions import (
    aggregates,
    arrays,
    comparison,
    datetime,
    encoding,
    extract,
    floats,
    generators,
    integers,
    numeric_math,
    numerics,
    patterns,
    recomputed,
    text,
    truncation,
    windows,
)

__all__ = [
    "aggregates",
    "arrays",
    "comparison",
    "datetime",
    "encoding",
    "extract",
    "floats",
    "generators",
    "integers",
    "numeric_math",
    "numerics",
    "patterns",
    "recomputed",
    "text",
    "truncation",
    "windows",
]
