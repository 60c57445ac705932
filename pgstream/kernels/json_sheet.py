"""The sheet: how a byte kernel is told what columns to fill.

It is an int64 matrix: one row per column, holding how its values are read and the addresses of its buffers. Its
fields are the constants below.
"""

(KIND, LOW, HIGH, VALUES, TEXT, BITMAP, CURSOR, NULLS, NAME, NAME_BYTES, SEEN, DAY_TEXT, DAY_TAIL, DAY) = range(14)
SHEET_FIELDS = 14

AS_TEXT, AS_RAW, AS_NUMERIC, AS_INT16, AS_INT32, AS_INT64, AS_FLOAT32, AS_FLOAT64, AS_BOOL = range(9)
AS_TIMESTAMP, AS_ZONED_TIMESTAMP, AS_DATE, AS_MILLISECONDS = range(9, 13)
LAST_TEXT_KIND = AS_NUMERIC
"""Kinds up to this one have a text buffer, and offsets where others have values."""

QUOTE, COMMA, CLOSE, MINUS, DOT, ZERO = 34, 44, 125, 45, 46, 48

SHEET = "int64[:,::1]"
READER = f"int64(int64, int64, int64, int64, {SHEET})"
