"""Exponentials and logarithms of doubles as instructions.

Coefficients come from scripts/minimax.py (the entries of scripts/minimax_exp.py).

>>> import numpy as np
>>> from symgraph.backends.llvm.testing import vectorized
>>> vectorized(exp, 1, 4)(np.array([0.0, 1.0, -np.inf, 710.0]))
array([1.        , 2.71828183, 0.        ,        inf])
"""

from __future__ import annotations

from .code import Code
from .elementary_base import SHIFT, bounded, even_odd, fast_two_sum

__all__ = ["exp", "log"]

LOG2_E = 1.4426950408889634
LN2, LN2_REST = (
    0.6931471805598903,
    5.497923018708371e-14,
)  # 42 bits, whose products with exponents are exact, and what they lack

# scripts/minimax.py exp: (exp(r) - 1 - r) / r**2 for |r| <= log(2) / 2, error 2**-57.9 of exp(r)
EXP = (
    0.5000000000000011, 0.16666666666666463, 0.041666666666528615, 0.008333333333471015, 0.0013888888943761717,
    0.00019841269545494238, 2.4801493103666377e-05, 2.7557558670721575e-06, 2.763021920851519e-07,
    2.5007249063111575e-08,
)  # fmt: skip

# scripts/minimax.py log: (2 * atanh(s) / s - 2) / z with z = s**2 <= 0.04, error 2**-55.9 of the logarithm
LOG = (
    0.6666666666667272, 0.39999999996154045, 0.2857142939665982, 0.22222138389621846, 0.1818636065617234,
    0.1525009674155125, 0.1536890591954911,
)  # fmt: skip


def exp(code: Code, x: int) -> int:
    """e**x: 2**n * e**r, where r = x - n * log(2) comes in two steps (W. Cody and W. Waite, 1980), the first one of which is exact."""
    c = code.const
    x = bounded(code, x, -746.0, 710.0)  # 0 below, inf above
    n = code.fsub(code.fma(x, c(LOG2_E), c(SHIFT)), c(SHIFT))
    near = code.fma(n, c(-LN2), x)
    r = code.fma(n, c(-LN2_REST), near)
    large, small = fast_two_sum(code, c(1.0), near)
    small = code.fma(n, c(-LN2_REST), small)
    value = code.fadd(large, code.fma(code.fmul(r, r), even_odd(code, r, EXP), small))
    return code.scale(value, n)


def log(code: Code, x: int) -> int:
    """The natural logarithm: x = 2**k * (1 + f), and log(1 + f) = f - h + s * (h + z * R(z)) with s = f / (2 + f), z = s**2, h = f**2 / 2.

    So it is done in fdlibm (Sun Microsystems, 1993). Here k * log(2) + f is a sum without error, as the two can cancel partly.
    """
    c = code.const
    m, k = code.mantissa(x), code.exponent(x)
    k = code.select(code.fcmp("olt", m, c(1.0)), code.fadd(k, c(1.0)), k)
    f = code.fsub(m, c(1.0))
    s = code.fdiv(f, code.fadd(m, c(1.0)))
    z, half = code.fmul(s, s), code.fmul(f, c(0.5))
    inner = code.fma(z, code.horner(z, LOG), code.fmul(half, f))
    large, small = fast_two_sum(code, code.fmul(k, c(LN2)), f)
    small = code.fma(s, inner, code.fma(k, c(LN2_REST), small))
    value = code.fadd(large, code.fma(code.fneg(half), f, small))
    return code.select(code.isnan(value), large, value)  # large is right where k is infinite
