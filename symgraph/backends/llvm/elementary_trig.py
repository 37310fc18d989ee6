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
from .elementary_base import SHIFT, SIGN, even_odd, even_odd_of, fast_two_sum, quotient

__all__ = ["cos", "sin", "tan"]

LIMIT = 2.0**21
TWO_OVER_PI = 0.6366197723675814
HALF_PI = (1.5707963267948966, 6.12323399667708e-17, -9.403137205957857e-27)  # 53, 32 and 53 bits: pi/2

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
    """Instructions for |x| - n * pi/2, n the nearest integer.

    Attributes:
        size: |x|.
        quadrant: an integer whose low bits are those of n.
        r, low: the reduced argument as a sum.
        near, rest: 1 - r**2/2 as a sum.
    """

    size: int
    quadrant: int
    r: int
    low: int
    near: int
    rest: int


def reduced(code: Code, x: int) -> Reduced:
    """The argument between -pi/4 and pi/4.

    The first step is exact: n * pi/2's first part and |x| are multiples of one power of two, and so is their small difference.
    """
    size = code.fabs(x)
    shifted = code.fma(size, code.const(TWO_OVER_PI), code.const(SHIFT))
    n = code.fsub(shifted, code.const(SHIFT))
    first = code.fma(n, code.const(-HALF_PI[0]), size)
    # the product with the second part has 53 bits, and `first` is a multiple of its last place: so `low` is all that r lacks
    r = code.fma(n, code.const(-HALF_PI[1]), first)
    low = code.fma(n, code.const(-HALF_PI[1]), code.fsub(first, r))
    low = code.fma(n, code.const(-HALF_PI[2]), low)
    half = code.fmul(r, code.const(-0.5))
    near = code.fma(half, r, code.const(1.0))  # rounded once, so that its error is known
    rest = code.fma(half, r, code.fsub(code.const(1.0), near))
    return Reduced(size, code.bits(shifted), r, low, near, rest)


def waves(code: Code, there: Reduced) -> tuple[tuple[int, int], tuple[int, int]]:
    """Sine and cosine of a reduced argument, each as a large and a small part."""
    z = code.fmul(there.r, there.r)
    sine = code.fma(code.fmul(z, there.r), even_odd(code, z, SIN), there.low)
    shift = code.fma(there.low, code.fneg(there.r), there.rest)
    cosine = code.fma(code.fmul(z, z), even_odd(code, z, COS), shift)
    return (there.r, sine), (there.near, cosine)


def wave(code: Code, there: Reduced, odd: int, shared: bool) -> int:
    """The cosine of a reduced argument where `odd`, else its sine: the same, bit for bit, whether `shared` or not.

    One polynomial, whose coefficients are chosen lane by lane, is cheaper than two of them, but dearer where the other one is wanted too.
    """
    if shared:
        sine, cosine = waves(code, there)
        return code.select(odd, code.fadd(*cosine), code.fadd(*sine))
    z = code.fmul(there.r, there.r)
    shift = code.select(odd, code.fma(there.low, code.fneg(there.r), there.rest), there.low)
    scale = code.fmul(z, code.select(odd, z, there.r))
    terms = [code.select(odd, code.const(c), code.const(s)) for c, s in zip(COS, SIN, strict=True)]
    return code.fadd(code.select(odd, there.near, there.r), code.fma(scale, even_odd_of(code, z, terms), shift))


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


def sin(code: Code, x: int, shared: bool = False) -> int:
    """Sine; the sign of a zero is kept, infinities give nan. It is `shared` where the cosine of x is wanted too."""
    there = reduced(code, x)
    value = wave(code, there, _bit(code, there.quadrant, 1), shared)
    return code.rare(_beyond(code, there.size), "c_sin", _signed(code, value, there.quadrant, x), x)


def cos(code: Code, x: int, shared: bool = False) -> int:
    """Cosine; infinities give nan. It is `shared` where the sine of x is wanted too."""
    there = reduced(code, x)
    turns = code.iop("add", there.quadrant, code.const(1, "i64"))
    value = wave(code, there, _bit(code, turns, 1), shared)
    return code.rare(_beyond(code, there.size), "c_cos", _signed(code, value, turns), x)


def tan(code: Code, x: int) -> int:
    """Tangent; the sign of a zero is kept, infinities give nan.

    The quotient of the two sums, from one reciprocal and a correction by what it leaves.
    """
    there = reduced(code, x)
    odd = _bit(code, there.quadrant, 1)
    sine, cosine = (fast_two_sum(code, *sum_) for sum_ in waves(code, there))
    above, above_low = (code.select(odd, c, s) for s, c in zip(sine, cosine, strict=True))
    below, below_low = (code.select(odd, s, c) for s, c in zip(sine, cosine, strict=True))
    value = code.fadd(*quotient(code, above, above_low, below, below_low))
    turns = code.iop("shl", there.quadrant, code.const(1, "i64"))
    return code.rare(_beyond(code, there.size), "c_tan", _signed(code, value, turns, x), x)
