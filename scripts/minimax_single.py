"""Polynomials of the functions of float32, computed in doubles, for scripts/minimax.py: their errors are small against half a last place, 2**-25."""

from __future__ import annotations

import mpmath
from minimax import Fit

LN2 = mpmath.log(2)
QUARTER = mpmath.pi / 4 * mpmath.mpf("1.0001")


def erf_over(z: mpmath.mpf) -> mpmath.mpf:
    """erf(x) / x for x**2 = z."""
    return 2 / mpmath.sqrt(mpmath.pi) * mpmath.hyp1f1(0.5, 1.5, -z)


FITS = {
    "SINGLE_EXP": Fit(
        lambda r: (mpmath.expm1(r) - r) / r**2,
        -LN2 / 2 * 1.0001,
        LN2 / 2 * 1.0001,
        5,
        lambda r: r**2 / abs(mpmath.expm1(r)),
        note="(exp(r) - 1 - r) / r**2",
    ),
    "SINGLE_LOG": Fit(
        lambda f: (mpmath.log1p(f) - f) / f**2,
        -0.25,
        0.5,
        9,
        lambda f: f**2 / mpmath.log1p(f),
        note="(log(1 + f) - f) / f**2",
    ),
    "SINGLE_ERF": Fit(
        lambda t: erf_over(8 + 8 * t),
        -1,
        1,
        17,
        lambda t: 1 / erf_over(8 + 8 * t),
        note="erf(x) / x by powers of t = x**2 / 8 - 1",
    ),
    "SINGLE_SIN": Fit(
        lambda z: (mpmath.sin(mpmath.sqrt(z)) / mpmath.sqrt(z) - 1) / z,
        0,
        QUARTER**2,
        2,
        lambda z: z * mpmath.sqrt(z) / mpmath.sin(mpmath.sqrt(z)),
        note="(sin(r) - r) / r**3",
    ),
    "SINGLE_COS": Fit(
        lambda z: (mpmath.cos(mpmath.sqrt(z)) - 1) / z,
        0,
        QUARTER**2,
        3,
        lambda z: z / mpmath.cos(mpmath.sqrt(z)),
        note="(cos(r) - 1) / r**2",
    ),
}
