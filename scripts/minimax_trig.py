"""Polynomials of trigonometric functions and their inverses, for scripts/minimax.py; z is the square of the reduced argument."""

from __future__ import annotations

import mpmath
from minimax import Fit

QUARTER = mpmath.pi / 4
TAN_EIGHTH = mpmath.sqrt(2) - 1

FITS = {
    "SIN": Fit(
        lambda z: (mpmath.sin(mpmath.sqrt(z)) / mpmath.sqrt(z) - 1) / z,
        0,
        QUARTER**2 * mpmath.mpf("1.0001"),
        5,
        lambda z: z * mpmath.sqrt(z) / mpmath.sin(mpmath.sqrt(z)),
        note="(sin(r) - r) / r**3",
    ),
    "COS": Fit(
        lambda z: (mpmath.cos(mpmath.sqrt(z)) - 1 + z / 2) / z**2,
        0,
        QUARTER**2 * mpmath.mpf("1.0001"),
        5,
        lambda z: z**2 / mpmath.cos(mpmath.sqrt(z)),
        note="(cos(r) - 1 + r**2 / 2) / r**4",
    ),
    "ATAN": Fit(
        lambda z: (mpmath.atan(mpmath.sqrt(z)) / mpmath.sqrt(z) - 1) / z,
        0,
        TAN_EIGHTH**2 * mpmath.mpf("1.0001"),
        10,
        lambda z: z * mpmath.sqrt(z) / mpmath.atan(mpmath.sqrt(z)),
        note="(atan(t) - t) / t**3",
    ),
    "ASIN": Fit(
        lambda z: (mpmath.asin(mpmath.sqrt(z)) / mpmath.sqrt(z) - 1) / z,
        0,
        mpmath.mpf("0.25"),
        11,
        lambda z: z * mpmath.sqrt(z) / mpmath.asin(mpmath.sqrt(z)),
        note="(asin(s) - s) / s**3",
    ),
}
