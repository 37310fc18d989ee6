"""Piecewise polynomials of the error functions, for scripts/table_rows.py: 16 pieces each, in t, the distance from a piece's centre."""

from __future__ import annotations

import itertools

import mpmath
from minimax import Fit

STEP = mpmath.mpf(3) / 8  # between the centres of erf's pieces
SLOPE = mpmath.mpf("0.55")  # erfcx's pieces are quarters of the binades of 1 + 0.55 * x
EDGES = [(mpmath.mpf(4 + k % 4) / 4 * 2 ** (k // 4) - 1) / SLOPE for k in range(17)]
CENTRES = [float(mpmath.nint((a + b) * 512) / 1024) for a, b in itertools.pairwise(EDGES)]
SLACK = mpmath.mpf("1e-9")


def erfcx(x: mpmath.mpf) -> mpmath.mpf:
    return mpmath.exp(x * x) * mpmath.erfc(x)


def _erf(piece: int) -> Fit:
    if piece == 0:
        return Fit(lambda t: mpmath.erf(t) / t - 1, 0, STEP / 2, 12, lambda t: t / mpmath.erf(t), note="erf(t)/t - 1")
    centre = piece * STEP
    value = float(mpmath.erf(centre))
    high = STEP / 2 if piece < 15 else mpmath.mpf("0.38")
    return Fit(
        lambda t: mpmath.erf(centre + t) - value,
        -STEP / 2,
        high,
        12,
        lambda t: 1 / mpmath.erf(centre + t),
        note=f"erf({float(centre)} + t) less its rounded value at t = 0",
    )


def _erfcx(piece: int) -> Fit:
    centre = mpmath.mpf(CENTRES[piece])
    value = float(erfcx(centre))
    return Fit(
        lambda t: erfcx(centre + t) - value,
        EDGES[piece] - centre - SLACK,
        EDGES[piece + 1] - centre + SLACK,
        14,
        lambda t: 1 / erfcx(centre + t),
        note=f"exp(x**2) * erfc(x), x = {float(centre)} + t, less its rounded value at t = 0",
    )


TABLES = {"ERF": [_erf(k) for k in range(16)], "ERFCX": [_erfcx(k) for k in range(16)]}
VALUES = {
    "ERF_AT": [float(mpmath.erf(k * STEP)) for k in range(16)],
    "ERFCX_AT": [float(erfcx(mpmath.mpf(c))) for c in CENTRES],
    "ERFCX_CENTRES": CENTRES,
}
FITS = {f"{name}_{k}": fit for name, pieces in TABLES.items() for k, fit in enumerate(pieces)}
