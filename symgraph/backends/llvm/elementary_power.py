"""Powers and roots of doubles as instructions.

Coefficients come from scripts/minimax.py (the entries of scripts/minimax_exp.py).

>>> import numpy as np
>>> from symgraph.backends.llvm.testing import vectorized
>>> vectorized(pow, 2, 4)(np.array([2.0, -2.0, 0.0]), np.array([0.5, 3.0, -1.0]))
array([ 1.41421356, -8.        ,         inf])
"""

from __future__ import annotations

from .code import Code
from .elementary_base import SIGN, at_most, bounded, even_odd, fast_two_sum, quotient, root
from .elementary_exp import LN2, LN2_REST, exponential
from .elementary_log import parts

__all__ = ["cbrt", "hypot", "pow"]

# scripts/minimax.py pow: ((2 * atanh(s) / s - 2) / z - 2/3) / z with z = s**2 <= 0.04, error 2**-69.0 of the logarithm
POW = (
    0.39999999999999725, 0.28571428571577334, 0.2222222219124317, 0.1818182152662569, 0.15384406608965567,
    0.13341145985541192, 0.11592330446460514, 0.12571635360486302,
)  # fmt: skip

# scripts/minimax.py cbrt: m ** (-1/3) for 3/4 <= m <= 3/2, error 2**-14.7 of it
CBRT = (
    1.8380780641826786, -1.7212202649647343, 1.3608366674887005, -0.5771862644036192, 0.09945419060180527,
)  # fmt: skip
TWO_THIRDS, TWO_THIRDS_LOW = 0.6666666666666666, 3.700743415417188e-17
CBRT_2, CBRT_HALF = 1.2599210498948732, 0.7937005259840998
INF, NAN, TINY = float("inf"), float("nan"), 2.0**-40


def _log(code: Code, size: int) -> tuple[int, int]:
    """log(size), for size >= 0, in two parts with about 64 bits: twice the odd series of s = f / (2 + f), two terms of it in two parts."""
    c = code.const
    k, m = parts(code, size)
    f, below = code.fsub(m, c(1.0)), code.fadd(m, c(1.0))
    s, s_low = quotient(code, f, None, below, code.fsub(m, code.fsub(below, c(1.0))))
    z = code.fmul(s, s)
    z_low = code.fma(code.fadd(s, s), s_low, code.fma(s, s, code.fneg(z)))
    # (2/3 + z * P(z)) * s**3
    series = even_odd(code, z, POW)
    t = code.fmul(z, series)
    t_low = code.fma(z_low, series, code.fma(z, series, code.fneg(t)))
    q, q_low = fast_two_sum(code, c(TWO_THIRDS), t)
    q_low = code.fadd(code.fadd(q_low, c(TWO_THIRDS_LOW)), t_low)
    cube = code.fmul(z, s)
    cube_low = code.fma(z_low, s, code.fma(z, s_low, code.fma(z, s, code.fneg(cube))))
    term = code.fmul(cube, q)
    low = code.fma(cube_low, q, code.fma(cube, q_low, code.fma(cube, q, code.fneg(term))))
    # + k * log(2) + 2 * s
    low = code.fadd(code.fma(k, c(LN2_REST), code.fadd(s_low, s_low)), low)
    large, small = fast_two_sum(code, code.fmul(k, c(LN2)), code.fadd(s, s))
    large, smaller = fast_two_sum(code, large, term)
    low = code.fadd(code.fadd(small, smaller), low)
    return fast_two_sum(code, large, at_most(code, low, 1.0))  # low is nan where k is infinite, and large is right


def pow(code: Code, x: int, y: int) -> int:
    """x**y with the special cases of C: e**(y * log|x|), the logarithm and the product in two parts, and the sign of x for odd y."""
    c = code.const
    high, low = _log(code, code.fabs(x))
    z = bounded(code, y, -(2.0**100), 2.0**100)  # even; beyond it there are only 0, 1 and inf
    product = code.fmul(z, high)
    rest = code.fma(z, low, code.fma(z, high, code.fneg(product)))
    # it is smaller than that where it counts, and nan where the product is infinite
    rest = bounded(code, at_most(code, rest, TINY), -TINY, TINY)
    n, large, small = exponential(code, bounded(code, product, -746.0, 710.0), rest)
    value = code.scale(code.fadd(large, small), n)

    # half of y less an integer is 1/2 or -1/2 for odd y, and 0 for even ones, of which a bit differs
    half = code.fmul(z, c(0.5))
    fraction = code.fcmp("one", code.fsub(z, code.roundeven(z)), c(0.0))
    odd = code.iop("shl", code.bits(code.fsub(half, code.roundeven(half))), c(2, "i64"))
    sign = code.iop("and", code.iop("and", odd, code.bits(x)), c(SIGN, "i64"))
    value = code.float_of_bits(code.iop("xor", code.bits(value), code.select(fraction, c(0, "i64"), sign)))
    finite = code.iop("sub", code.bits(x), c(SIGN + 1, "i64"))
    negative = code.icmp("ult", finite, c(0x7FEFFFFFFFFFFFFF, "i64"))  # neither -0 nor -inf
    value = code.select(code.iop("and", negative, fraction), c(NAN), value)
    one = code.iop("or", code.fcmp("oeq", y, c(0.0)), code.fcmp("oeq", x, c(1.0)))  # even of nan
    return code.select(one, c(1.0), value)


def cbrt(code: Code, x: int) -> int:
    """The cube root: a polynomial for m**(-1/3), one step for that, and one for the root by what its cube lacks."""
    c = code.const
    size = code.fabs(x)
    k, m = parts(code, size)
    q = code.roundeven(code.fmul(k, c(1 / 3)))
    j = code.fma(q, c(-3.0), k)  # -1, 0 or 1, for which the next line gives 2**(-j / 3)
    factor = code.fma(code.fma(j, c((CBRT_2 + CBRT_HALF) / 2 - 1), c((CBRT_HALF - CBRT_2) / 2)), j, c(1.0))
    inverse = code.fmul(even_odd(code, m, CBRT), factor)
    m = code.scale(m, j)
    error = code.fma(code.fneg(m), code.fmul(code.fmul(inverse, inverse), inverse), c(1.0))
    step = code.fma(error, c(2 / 9), c(1 / 3))
    inverse = code.fma(code.fmul(inverse, error), step, inverse)
    slope = code.fmul(inverse, inverse)
    value = code.fmul(m, slope)
    square = code.fmul(value, value)
    square_low = code.fma(value, value, code.fneg(square))
    minus = code.fneg(value)
    lacking = code.fma(minus, square_low, code.fma(minus, square, m))
    value = code.scale(code.fma(code.fmul(lacking, c(1 / 3)), slope, value), q)
    return code.copysign(code.select(code.fcmp("olt", code.fabs(k), c(INF)), value, size), x)


def hypot(code: Code, x: int, y: int) -> int:
    """sqrt(x**2 + y**2) without overflow on the way; inf where one is infinite, even beside nan."""
    c = code.const
    a, b = code.fabs(x), code.fabs(y)
    ahead = code.fcmp("ogt", a, b)
    top, bottom = code.select(ahead, a, b), code.select(ahead, b, a)
    n = code.exponent(top)
    n = code.select(code.fcmp("ogt", n, c(-1100.0)), n, c(-1100.0))  # where both are 0
    minus = code.fneg(n)
    u, v = code.scale(top, minus), code.scale(bottom, minus)
    square, other = code.fmul(u, u), code.fmul(v, v)
    low = code.fadd(code.fma(u, u, code.fneg(square)), code.fma(v, v, code.fneg(other)))
    total, rest = fast_two_sum(code, square, other)
    value = code.scale(code.fadd(*root(code, total, code.fadd(rest, low))), n)
    infinite = code.iop("or", code.fcmp("oeq", a, c(INF)), code.fcmp("oeq", b, c(INF)))
    return code.select(infinite, c(INF), value)
