"""Trigonometry in degrees, exact where the result is: sind(30) is 0.5.

Each function is scaled by the value that the library computes at an angle whose result is known, as PostgreSQL does.
"""

from collections.abc import Callable

import numpy as np

from pgstream.delta import Column
from pgstream.errors import NumericValueOutOfRange
from pgstream.functions.floats import Floats
from pgstream.functions.registry import function
from pgstream.functions.vector import column_of, numbers
from pgstream.types.float8 import FLOAT8

RADIANS_PER_DEGREE = 0.0174532925199432957692
SIN_30 = float(np.sin(30 * RADIANS_PER_DEGREE))
ONE_MINUS_COS_60 = 1 - float(np.cos(60 * RADIANS_PER_DEGREE))
ASIN_HALF, ACOS_HALF, ATAN_ONE = float(np.arcsin(0.5)), float(np.arccos(0.5)), float(np.arctan(1.0))


def _sin_to_30(x: Floats) -> Floats:
    return np.sin(x * RADIANS_PER_DEGREE) / SIN_30 / 2


def _cos_to_60(x: Floats) -> Floats:
    return 1 - (1 - np.cos(x * RADIANS_PER_DEGREE)) / ONE_MINUS_COS_60 / 2


def _sin_to_90(x: Floats) -> Floats:
    return np.where(x <= 30, _sin_to_30(x), _cos_to_60(90 - x))


def _cos_to_90(x: Floats) -> Floats:
    return np.where(x <= 60, _cos_to_60(x), _sin_to_30(90 - x))


TAN_45 = _sin_to_90(np.array([45.0])) / _cos_to_90(np.array([45.0]))
COT_45 = _cos_to_90(np.array([45.0])) / _sin_to_90(np.array([45.0]))


def _turned(compute: Callable[[Floats], Floats], odd: bool, mirrored: bool) -> Callable[[Floats], Floats]:
    """A function of any angle from one of 0 to 90 degrees: `odd` where f(-x) = -f(x), `mirrored` where the signs on
    both sides of 90 degrees differ."""

    def run(x: Floats) -> Floats:
        if np.isinf(x).any():
            raise NumericValueOutOfRange("input is out of range")
        angle = np.fmod(x, 360.0)
        negative = odd & (angle < 0)
        angle = np.abs(angle)
        negative = negative ^ (odd & (angle > 180))
        angle = np.where(angle > 180, 360 - angle, angle)
        negative = negative ^ (mirrored & (angle > 90))
        made = compute(np.where(angle > 90, 180 - angle, angle))
        return np.where(negative, -made, made)

    return run


def _tangent(x: Floats) -> Floats:
    return _sin_to_90(x) / _cos_to_90(x) / TAN_45


def _cotangent(x: Floats) -> Floats:
    return _cos_to_90(x) / _sin_to_90(x) / COT_45


def _asin_to_one(x: Floats) -> Floats:
    return np.where(x <= 0.5, np.arcsin(x) / ASIN_HALF * 30, 90 - np.arccos(x) / ACOS_HALF * 60)


def _acos_to_one(x: Floats) -> Floats:
    return np.where(x <= 0.5, 90 - np.arcsin(x) / ASIN_HALF * 30, np.arccos(x) / ACOS_HALF * 60)


def _within_one(x: Floats) -> Floats:
    if (np.abs(x) > 1).any():
        raise NumericValueOutOfRange("input is out of range")
    return np.abs(x)


def _inverse_sine(x: Floats) -> Floats:
    return np.copysign(_asin_to_one(_within_one(x)), x)


def _inverse_cosine(x: Floats) -> Floats:
    size = _within_one(x)
    return np.where(x < 0, 90 + _asin_to_one(size), _acos_to_one(size))


def _inverse_tangent(x: Floats) -> Floats:
    return np.arctan(x) / ATAN_ONE * 45


_FUNCTIONS: tuple[tuple[str, Callable[[Floats], Floats], str, dict[str, str]], ...] = (
    ("sind", _turned(_sin_to_90, True, False), "Sine of degrees.",
     {"sind(30)": "0.5", "sind(200)": "-0.34202014332566877", "sind(-77)": "-0.9743700647852352"}),
    ("cosd", _turned(_cos_to_90, False, True), "Cosine of degrees.",
     {"cosd(60)": "0.5", "cosd(-125)": "-0.573576436351046", "cosd('NaN')": "NaN",
      "cosd('Infinity')": "ERROR: 22003 input is out of range"}),
    ("tand", _turned(_tangent, True, True), "Tangent of degrees.",
     {"tand(45)": "1", "tand(90)": "Infinity", "tand(-200)": "-0.3639702342662024", "tand(180)": "0"}),
    ("cotd", _turned(_cotangent, True, True), "Cotangent of degrees.",
     {"cotd(45)": "1", "cotd(0)": "Infinity", "cotd(-200)": "-2.747477419454622", "cotd(90)": "0"}),
    ("asind", _inverse_sine, "Inverse sine in degrees.",
     {"asind(0.5)": "30", "asind(0.3)": "17.45760312372209", "asind(-0.7)": "-44.4270040008057"}),
    ("acosd", _inverse_cosine, "Inverse cosine in degrees.",
     {"acosd(0.5)": "60", "acosd(-0.5)": "120", "acosd(2)": "ERROR: 22003 input is out of range"}),
    ("atand", _inverse_tangent, "Inverse tangent in degrees.", {"atand(1)": "45"}),
)  # fmt: skip


def _kernel(compute: Callable[[Floats], Floats]) -> Callable[[Column], Column]:
    def kernel(column: Column) -> Column:
        with np.errstate(all="ignore"):
            made = compute(numbers(column))
        return column_of(made + 0.0, FLOAT8.storage)

    return kernel


for _name, _compute, _doc, _examples in _FUNCTIONS:
    function(f"{_name}(float8) -> float8", doc=_doc, examples=_examples)(_kernel(_compute))


@function(
    "atan2d(float8, float8) -> float8",
    examples={"atan2d(1, 0)": "90", "atan2d(1, 2)": "26.565051177077986", "atan2d(0, -1)": "180"},
)
def atan2d(y: Column, x: Column) -> Column:
    """Inverse tangent of y/x in degrees."""
    return column_of(np.arctan2(numbers(y), numbers(x)) / ATAN_ONE * 45, FLOAT8.storage)
