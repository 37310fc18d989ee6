"""Sine, cosine and tangent as straight-line instructions.

The argument is reduced by multiples of pi/2, in three parts, exactly where that matters (W. J. Cody and W. Waite, Software Manual for the
Elementary Functions, 1980, with fused multiply-adds as in J.-M. Muller et al., Handbook of Floating-Point Arithmetic, 11.2). What is left is a sum
of two doubles in [-pi/4, pi/4], on which both functions are polynomials; so the sine and the cosine of one argument have all of it in common.
Beyond `LIMIT` the C library takes over.

>>> import numpy as np
>>> from symgraph.backends.llvm.testing import vectorized
>>> vectorized(sin, 1, 4)(np.array([0.5, 1e300])).tolist() == [0.479425538604203, -0.8178819121159085]
True
"""

from __future__ import annotations

from typing import NamedTuple

from .code import Code
from .elementary_base import SHIFT, SIGN, fast_two_sum, quotient

__all__ = ["cos", "sin", "tan"]

LIMIT = 2.0**30
TWO_OVER_PI = 0.6366197723675814
HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33)  # their sum is pi/2

# scripts/minimax.py SIN: error 2**-57.9 (2**-57.9 before rounding)
SIN = (
    -0.1666666666666663, 0.008333333333321842, -0.00019841269829361049, 2.755731353977485e-06,
    -2.5050734651688583e-08, 1.589545273072558e-10,
)  # fmt: skip

# scripts/minimax.py COS: error 2**-63.9 (2**-64.0 before rounding)
COS = (
    0.041666666666666595, -0.001388888888887334, 2.480158728899979e-05, -2.7557314216174416e-07,
    2.087570525666773e-09, -1.1358741090082887e-11,
)  # fmt: skip


class Reduced(NamedTuple):
    """Instructions for an argument: its absolute value, the quadrant (an integer, of which the low bits count), sine and cosine there as sums."""

    size: int
    quadrant: int
    sine: tuple[int, int]
    cosine: tuple[int, int]


def reduced(code: Code, x: int) -> Reduced:
    """Sine and cosine of |x| - n * pi/2, each as a large and a small part, where n is the nearest integer.

    The first step is exact: n * pi/2's first part and |x| are multiples of one power of two, and so is their small difference.
    """
    size = code.fabs(x)
    shifted = code.fma(size, code.const(TWO_OVER_PI), code.const(SHIFT))
    n = code.fsub(shifted, code.const(SHIFT))
    first = code.fma(n, code.const(-HALF_PI[0]), size)
    second = code.fmul(n, code.const(-HALF_PI[1]))
    r, low = fast_two_sum(code, first, second)  # exact although `first` may be small: it is a multiple of the other's last place
    low = code.fadd(low, code.fma(n, code.const(-HALF_PI[1]), code.fneg(second)))
    low = code.fma(n, code.const(-HALF_PI[2]), low)
    z = code.fmul(r, r)
    # 1 - r**2/2 is rounded once, and its error is known
    half = code.fmul(r, code.const(-0.5))
    near = code.fma(half, r, code.const(1.0))
    rest = code.fma(half, r, code.fsub(code.const(1.0), near))
    rest = code.fma(code.fmul(z, z), code.estrin(z, COS), rest)
    rest = code.fma(low, code.fneg(r), rest)
    small = code.fma(code.fmul(r, z), code.estrin(z, SIN), code.fmul(low, near))
    return Reduced(size, code.bits(shifted), (r, small), (near, rest))


def _bit(code: Code, value: int, bit: int) -> int:
    """Whether a bit of an integer is set."""
    return code.icmp("ne", code.iop("and", value, code.const(bit, "i64")), code.const(0, "i64"))


def _signed(code: Code, value: int, turns: int, x: int | None = None) -> int:
    """`value`, negated where `turns` has the bit 2, and once more where x is negative."""
    flip = code.iop("and", code.iop("shl", turns, code.const(62, "i64")), code.const(SIGN, "i64"))
    if x is not None:
        flip = code.iop("xor", flip, code.iop("and", code.bits(x), code.const(SIGN, "i64")))
    return code.float_of_bits(code.iop("xor", code.bits(value), flip))


def _beyond(code: Code, size: int) -> int:
    return code.fcmp("ogt", size, code.const(LIMIT))


def sin(code: Code, x: int) -> int:
    """Sine; the sign of a zero is kept, infinities give nan."""
    there = reduced(code, x)
    sine, cosine = code.fadd(*there.sine), code.fadd(*there.cosine)
    value = code.select(_bit(code, there.quadrant, 1), cosine, sine)
    value = _signed(code, value, there.quadrant, x)
    return code.rare(_beyond(code, there.size), "c_sin", value, x)


def cos(code: Code, x: int) -> int:
    """Cosine; infinities give nan."""
    there = reduced(code, x)
    sine, cosine = code.fadd(*there.sine), code.fadd(*there.cosine)
    value = code.select(_bit(code, there.quadrant, 1), sine, cosine)
    value = _signed(code, value, code.iop("add", there.quadrant, code.const(1, "i64")))
    return code.rare(_beyond(code, there.size), "c_cos", value, x)


def tan(code: Code, x: int) -> int:
    """Tangent; the sign of a zero is kept, infinities give nan.

    The quotient of the two sums, from one reciprocal and a correction by what it leaves.
    """
    there = reduced(code, x)
    odd = _bit(code, there.quadrant, 1)
    above = code.select(odd, there.cosine[0], there.sine[0])
    below = code.select(odd, there.sine[0], there.cosine[0])
    above_low = code.select(odd, there.cosine[1], there.sine[1])
    below_low = code.select(odd, there.sine[1], there.cosine[1])
    above, above_low = fast_two_sum(code, above, above_low)
    below, below_low = fast_two_sum(code, below, below_low)
    value = code.fadd(*quotient(code, above, above_low, below, below_low))
    turns = code.iop("shl", there.quadrant, code.const(1, "i64"))
    return code.rare(_beyond(code, there.size), "c_tan", _signed(code, value, turns, x), x)
