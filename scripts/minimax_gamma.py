"""Polynomials of the gamma function and its logarithm, for scripts/minimax.py and (TABLES) scripts/table_rows.py."""

from __future__ import annotations

import mpmath
from minimax import Fit

LOW = mpmath.mpf("4.875")  # Stirling's series from here on
HALF_LOG_TWO_PI = mpmath.log(2 * mpmath.pi) / 2
LOG_BITS = 42
RECIPROCALS = [float(mpmath.nint(32 / (1 + mpmath.mpf(2 * k + 1) / 32)) / 32) for k in range(16)]


def _rest(z: mpmath.mpf) -> mpmath.mpf:
    return mpmath.loggamma(z) - ((z - mpmath.mpf(1) / 2) * mpmath.log(z) - z + HALF_LOG_TWO_PI)


def _lgamma(piece: int) -> Fit:
    centre = mpmath.mpf(piece) / 4
    value = float(mpmath.loggamma(centre))
    return Fit(
        lambda t: mpmath.loggamma(centre + t) - value,
        -mpmath.mpf(1) / 8,
        mpmath.mpf(1) / 8,
        13,
        lambda t: 1 / min(abs(mpmath.loggamma(centre + t)), mpmath.mpf("0.5")),
        fixed={0: 0.0} if piece in (4, 8) else {},
        note=f"lgamma({float(centre)} + t) less its rounded value at t = 0",
    )


def _log_parts() -> tuple[list[float], list[float]]:
    """-log of the reciprocals: 42 bits after the point, and what they lack."""
    large = [float(mpmath.nint(-mpmath.log(r) * 2**LOG_BITS) / 2**LOG_BITS) for r in RECIPROCALS]
    return large, [float(-mpmath.log(r) - large[k]) for k, r in enumerate(RECIPROCALS)]


PIECES = [*range(16, 20), *range(4, 16)]  # by piece modulo 16
TABLES = {"LGAMMA": [_lgamma(k) for k in PIECES]}
VALUES = {
    "LGAMMA_AT": [float(mpmath.loggamma(mpmath.mpf(k) / 4)) for k in PIECES],
    "LOG_RECIPROCALS": RECIPROCALS,
    "LOG_LARGE": _log_parts()[0],
    "LOG_SMALL": _log_parts()[1],
}
FITS = {
    "STIRLING": Fit(
        lambda w: _rest(1 / mpmath.sqrt(w)) / mpmath.sqrt(w),
        mpmath.mpf("1e-5"),
        1 / LOW**2,
        7,
        lambda w: mpmath.sqrt(w),
        note="(lgamma(z) - ((z - 1/2) * log(z) - z + log(2 * pi) / 2)) * z, w = 1 / z**2",
    ),
    "LOG1P": Fit(
        lambda f: (mpmath.log1p(f) - f) / f**2,
        mpmath.mpf("-0.053"),
        mpmath.mpf("0.053"),
        9,
        lambda f: f**2,
        note="(log(1 + f) - f) / f**2",
    ),
    "SINPI": Fit(
        lambda z: (mpmath.sin(mpmath.pi * mpmath.sqrt(z)) / mpmath.sqrt(z) - mpmath.pi) / z,
        0,
        mpmath.mpf("0.2501"),
        7,
        lambda z: z * mpmath.sqrt(z) / mpmath.sin(mpmath.pi * mpmath.sqrt(z)),
        note="(sin(pi * f) / f - pi) / z, z = f**2",
    ),
}
FITS |= {f"LGAMMA_{k}": fit for k, fit in zip(PIECES, TABLES["LGAMMA"], strict=True)}
