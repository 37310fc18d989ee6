"""Polynomials of the digamma function, for scripts/minimax.py and (TABLES) scripts/table_rows.py."""

from __future__ import annotations

import mpmath
from minimax import Fit
from minimax_gamma import LOW, PIECES

ROOT = float(mpmath.findroot(mpmath.digamma, 1.4616))  # of the digamma function, rounded
CENTRES = [ROOT if k == 6 else k / 4 for k in PIECES]


def _digamma(piece: int) -> Fit:
    centre = mpmath.mpf(CENTRES[PIECES.index(piece)])
    value = float(mpmath.digamma(centre))
    return Fit(
        lambda t: mpmath.digamma(centre + t) - value,
        mpmath.mpf(piece) / 4 - mpmath.mpf(1) / 8 - centre,
        mpmath.mpf(piece) / 4 + mpmath.mpf(1) / 8 - centre,
        13,
        lambda t: 1 / min(abs(mpmath.digamma(centre + t)), mpmath.mpf("0.5")),
        fixed={0: 0.0} if piece == 6 else {},
        note=f"digamma({float(centre)} + t) less its rounded value at t = 0",
    )


TABLES = {"DIGAMMA": [_digamma(k) for k in PIECES]}
VALUES = {
    "DIGAMMA_CENTRES": CENTRES,
    "DIGAMMA_AT": [float(mpmath.digamma(mpmath.mpf(c))) for c in CENTRES],
}
FITS = {
    "PSI_SERIES": Fit(
        lambda w: (mpmath.log(1 / mpmath.sqrt(w)) - mpmath.sqrt(w) / 2 - mpmath.digamma(1 / mpmath.sqrt(w))) / w,
        mpmath.mpf("1e-5"),
        1 / LOW**2,
        7,
        lambda w: w,
        note="(log(z) - 1 / (2 * z) - digamma(z)) * z**2, w = 1 / z**2",
    ),
    "COTANGENT": Fit(
        lambda z: (1 / mpmath.sqrt(z) - mpmath.pi / mpmath.tan(mpmath.pi * mpmath.sqrt(z))) / mpmath.sqrt(z),
        0,
        mpmath.mpf("0.25"),
        14,
        lambda z: mpmath.sqrt(z),
        note="(1 / f - pi * cot(pi * f)) / f, z = f**2",
    ),
}
FITS |= {f"DIGAMMA_{k}": fit for k, fit in zip(PIECES, TABLES["DIGAMMA"], strict=True)}
