"""The gamma function and its logarithm as straight-line instructions.

The logarithm comes as a sum of two doubles: from piecewise polynomials up to `LOW`, from Stirling's series beyond, whose logarithm has 10 bits more
than a double. The gamma function is its exponential.

>>> import numpy as np
>>> from symgraph.backends.llvm.testing import vectorized
>>> vectorized(gamma, 1, 4)(np.array([5.0, 0.5, -0.5, 172.0]))
array([24.        ,  1.77245385, -3.5449077 ,         inf])
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .code import Code
from .elementary_base import SHIFT, bounded, even_odd, fast_two_sum, quotient
from .elementary_erf import piecewise
from .elementary_exp import LN2, LN2_REST, exponential
from .rows_gamma import LGAMMA, LGAMMA_AT, LOG_LARGE, LOG_RECIPROCALS, LOG_SMALL

__all__ = ["gamma", "lgamma"]

FIRST, LOW = 0.875, 4.875
TINY = 2.0**-1024  # up to there the reciprocal is infinite
PI = (math.pi, 1.2246467991473532e-16)
SERIES = (0.4189385332046727, 1.6728209650585413e-17)  # log(2 * pi) / 2 - 1/2

# scripts/minimax.py STIRLING: error 2**-59.0 (2**-59.1 before rounding)
STIRLING = (
    0.08333333333333319, -0.00277777777761022, 0.0007936507363909474, -0.0005952292545391017, 0.0008410183352559533,
    -0.0018823062673769505, 0.005398787147446425, -0.012212877669171772,
)  # fmt: skip

# scripts/minimax.py LOG1P: error 2**-65.0 (2**-65.3 before rounding)
LOG1P = (
    -0.5000000000000003, 0.33333333333333576, -0.2499999999983082, 0.19999999999365015, -0.16666666950383038,
    0.14285714936853097, -0.12499792878957745, 0.11110784456070578, -0.10068326041844639, 0.09171091766861902,
)  # fmt: skip

# scripts/minimax.py SINPI: error 2**-60.6 (2**-61.6 before rounding)
SINPI = (
    -5.167712780049969, 2.550164039877269, -0.5992645293177657, 0.08214588655281153, -0.007370430321821408,
    0.0004662989053678887, -2.1901172949826084e-05, 7.673888324056837e-07,
)  # fmt: skip


def logarithm(code: Code, x: int) -> tuple[int, int]:
    """log(x) as a large and a small part, to about 2**-63, for positive x that are not next to 1.

    x = 2**k * m and m = (1 + f) / c, with a table's c of 5 bits, so that f has no error; nor has k * log(2) - log(c), but for known low parts.
    """
    c = code.const
    m, k = code.mantissa(x), code.exponent(x)
    m = code.select(code.fcmp("olt", m, c(1.0)), code.fadd(m, m), m)
    index = code.iop("lshr", code.bits(m), c(48, "i64"))
    f = code.fma(m, code.table(index, LOG_RECIPROCALS), c(-1.0))
    large, small = fast_two_sum(code, code.fma(k, c(LN2), code.table(index, LOG_LARGE)), f)
    rest = code.fma(k, c(LN2_REST), code.fadd(small, code.table(index, LOG_SMALL)))
    return fast_two_sum(code, large, code.fma(code.fmul(f, f), even_odd(code, f, LOG1P), rest))


class Logarithm(NamedTuple):
    """Instructions for a positive number a.

    Attributes:
        low: whether a < 7/8.
        log, log_small: log(a), as a sum, unless a is between 7/8 and `LOW`.
        value, small: lgamma(a), or where `low` lgamma(a + 1), as a sum.
    """

    low: int
    log: int
    log_small: int
    value: int
    small: int


def _logarithm(code: Code, a: int) -> Logarithm:
    c = code.const
    low, far = code.fcmp("olt", a, c(FIRST)), code.fcmp("oge", a, c(LOW))
    log, log_small = logarithm(code, a)
    # between: the polynomial of the nearest quarter
    shift = code.select(low, c(1.0), c(0.0))
    shifted = code.fma(code.fadd(bounded(code, a, 0.0, LOW), shift), c(4.0), c(SHIFT))
    centre = code.fmul(code.fsub(shifted, c(SHIFT)), c(0.25))
    t = code.fsub(bounded(code, a, 0.0, LOW), code.fsub(centre, shift))
    near = code.table(code.bits(shifted), LGAMMA_AT)
    near_small = piecewise(code, code.bits(shifted), t, LGAMMA)
    # beyond: (a - 1/2) * (log(a) - 1) + (log(2 pi) - 1) / 2 + R(1 / a**2) / a
    half, less = code.fsub(a, c(0.5)), code.fsub(log, c(1.0))
    product = code.fmul(half, less)
    error = code.fma(half, log_small, code.fma(half, less, code.fneg(product)))
    inverse = code.fdiv(c(1.0), a)
    rest = code.fma(inverse, even_odd(code, code.fmul(inverse, inverse), STIRLING), c(SERIES[1]))
    value, small = fast_two_sum(code, product, c(SERIES[0]))
    value, small = code.select(far, value, near), code.select(far, code.fadd(small, code.fadd(error, rest)), near_small)
    return Logarithm(low, log, log_small, *fast_two_sum(code, value, small))


def _times(code: Code, a: int, a_low: int, b: int, b_low: int | None = None) -> tuple[int, int]:
    """The product of two sums; without b_low, of a sum and a number."""
    product = code.fmul(a, b)
    error = code.fma(a_low, b, code.fma(a, b, code.fneg(product)))
    return product, error if b_low is None else code.fma(a, b_low, error)


def _sine(code: Code, a: int) -> tuple[int, int]:
    """sin(pi * a) for a >= 0, as a sum."""
    c = code.const
    whole = code.roundeven(a)
    f = code.fsub(a, whole)
    half = code.fmul(whole, c(0.5))
    f = code.select(code.fcmp("une", half, code.floor(half)), code.fneg(f), f)
    z = code.fmul(f, f)
    large = code.fmul(f, c(PI[0]))
    error = code.fma(f, c(PI[0]), code.fneg(large))
    return fast_two_sum(code, large, code.fma(f, code.fma(z, even_odd(code, z, SINPI), c(PI[1])), error))


def gamma(code: Code, x: int) -> int:
    """The gamma function: infinite at 0 with the sign of the zero, nan at the negative integers and at -inf.

    For negative numbers -pi / (a * sin(pi * a) * gamma(a)) with a = -x.
    """
    c = code.const
    size = code.fabs(x)
    a = bounded(code, size, 0.0, 200.0)
    there = _logarithm(code, a)
    n, large, small = exponential(code, there.value, there.small)
    value, small = fast_two_sum(code, large, small)  # gamma(a), or where `low` gamma(a + 1), which is a * gamma(a)
    sine, sine_low = _sine(code, size)
    reflected, reflected_low = _times(
        code, *_times(code, value, small, sine, sine_low), code.select(there.low, c(1.0), a)
    )
    negative, zero = code.icmp("slt", code.bits(x), c(0, "i64")), c(0.0)
    above, above_low = code.select(negative, c(-PI[0]), value), code.select(negative, c(-PI[1]), small)
    below = code.select(negative, reflected, code.select(there.low, a, c(1.0)))
    below_low = code.select(negative, reflected_low, zero)
    n = code.select(negative, code.fneg(n), n)
    result = code.scale(code.fadd(*quotient(code, above, above_low, below, below_low)), n)
    return code.select(code.fcmp("ole", size, c(TINY)), code.copysign(c(math.inf), x), result)


def lgamma(code: Code, x: int) -> int:
    """The logarithm of the absolute value of the gamma function: inf at its poles, as scipy.special.gammaln -inf at -inf.

    Negative numbers go to the C library.
    """
    c = code.const
    a = code.fabs(x)
    there = _logarithm(code, a)
    value = code.fadd(there.value, there.small)
    lower = code.fsub(code.fsub(value, there.log), there.log_small)
    value = code.select(there.low, lower, value)
    beyond = code.iop("and", code.fcmp("ogt", a, c(2.5e305)), code.isnan(value))  # parts of an infinite sum cancel
    infinite = code.iop("or", beyond, code.fcmp("oeq", a, c(0.0)))
    value = code.select(infinite, c(math.inf), value)
    value = code.select(code.fcmp("oeq", x, c(-math.inf)), c(-math.inf), value)
    negative = code.iop("and", code.fcmp("olt", x, c(0.0)), code.fcmp("one", x, c(-math.inf)))
    return code.rare(negative, "c_lgamma", value, x)
