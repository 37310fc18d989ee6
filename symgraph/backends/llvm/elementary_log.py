"""Logarithms of doubles as instructions.

They follow fdlibm (Sun Microsystems, 1993): x = 2**k * (1 + f), and log(1 + f) = f - h + s * (h + z * R(z)), where h = f**2 / 2,
s = f / (2 + f), z = s**2; R is a polynomial from scripts/minimax.py (the entries of scripts/minimax_exp.py). Sums with multiples of k
are without error, as the parts can cancel.

>>> import numpy as np
>>> from symgraph.backends.llvm.testing import vectorized
>>> vectorized(log, 1, 4)(np.array([0.0, 1.0, 10.0, np.inf]))
array([      -inf, 0.        , 2.30258509,        inf])
"""

from __future__ import annotations

from collections.abc import Sequence

from .code import Code
from .elementary_base import at_most, fast_two_sum, two_sum
from .elementary_exp import LN2, LN2_REST, exponential

__all__ = ["corrected", "log", "log10", "log1p", "log2", "logaddexp", "near_one", "parts", "softplus", "total"]

# scripts/minimax.py log: (2 * atanh(s) / s - 2) / z with z = s**2 <= 0.04, error 2**-55.9 of the logarithm
LOG = (
    0.6666666666667272, 0.39999999996154045, 0.2857142939665982, 0.22222138389621846, 0.1818636065617234,
    0.1525009674155125, 0.1536890591954911,
)  # fmt: skip
# scripts/minimax.py log1p: the same with one more term, error 2**-62.7
LOG1P = (
    0.666666666666666, 0.4000000000005664, 0.2857142855584151, 0.22222224294676346, 0.1818166599459804,
    0.15391107813044674, 0.13173671707024115, 0.13842535512909823,
)  # fmt: skip
LOG2_E, LOG2_E_LOW = 1.4426950408889634, 2.0355273740931033e-17
LOG10_E, LOG10_E_LOW = 0.4342944819032518, 1.098319650216765e-17
LOG10_2, LOG10_2_REST = 0.30102999566383914, 1.42050232272661e-13  # 42 bits, and what they lack


def parts(code: Code, x: int) -> tuple[int, int]:
    """k and 1 + f in [3/4, 3/2) with x = 2**k * (1 + f); k is infinite for 0 and inf, and 1 + f is nan for x < 0."""
    return code.power(x), code.mantissa(x)


def _inner(code: Code, m: int, coefficients: Sequence[float] = LOG) -> tuple[int, int, int, int]:
    """f, f / 2, s and the bracket behind s."""
    f = code.fsub(m, code.const(1.0))
    s = code.fdiv(f, code.fadd(m, code.const(1.0)))
    z, half = code.fmul(s, s), code.fmul(f, code.const(0.5))
    return f, half, s, code.fma(z, code.horner(z, coefficients), code.fmul(half, f))


def total(code: Code, large: int, small: int) -> int:
    """The sum, for small < 1; `large` where that is infinite, and `small`, made of differences with it, is nan."""
    return code.fadd(large, at_most(code, small, 1.0))


def log(code: Code, x: int) -> int:
    """The natural logarithm; -inf for both zeros."""
    k, m = parts(code, x)
    f, half, s, inner = _inner(code, m)
    large, small = fast_two_sum(code, code.fmul(k, code.const(LN2)), f)
    small = code.fma(s, inner, code.fma(k, code.const(LN2_REST), small))
    return total(code, large, code.fma(code.fneg(half), f, small))


def _scaled(code: Code, x: int, factor: float, factor_low: float, unit: float, unit_low: float) -> int:
    """log(x) * (factor + factor_low), where unit + unit_low is that of 2."""
    c = code.const
    k, m = parts(code, x)
    f, half, s, inner = _inner(code, m, LOG1P)
    square = code.fmul(half, f)
    above, rest = fast_two_sum(code, f, code.fneg(square))
    rest = code.fma(s, inner, code.fsub(rest, code.fma(half, f, code.fneg(square))))
    product = code.fmul(above, c(factor))
    low = code.fma(above, c(factor_low), code.fma(above, c(factor), code.fneg(product)))
    low = code.fma(rest, c(factor), low)
    large, small = fast_two_sum(code, code.fmul(k, c(unit)) if unit != 1 else k, product)
    if unit_low:
        small = code.fma(k, c(unit_low), small)
    return total(code, large, code.fadd(small, low))


def log2(code: Code, x: int) -> int:
    """The logarithm to base 2, exact for powers of two."""
    return _scaled(code, x, LOG2_E, LOG2_E_LOW, 1.0, 0.0)


def log10(code: Code, x: int) -> int:
    """The logarithm to base 10."""
    return _scaled(code, x, LOG10_E, LOG10_E_LOW, LOG10_2, LOG10_2_REST)


def corrected(code: Code, u: int, lost: int, low: int | None = None, double: int | None = None) -> tuple[int, int]:
    """log(u + lost + low), or of twice that where `double`, as a large and a small part.

    u is 2**k * (1 + f); `lost` has no error of its own and is of the size of an ulp of u, or u is 1; |low| is at most about an ulp of lost or of u.
    What u lacks is multiplied with the derivative 1 / (1 + f), four terms of it, and with -1/2 of its own square.
    """
    c = code.const
    k, m = parts(code, u)
    f, half, s, inner = _inner(code, m, LOG1P)
    minus = code.fneg(f)
    slope = code.fmul(minus, code.horner(minus, (1.0, 1.0, 1.0)))
    lost = code.scale(lost, code.fneg(k))
    slope = code.fma(lost, c(-0.5), slope)
    if low is None:
        lost = code.fma(lost, slope, lost)
    else:
        low = code.scale(low, code.fneg(k))
        lost = code.fadd(lost, code.fma(code.fadd(lost, low), slope, low))
    if double is not None:
        k = code.select(double, code.fadd(k, c(1.0)), k)
    large, small = fast_two_sum(code, code.fmul(k, c(LN2)), f)
    small = code.fma(s, inner, code.fma(k, c(LN2_REST), code.fadd(small, lost)))
    return large, code.fma(code.fneg(half), f, small)


def near_one(code: Code, high: int, low: int | None = None) -> tuple[int, int]:
    """log(1 + high + low), as a large and a small part, for high >= -1 and |low| at most about an ulp of high."""
    one = code.const(1.0)
    u = code.select(code.fcmp("olt", code.fabs(high), code.const(2.0**-40)), one, code.fadd(one, high))
    return corrected(code, u, code.fsub(high, code.fsub(u, one)), low)


def log1p(code: Code, x: int) -> int:
    """log(1 + x); the sign of a zero is kept."""
    return code.copysign(total(code, *near_one(code, x)), x)


def _log1p_exp(code: Code, x: int, low: int | None = None) -> tuple[int, int]:
    """log(1 + e**(x + low)) for x <= 0."""
    outside = code.fcmp("olt", x, code.const(-746.0))
    x = code.select(outside, code.const(-746.0), x)
    n, large, small = exponential(code, x, low if low is None else code.select(outside, code.const(0.0), low))
    sum_, rest = fast_two_sum(code, large, small)
    return near_one(code, code.scale(sum_, n), code.scale(rest, n))


def softplus(code: Code, x: int) -> int:
    """log(1 + e**x) = max(x, 0) + log(1 + e**-|x|)."""
    large, small = _log1p_exp(code, code.fneg(code.fabs(x)))
    top = code.select(code.fcmp("ogt", x, code.const(0.0)), x, code.const(0.0))
    large, rest = two_sum(code, top, large)
    return total(code, large, code.fadd(rest, small))


def logaddexp(code: Code, x: int, y: int) -> int:
    """log(e**x + e**y) = max(x, y) + log(1 + e**-|x - y|), as accurate as one ulp of the largest of the result, x and y.

    The maximum where it is infinite; nan for nan.
    """
    above = code.fcmp("ogt", x, y)
    top, bottom = code.select(above, x, y), code.select(above, y, x)
    difference, low = two_sum(code, bottom, code.fneg(top))
    large, small = _log1p_exp(code, difference, low)
    large, rest = two_sum(code, top, large)
    value = code.fadd(large, code.fadd(rest, small))
    # where the arguments are infinite their sum is right: but inf - inf, and there the larger one is
    infinite = code.fcmp("oeq", code.fabs(top), code.const(float("inf")))
    outside = code.select(code.isnan(bottom), bottom, top)
    return code.select(infinite, outside, value)
