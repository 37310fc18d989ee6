"""Hyperbolic functions of doubles, and their inverses, as instructions.

Coefficients come from scripts/minimax.py (the entries of scripts/minimax_exp.py).

>>> import numpy as np
>>> from symgraph.backends.llvm.testing import vectorized
>>> vectorized(tanh, 1, 4)(np.array([0.0, 0.5, -0.5, np.inf]))
array([ 0.        ,  0.46211716, -0.46211716,  1.        ])
"""

from __future__ import annotations

from .code import Code
from .elementary_base import fast_two_sum, quotient
from .elementary_exp import LN2, LN2_REST, reduced, tail
from .elementary_log import near_one

__all__ = ["acosh", "asinh", "atanh", "cosh", "sinh", "tanh"]

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
    above, above_low = fast_two_sum(code, code.fsub(c(1.0), power), near)
    below, below_low = fast_two_sum(code, code.fadd(c(1.0), power), near)
    above = fast_two_sum(code, above, code.fadd(above_low, rest))
    below = fast_two_sum(code, below, code.fadd(below_low, rest))
    return code.copysign(code.fadd(*quotient(code, *above, *below)), x)


def _half_sum(code: Code, x: int, sign: float) -> int:
    """(e**x + sign * e**-x) / 2 for x >= 0.

    With x = n * log(2) + r and u = sign * 2**(-2 n) that is 2**(n - 1) * ((1 + u) * cosh(r) + (1 - u) * sinh(r)), where
    multiplications by u are exact.
    """
    c = code.const
    n, near, r = reduced(code, _below(code, x, 711.0))
    u = code.scale(c(sign), code.fmul(n, c(-2.0)))
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


def _root(code: Code, square: int, low: int) -> tuple[int, int]:
    """The square root of square + low in two parts; 0 of 0."""
    root = code.sqrt(square)
    rest = code.fadd(code.fma(code.fneg(root), root, square), low)
    rest = code.fdiv(rest, code.fadd(root, root))
    return root, code.select(code.fcmp("ogt", root, code.const(0.0)), rest, code.const(0.0))


def _log_sum(code: Code, first: tuple[int, int], second: tuple[int, int], huge: int, size: int) -> int:
    """log(1 + the sum of all parts), where |first| >= |second|; log(2 * size) where `huge`."""
    c = code.const
    high, low = fast_two_sum(code, first[0], second[0])
    low = code.fadd(low, code.fadd(first[1], second[1]))
    high, low = fast_two_sum(code, high, low)
    large, small = near_one(code, code.select(huge, size, high), code.select(huge, c(0.0), low))
    total, rest = fast_two_sum(code, large, code.select(huge, c(LN2), c(0.0)))
    small = code.fadd(code.fadd(small, rest), code.select(huge, c(LN2_REST), c(0.0)))
    value = code.fadd(total, small)
    return code.select(code.isnan(value), large, value)


def asinh(code: Code, x: int) -> int:
    """log(1 + (|x| + (sqrt(1 + x**2) - 1))) in doubles of two parts; the sign of a zero is kept."""
    c = code.const
    size = code.fabs(x)
    huge = code.fcmp("ogt", size, c(2.0**60))
    a = code.select(huge, c(1.0), size)
    square = code.fmul(a, a)
    low = code.fma(a, a, code.fneg(square))
    large = code.fcmp("ogt", a, c(1.0))
    one = c(1.0)
    total = code.fadd(one, square)
    top, bottom = code.select(large, square, one), code.select(large, one, square)
    low = code.fadd(low, code.fsub(bottom, code.fsub(total, top)))
    root, root_low = _root(code, total, low)
    high = code.fsub(root, one)
    root_low = code.fadd(root_low, code.fsub(code.fsub(root, high), one))
    return code.copysign(_log_sum(code, (a, c(0.0)), (high, root_low), huge, size), x)


def acosh(code: Code, x: int) -> int:
    """log(1 + (t + sqrt(t * (t + 2)))) with t = x - 1 in doubles of two parts; nan for x < 1."""
    c = code.const
    huge = code.fcmp("ogt", x, c(2.0**60))
    a = code.select(huge, c(2.0), x)
    t = code.fsub(a, c(1.0))
    t_low = code.fsub(code.fsub(a, t), c(1.0))
    # x**2 - 1 = t * (2 + t)
    double = code.fadd(t, t)
    square = code.fmul(t, t)
    low = code.fma(t, t, code.fneg(square))
    large = code.fcmp("ogt", t, c(2.0))
    total = code.fadd(double, square)
    top, bottom = code.select(large, square, double), code.select(large, double, square)
    low = code.fadd(low, code.fsub(bottom, code.fsub(total, top)))
    low = code.fma(code.fadd(double, c(2.0)), t_low, low)
    root, root_low = _root(code, total, low)
    ahead = code.fcmp("ogt", t, root)
    first = code.select(ahead, t, root), code.select(ahead, t_low, root_low)
    second = code.select(ahead, root, t), code.select(ahead, root_low, t_low)
    return _log_sum(code, first, second, huge, x)


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
