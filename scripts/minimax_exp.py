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
    "log1p": Fit(
        lambda z: (2 * mpmath.atanh(mpmath.sqrt(z)) / mpmath.sqrt(z) - 2) / z,
        0,
        "0.04001",
        7,
        lambda z: z / 2,
        note="(2 * atanh(s) / s - 2) / z, where z = s**2",
    ),
    "exp2": Fit(
        lambda r: (mpmath.expm1(r * LN2) - r * LN2) / r**2,
        -0.50001,
        0.50001,
        9,
        lambda r: r**2 * mpmath.exp(-r * LN2),
        note="(2**r - 1 - r * log(2)) / r**2",
    ),
    "sinh": Fit(
        lambda z: (mpmath.sinh(mpmath.sqrt(z)) / mpmath.sqrt(z) - 1) / z,
        0,
        (LN2 / 2) ** 2 * 1.0001,
        4,
        lambda z: z,
        note="(sinh(r) - r) / r**3, where z = r**2",
    ),
    "cosh": Fit(
        lambda z: (mpmath.cosh(mpmath.sqrt(z)) - 1) / z,
        0,
        (LN2 / 2) ** 2 * 1.0001,
        4,
        lambda z: z,
        note="(cosh(r) - 1) / r**2, where z = r**2",
    ),
    "expm1": Fit(
        lambda r: (mpmath.expm1(r) - r) / r**2,
        mpmath.log(mpmath.mpf("0.7498")),
        mpmath.log(mpmath.mpf("1.5002")),
        10,
        lambda r: r,
        fixed={0: 0.5},
        note="(exp(r) - 1 - r) / r**2, where the exponential is in [3/4, 3/2)",
    ),
    "pow": Fit(
        lambda z: ((2 * mpmath.atanh(mpmath.sqrt(z)) / mpmath.sqrt(z) - 2) / z - mpmath.mpf(2) / 3) / z,
        0,
        "0.04001",
        7,
        lambda z: z**2 / 2,
        note="((2 * atanh(s) / s - 2) / z - 2/3) / z, where z = s**2",
    ),
    "cbrt": Fit(
        lambda m: m ** (-mpmath.mpf(1) / 3),
        "0.75",
        "1.5",
        4,
        lambda m: m ** (mpmath.mpf(1) / 3),
        note="m ** (-1/3)",
    ),
}
