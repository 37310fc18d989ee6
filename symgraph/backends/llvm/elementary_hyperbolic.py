"""Hyperbolic functions of doubles, and their inverses, as instructions.

Coefficients come from scripts/minimax.py (the entries of scripts/minimax_exp.py).

>>> import numpy as np
>>> from symgraph.backends.llvm.testing import vectorized
>>> vectorized(tanh, 1, 4)(np.array([0.0, 0.5, -0.5, np.inf]))
array([ 0.        ,  0.46211716, -0.46211716,  1.        ])
"""

from __future__ import annotations

from .code import Code
from .elementary_base import fast_two_sum, quotient, root, two_sum
from .elementary_exp import LN2_REST, exponential, reduced, tail
from .elementary_log import corrected, near_one, total

__all__ = ["acosh", "asinh", "atanh", "cosh", "sech_squared", "sinh", "tanh"]

# scripts/minimax.py sinh: (sinh(r) - r) / r**3 with z = r**2, |r| <= log(2) / 2, error 2**-61.7 of r
SINH = (
    0.16666666666666677, 0.008333333333321384, 0.0001984126988682342, 2.755724344151993e-06, 2.5109325443942198e-08,
)  # fmt: skip

# scripts/minimax.py cosh: (cosh(r) - 1) / r**2 with z = r**2, |r| <= log(2) / 2, error 2**-58.0 of 1
COSH = (
    0.5000000000000013, 0.04166666666651047, 0.001388888894835516, 2.4801488507263146e-05, 2.763180965264625e-07,
)  # fmt: skip


def _below(code: Code, x: int, limit: float) -> int:
    """x where it is at most `limit`, else that; nan for nan."""
    return code.select(code.fcmp("ogt", x, code.const(limit)), code.const(limit), x)


def tanh(code: Code, x: int) -> int:
    """(e - 1) / (e + 1) with e = exp(2 |x|) = 2**n * (1 + p), that is ((1 - 2**-n) + p) / ((1 + 2**-n) + p)."""
    c = code.const
    size = _below(code, code.fabs(x), 20.0)
    n, near, r = reduced(code, code.fadd(size, size), low=True)
    rest = tail(code, r, code.fmul(n, c(-LN2_REST)))
    power = code.scale(c(1.0), code.fneg(n))
    large, small = fast_two_sum(code, c(1.0), near)
    rest = code.fadd(rest, small)
    above, above_low = fast_two_sum(code, large, code.fneg(power))
    below, below_low = fast_two_sum(code, large, power)
    above, above_low = fast_two_sum(code, above, code.fadd(above_low, rest))
    below, below_low = fast_two_sum(code, below, code.fadd(below_low, rest))
    return code.copysign(code.fadd(*quotient(code, above, above_low, below, below_low)), x)


def sech_squared(code: Code, x: int) -> int:
    """4 e / (1 + e)**2 with e = exp(-2 |x|) = 2**n * (large + small)."""
    c = code.const
    n, large, small = exponential(code, code.fmul(_below(code, code.fabs(x), 374.0), c(-2.0)))  # beyond, 0
    large, small = fast_two_sum(code, large, small)
    power = code.scale(c(1.0), n)
    side, rest = fast_two_sum(code, c(1.0), code.fmul(power, large))
    rest = code.fma(power, small, rest)
    below = code.fmul(side, side)
    below_low = code.fma(code.fmul(side, c(2.0)), rest, code.fma(side, side, code.fneg(below)))
    value = code.fadd(*quotient(code, large, small, below, below_low))
    return code.scale(value, code.fadd(n, c(2.0)))


def _half_sum(code: Code, x: int, sign: float) -> int:
    """(e**x + sign * e**-x) / 2 for x >= 0.

    With x = n * log(2) + r and u = sign * 2**(-2 n) that is 2**(n - 1) * ((1 + u) * cosh(r) + (1 - u) * sinh(r)), where
    multiplications by u are exact.
    """
    c = code.const
    n, near, r = reduced(code, _below(code, x, 711.0))
    power = code.scale(c(1.0), code.fneg(n))
    u = code.fmul(power if sign > 0 else code.fneg(power), power)
    plus, minus = code.fadd(c(1.0), u), code.fsub(c(1.0), u)
    lost = code.fsub(u, code.fsub(plus, c(1.0)))
    z = code.fmul(r, r)
    low = code.fma(n, c(-LN2_REST), code.fmul(code.fmul(z, r), code.horner(z, SINH)))
    rest = code.fma(minus, low, code.fma(plus, code.fmul(z, code.horner(z, COSH)), lost))
    large, small = fast_two_sum(code, plus, near)
    total, more = fast_two_sum(code, large, code.fneg(code.fmul(u, near)))
    value = code.fadd(total, code.fadd(code.fadd(small, more), rest))
    return code.scale(value, code.fsub(n, c(1.0)))


def sinh(code: Code, x: int) -> int:
    """The hyperbolic sine; the sign of a zero is kept."""
    return code.copysign(_half_sum(code, code.fabs(x), -1.0), x)


def cosh(code: Code, x: int) -> int:
    """The hyperbolic cosine."""
    return _half_sum(code, code.fabs(x), 1.0)


def asinh(code: Code, x: int) -> int:
    """log(|x| + sqrt(x**2 + 1)), argument and root in two parts; the sign of a zero is kept."""
    c = code.const
    size = code.fabs(x)
    huge, tiny = code.fcmp("ogt", size, c(2.0**60)), code.fcmp("olt", size, c(2.0**-27))
    square = code.fmul(size, size)
    one_more, low = two_sum(code, square, c(1.0))
    side, side_low = root(code, one_more, code.fadd(low, code.fma(size, size, code.fneg(square))))
    u, lost = fast_two_sum(code, side, size)
    u = code.select(huge, size, u)
    lost = code.select(huge, c(0.0), code.fadd(lost, side_low))
    value = total(code, *corrected(code, u, lost, double=huge))
    return code.copysign(code.select(tiny, size, value), x)


def acosh(code: Code, x: int) -> int:
    """log(x + sqrt(x**2 - 1)), argument and root in two parts; nan for x < 1."""
    c = code.const
    huge = code.fcmp("ogt", x, c(2.0**60))
    square = code.fmul(x, x)
    one_less, low = fast_two_sum(code, square, c(-1.0))
    side, side_low = root(code, *fast_two_sum(code, one_less, code.fadd(low, code.fma(x, x, code.fneg(square)))))
    u, lost = fast_two_sum(code, x, side)
    lost = code.fadd(lost, side_low)
    return total(code, *corrected(code, code.select(huge, x, u), code.select(huge, c(0.0), lost), double=huge))


def atanh(code: Code, x: int) -> int:
    """log(1 + 2 |x| / (1 - |x|)) / 2; the sign of a zero is kept, infinite for -1 and 1, nan beyond them."""
    c = code.const
    size = code.fabs(x)
    below, below_low = fast_two_sum(code, c(1.0), code.fneg(size))
    high, low = quotient(code, code.fadd(size, size), None, below, below_low)
    large, small = near_one(code, high, low)
    value = code.fmul(c(0.5), code.fadd(large, small))
    value = code.select(code.fcmp("oeq", size, c(1.0)), c(float("inf")), value)
    return code.copysign(value, x)
