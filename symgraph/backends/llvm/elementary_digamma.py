"""The digamma function as straight-line instructions.

>>> import numpy as np
>>> from symgraph.backends.llvm.testing import vectorized
>>> vectorized(digamma, 1, 4)(np.array([1.0, 10.0, -0.5, -1.0]))
array([-0.57721566,  2.25175259,  0.03648997,         nan])
"""

from __future__ import annotations

import math

from .code import Code
from .elementary_base import SHIFT, bounded, even_odd, fast_two_sum, two_sum
from .elementary_erf import piecewise
from .elementary_gamma import FIRST, LOW, TINY, logarithm
from .rows_digamma import DIGAMMA, DIGAMMA_AT, DIGAMMA_CENTRES

__all__ = ["digamma"]

# scripts/minimax.py PSI_SERIES: error 2**-58.4 (2**-58.4 before rounding)
PSI_SERIES = (
    0.08333333333332682, -0.008333333328165009, 0.003968252560954058, -0.004166479901527938, 0.0075618499205307365,
    -0.020473002692017413, 0.06639980991422761, -0.15844970672690908,
)  # fmt: skip

# scripts/minimax.py COTANGENT: error 2**-56.6 (2**-56.7 before rounding)
COTANGENT = (
    3.2898681336964533, 2.1646464674219934, 2.0346861240250753, 2.00815470732592, 2.001989406886968,
    2.00048403428023, 2.0002951590797178, 1.9974800000813202, 2.026861793175816, 1.7963989187902811,
    3.109264856099897, -2.2704365364637256, 13.173794357390353, -16.301454298468627, 17.2804731129726,
)  # fmt: skip


def _cotangent(code: Code, a: int) -> tuple[int, int]:
    """pi * cot(pi * a) as a sum: the reciprocal of the distance f from the nearest integer, with what it lacks, and a polynomial; nan at integers."""
    c = code.const
    f = code.fsub(a, code.roundeven(a))
    pole = code.fdiv(c(1.0), f)
    z = code.fmul(f, f)
    rest = code.fma(code.fneg(f), even_odd(code, z, COTANGENT), code.fmul(code.fma(code.fneg(pole), f, c(1.0)), pole))
    return code.select(code.fcmp("oeq", f, c(0.0)), c(math.nan), pole), rest


def digamma(code: Code, x: int) -> int:
    """The logarithmic derivative of the gamma function: nan at the negative integers and at -inf, infinite at 0.

    Piecewise polynomials (one of them in the distance from the root, so that it keeps its digits) up to `LOW`, the asymptotic series beyond,
    and digamma(-a) = digamma(a) + 1/a + pi * cot(pi * a).
    """
    c = code.const
    a = code.fabs(x)
    low, far = code.fcmp("olt", a, c(FIRST)), code.fcmp("oge", a, c(LOW))
    negative = code.icmp("slt", code.bits(x), c(0, "i64"))
    inverse = code.fdiv(c(1.0), a)
    # digamma(a), or where `low` digamma(a + 1), which is digamma(a) + 1/a
    shift, bound = code.select(low, c(1.0), c(0.0)), bounded(code, a, 0.0, LOW)
    piece = code.bits(code.fma(code.fadd(bound, shift), c(4.0), c(SHIFT)))
    t = code.fsub(bound, code.fsub(code.table(piece, DIGAMMA_CENTRES), shift))
    near, near_small = code.table(piece, DIGAMMA_AT), piecewise(code, piece, t, DIGAMMA)
    log, log_small = logarithm(code, a)
    w = code.fmul(inverse, inverse)
    large, small = fast_two_sum(code, log, code.fmul(inverse, c(-0.5)))
    small = code.fadd(small, code.fma(code.fneg(w), even_odd(code, w, PSI_SERIES), log_small))
    value, small = fast_two_sum(code, code.select(far, large, near), code.select(far, small, near_small))
    # what is added to it: nothing or -1/a to the right, the cotangent with or without 1/a to the left
    right = code.select(low, code.fsub(value, inverse), value)
    pole, rest = _cotangent(code, a)
    left, error = two_sum(code, value, pole)
    rest = code.fadd(code.fadd(small, error), code.select(low, rest, code.fadd(rest, inverse)))
    value = code.select(negative, code.fadd(left, rest), right)
    value = code.select(code.fcmp("oeq", x, c(math.inf)), x, value)
    return code.select(code.fcmp("ole", a, c(TINY)), code.copysign(c(math.inf), code.fneg(x)), value)
