"""Polynomials of exponentials, logarithms and hyperbolic functions, for scripts/minimax.py."""

from __future__ import annotations

import mpmath
from minimax import Fit

LN2 = mpmath.log(2)

FITS = {
    "exp": Fit(
        lambda r: (mpmath.expm1(r) - r) / r**2,
        -LN2 / 2 * 1.0001,
        LN2 / 2 * 1.0001,
        9,
        lambda r: r**2 * mpmath.exp(-r),
        note="(exp(r) - 1 - r) / r**2",
    ),
    "log": Fit(
        lambda z: (2 * mpmath.atanh(mpmath.sqrt(z)) / mpmath.sqrt(z) - 2) / z,
        0,
        "0.04001",
        6,
        lambda z: z / 2,
        note="(2 * atanh(s) / s - 2) / z, where z = s**2",
    ),
}
