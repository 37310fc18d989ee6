"""Inverse sine, cosine and tangent as straight-line instructions.

>>> import numpy as np
>>> from symgraph.backends.llvm.testing import vectorized
>>> vectorized(atan2, 2, 4)(np.array([0.0, -0.0]), np.array([-0.0, -1.0]))
array([ 3.14159265, -3.14159265])
"""

from __future__ import annotations

from .code import Code
from .elementary_base import even_odd, fast_two_sum, quotient

__all__ = ["acos", "asin", "atan", "atan2"]

PI = (3.141592653589793, 1.2246467991473532e-16)
HALF_PI = (PI[0] / 2, PI[1] / 2)
QUARTER_PI = (PI[0] / 4, PI[1] / 4)  # the first part ends in three zero bits: its multiples below are exact
TAN_EIGHTH = 0.4142135623730951  # tan(pi/8)
RECIPROCAL = 0x7FDE623822FC16E6  # less the bits of a positive double, the bits of about its reciprocal

# scripts/minimax.py ATAN: error 2**-59.4 (2**-59.4 before rounding)
ATAN = (
    -0.333333333333332, 0.19999999999953663, -0.1428571428019823, 0.11111110783418153, -0.09090897755220287,
    0.07692060167350796, -0.06663103589934323, 0.058478869652708335, -0.05039299626137908, 0.0380645834579572,
    -0.01790740714154087,
)  # fmt: skip

# scripts/minimax.py ASIN: error 2**-55.8 (2**-55.9 before rounding)
ASIN = (
    0.16666666666665408, 0.07500000000337137, 0.04464285682823522, 0.030381959140289815, 0.02237175798311844,
    0.01735970562830351, 0.01388522785376905, 0.012169259365361562, 0.006527765258867863, 0.019528869297964404,
    -0.016225246237509122, 0.03191296149382707,
)  # fmt: skip


def arc(code: Code, small: int, large: int, base: int, middle: int, minus: int) -> int:
    """base * pi/4 + atan(small / large), or, where the condition `minus` holds, less that, for 0 <= small <= large and base of 0.0, 2.0 or 4.0.

    Beyond tan(pi/8) the argument is turned by pi/4: atan(s/l) = pi/4 - atan((l - s) / (l + s)); `middle` is the base there. The quotient has a
    low part.
    """
    turned = code.fcmp("ogt", small, code.fmul(large, code.const(TAN_EIGHTH)))
    difference, above_low = fast_two_sum(code, large, code.fneg(small))
    total, below_low = fast_two_sum(code, large, small)
    zero = code.const(0.0)
    t, low = quotient(
        code,
        code.select(turned, difference, small),
        code.select(turned, above_low, zero),
        code.select(turned, total, large),
        code.select(turned, below_low, zero),
    )
    minus = code.iop("xor", minus, turned)
    t, low = (code.select(minus, code.fneg(part), part) for part in (t, low))
    base = code.select(turned, middle, base)
    z = code.fmul(t, t)
    low = code.fma(code.fmul(t, z), even_odd(code, z, ATAN), low)
    value, error = fast_two_sum(code, code.fmul(base, code.const(QUARTER_PI[0])), t)  # t is smaller, or base is 0
    return code.fadd(value, code.fadd(code.fma(base, code.const(QUARTER_PI[1]), error), low))


def atan(code: Code, x: int) -> int:
    """Inverse tangent; the sign of a zero is kept, infinities give pi/2."""
    size, one = code.fabs(x), code.const(1.0)
    inverted = code.fcmp("ogt", size, one)
    # beyond 2**100 the result is pi/2, and the reciprocal of a larger number might be subnormal, or infinity's times it nan
    limited = code.select(code.fcmp("ogt", size, code.const(2.0**100)), code.const(2.0**100), size)
    small, large = code.select(inverted, one, size), code.select(inverted, limited, one)
    base = code.select(inverted, code.const(2.0), code.const(0.0))
    return code.copysign(arc(code, small, large, base, one, inverted), x)


def atan2(code: Code, y: int, x: int) -> int:
    """The angle of the point (x, y), between -pi and pi: as IEEE 754 says for signed zeros and infinities."""
    up, right = code.fabs(y), code.fabs(x)
    one, zero = code.const(1.0), code.const(0.0)
    steep = code.fcmp("ogt", up, right)
    small, large = code.select(steep, right, up), code.select(steep, up, right)
    # infinity is as good as 1 beside 0 (or beside 1, if both are), and so is 0 beside 0
    infinite = code.fcmp("oeq", large, code.const(float("inf")))
    both = code.fcmp("oeq", small, code.const(float("inf")))
    small = code.select(infinite, code.select(both, one, code.fmul(small, zero)), small)
    large = code.select(code.iop("or", infinite, code.fcmp("oeq", large, zero)), one, large)
    # numbers of medium size: neither the sum nor a reciprocal nor what a quotient leaves is out of range
    scale = code.select(code.fcmp("olt", large, code.const(2.0**100)), code.const(2.0**600), one)
    scale = code.select(code.fcmp("ogt", large, code.const(2.0**900)), code.const(2.0**-200), scale)
    small, large = code.fmul(small, scale), code.fmul(large, scale)
    left = code.icmp("slt", code.bits(x), code.const(0, "i64"))
    base = code.select(steep, code.const(2.0), code.select(left, code.const(4.0), zero))
    middle = code.select(left, code.const(3.0), one)
    return code.copysign(arc(code, small, large, base, middle, code.iop("xor", steep, left)), y)


def _inverse_sine(code: Code, x: int) -> tuple[int, int, int]:
    """Whether |x| > 1/2, and s and r with asin(...) = s + r, where s is |x| or there sqrt((1 - |x|) / 2)."""
    size = code.fabs(x)
    outer = code.fcmp("ogt", size, code.const(0.5))
    half = code.fma(size, code.const(-0.5), code.const(0.5))  # exact there
    z = code.select(outer, half, code.fmul(size, size))
    root = code.sqrt(half)
    # the root's low part is (half - root**2) / (2 root): two digits of it do, so that no division is needed
    about = code.float_of_bits(code.iop("sub", code.const(RECIPROCAL, "i64"), code.bits(root)))
    about = code.fmul(about, code.fma(code.fneg(root), about, code.const(2.0)))
    low = code.fmul(code.fmul(code.fma(code.fneg(root), root, half), code.const(0.5)), about)
    s = code.select(outer, root, size)
    low = code.select(outer, low, code.const(0.0))
    r = code.fma(code.fmul(s, z), even_odd(code, z, ASIN), low)
    return outer, s, r


def asin(code: Code, x: int) -> int:
    """Inverse sine; the sign of a zero is kept, nan beyond [-1, 1]. Beyond 1/2, pi/2 - 2 asin(sqrt((1 - |x|) / 2))."""
    outer, s, r = _inverse_sine(code, x)
    minus_two = code.const(-2.0)
    value, error = fast_two_sum(code, code.const(HALF_PI[0]), code.fmul(s, minus_two))
    far = code.fadd(value, code.fma(r, minus_two, code.fadd(error, code.const(HALF_PI[1]))))
    return code.copysign(code.select(outer, far, code.fadd(s, r)), x)


def acos(code: Code, x: int) -> int:
    """Inverse cosine; nan beyond [-1, 1].

    pi/2 - asin(x) in the middle, 2 asin(sqrt((1 - |x|) / 2)) to the right, and pi less that to the left.
    """
    outer, s, r = _inverse_sine(code, x)
    left = code.icmp("slt", code.bits(x), code.const(0, "i64"))
    # base + factor * (s + r)
    factor = code.select(outer, code.const(2.0), code.const(-1.0))
    factor = code.select(left, code.fneg(factor), factor)
    zero = code.const(0.0)
    there = (code.select(left, code.const(PI[k]), zero) for k in (0, 1))
    base, base_low = (code.select(outer, p, code.const(HALF_PI[k])) for k, p in enumerate(there))
    value, error = fast_two_sum(code, base, code.fmul(s, factor))
    return code.fadd(value, code.fma(r, factor, code.fadd(error, base_low)))
