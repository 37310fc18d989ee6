"""Exponentials of doubles as instructions.

Coefficients come from scripts/minimax.py (the entries of scripts/minimax_exp.py).

>>> import numpy as np
>>> from symgraph.backends.llvm.testing import vectorized
>>> vectorized(exp, 1, 4)(np.array([0.0, 1.0, -np.inf, 710.0]))
array([1.        , 2.71828183, 0.        ,        inf])
"""

from __future__ import annotations

from .code import Code
from .elementary_base import SHIFT, bounded, even_odd, fast_two_sum, quotient

__all__ = ["exp", "exp2", "expm1", "exponential", "reduced", "sigmoid", "tail"]

LOG2_E = 1.4426950408889634
LOG2_3_2 = 0.5849625007211562
# 42 bits of log(2), whose products with exponents are exact, and what they lack
LN2, LN2_REST = 0.6931471805598903, 5.497923018708371e-14
LN2_DOUBLE, LN2_LOW = 0.6931471805599453, 2.3190468138462996e-17  # a double, and what it lacks

# scripts/minimax.py exp: (exp(r) - 1 - r) / r**2 for |r| <= log(2) / 2, error 2**-57.9 of exp(r)
EXP = (
    0.5000000000000011, 0.16666666666666463, 0.041666666666528615, 0.008333333333471015, 0.0013888888943761717,
    0.00019841269545494238, 2.4801493103666377e-05, 2.7557558670721575e-06, 2.763021920851519e-07,
    2.5007249063111575e-08,
)  # fmt: skip

# scripts/minimax.py exp2: (2**r - 1 - r * log(2)) / r**2 for |r| <= 1/2, error 2**-57.9 of 2**r
EXP2 = (
    0.24022650695910122, 0.05550410866482073, 0.00961812910759701, 0.0013333558146687125, 0.00015403530454053248,
    1.5252733546456315e-05, 1.321543661054816e-06, 1.0178184545002042e-07, 7.073579376191244e-09,
    4.436359911511883e-10,
)  # fmt: skip

# scripts/minimax.py expm1: (exp(r) - 1 - r) / r**2 for 3/4 <= exp(r) <= 3/2, error 2**-61.4
EXPM1 = (
    0.5, 0.16666666666666663, 0.04166666666666747, 0.008333333333337896, 0.001388888888818772,
    0.00019841269827857618, 2.480158939871059e-05, 2.7557325066928087e-06, 2.755468904700145e-07,
    2.507066433813883e-08, 2.207097410075817e-09,
)  # fmt: skip


def reduced(code: Code, x: int, low: bool = False) -> tuple[int, int, int]:
    """n, a, r with x = n * log(2) + r: a is near r without any error, and r = a - n * LN2_REST (W. Cody and W. Waite, 1980).

    e**r is in [sqrt(1/2), sqrt(2)], or, where `low`, in [3/4, 3/2].
    """
    c = code.const
    n = code.fma(x, c(LOG2_E), c(SHIFT)) if not low else code.fadd(code.fma(x, c(LOG2_E), c(0.5 - LOG2_3_2)), c(SHIFT))
    n = code.fsub(n, c(SHIFT))
    near = code.fma(n, c(-LN2), x)
    return n, near, code.fma(n, c(-LN2_REST), near)


def exponential(code: Code, x: int, low: int | None = None) -> tuple[int, int, int]:
    """n, large, small with e**(x + low) = 2**n * (large + small), where |low| is less than 2**-40."""
    c = code.const
    n, near, r = reduced(code, x)
    large, small = fast_two_sum(code, c(1.0), near)
    small = code.fma(n, c(-LN2_REST), small)
    if low is not None:
        small, r = code.fadd(small, low), code.fadd(r, low)
    return n, large, code.fma(code.fmul(r, r), even_odd(code, r, EXP), small)


def tail(code: Code, r: int, small: int) -> int:
    """small + e**r - 1 - r, where 3/4 <= e**r <= 3/2; the square, the largest term, is without error but for its sum with `small`."""
    square = code.fma(code.fmul(r, code.const(0.5)), r, small)
    return code.fma(code.fmul(code.fmul(r, r), r), even_odd(code, r, EXPM1[1:]), square)


def exp(code: Code, x: int) -> int:
    """e**x."""
    n, large, small = exponential(code, bounded(code, x, -746.0, 710.0))  # 0 below, inf above
    return code.scale(code.fadd(large, small), n)


def exp2(code: Code, x: int) -> int:
    """2**x: the nearest integer as an exponent, and e**(r * log(2)) of the rest r, which has no error."""
    c = code.const
    x = bounded(code, x, -1080.0, 1030.0)
    n = code.roundeven(x)
    r = code.fsub(x, n)
    product = code.fmul(r, c(LN2_DOUBLE))
    low = code.fma(r, c(LN2_LOW), code.fma(r, c(LN2_DOUBLE), code.fneg(product)))
    large, small = fast_two_sum(code, c(1.0), product)
    value = code.fma(code.fmul(r, r), even_odd(code, r, EXP2), code.fadd(small, low))
    return code.scale(code.fadd(large, value), n)


def expm1(code: Code, x: int) -> int:
    """e**x - 1 = 2**n * ((1 - 2**-n) + (e**r - 1)); the sign of a zero is kept.

    With e**r in [3/4, 3/2] little is lost to cancellation where n is -1 or 1.
    """
    c = code.const
    n, near, r = reduced(code, bounded(code, x, -40.0, 710.0), low=True)  # -1 below
    power = code.scale(c(1.0), code.fneg(n))
    rest = code.fsub(c(1.0), power)
    lost = code.fsub(code.fsub(c(1.0), rest), power)
    large, small = fast_two_sum(code, rest, near)
    small = tail(code, r, code.fma(n, c(-LN2_REST), code.fadd(small, lost)))
    return code.copysign(code.scale(code.fadd(large, small), n), x)


def sigmoid(code: Code, x: int) -> int:
    """1 / (1 + e**-x), which is e**x / (1 + e**x) too: the exponential never overflows, and small values keep their digits."""
    c = code.const
    n, large, small = exponential(code, bounded(code, code.fneg(code.fabs(x)), -746.0, 0.0))
    large, small = fast_two_sum(code, large, small)
    power = code.scale(c(1.0), n)
    below = fast_two_sum(code, c(1.0), code.fmul(power, large))
    negative = code.fcmp("olt", x, c(0.0))
    above, above_low = code.select(negative, large, c(1.0)), code.select(negative, small, c(0.0))
    value = code.fadd(*quotient(code, above, above_low, below[0], code.fma(power, small, below[1])))
    return code.scale(value, code.select(negative, n, c(0.0)))
