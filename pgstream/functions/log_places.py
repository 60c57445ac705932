"""Arithmetic of pg_lsn, a place in a write-ahead log."""

from decimal import Decimal

from pgstream.errors import FeatureNotSupported, InvalidParameterValue
from pgstream.functions.registry import function

LAST = 2**64 - 1


@function(
    "pg_wal_lsn_diff(pg_lsn, pg_lsn) -> numeric",
    rowwise=True,
    examples={"pg_wal_lsn_diff('0/A', '0/1')": "9"},
)
@function(
    "pg_lsn_mi(pg_lsn, pg_lsn) -> numeric",
    operator="-",
    rowwise=True,
    examples={"'16/B374D848'::pg_lsn - '16/B374D800'::pg_lsn": "72"},
)
def bytes_between(place: int, other: int) -> Decimal:
    """How many bytes the first place is after the second."""
    return Decimal(place - other)


def _moved(place: int, count: Decimal, sign: int) -> int:
    if count.is_nan():
        raise FeatureNotSupported(f"cannot {'add NaN to' if sign > 0 else 'subtract NaN from'} pg_lsn")
    if count.is_infinite():
        raise FeatureNotSupported("cannot convert infinity to pg_lsn")
    made = (Decimal(place) + sign * count).to_integral_value("ROUND_HALF_UP")
    if not 0 <= made <= LAST:
        raise InvalidParameterValue("pg_lsn out of range")
    return int(made)


function(
    "pg_lsn_pli(pg_lsn, numeric) -> pg_lsn",
    operator="+", rowwise=True, doc="The place some bytes later.",
    examples={"'16/B374D800'::pg_lsn + 72": "16/B374D848"},
)(lambda place, count: _moved(place, count, 1))  # fmt: skip
function(
    "numeric_pl_pg_lsn(numeric, pg_lsn) -> pg_lsn",
    operator="+", rowwise=True, doc="The place some bytes later.",
    examples={"72 + '16/B374D800'::pg_lsn": "16/B374D848"},
)(lambda count, place: _moved(place, count, 1))  # fmt: skip
function(
    "pg_lsn_mii(pg_lsn, numeric) -> pg_lsn",
    operator="-", rowwise=True, doc="The place some bytes earlier.",
    examples={"'16/B374D848'::pg_lsn - 72": "16/B374D800"},
)(lambda place, count: _moved(place, count, -1))  # fmt: skip


@function("pg_lsn(numeric) -> pg_lsn", rowwise=True, examples={"pg_lsn(23783416::numeric)": "0/16AE7F8"})
def place_number(number: Decimal) -> int:
    """The place with that number."""
    if number.is_nan():
        raise FeatureNotSupported("cannot convert NaN to pg_lsn")
    return _moved(0, number, 1)
