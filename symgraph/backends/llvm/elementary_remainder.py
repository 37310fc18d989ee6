"""The remainder of a division as straight-line instructions.

>>> import numpy as np
>>> from symgraph.backends.llvm.testing import vectorized
>>> vectorized(remainder, 2, 4)(np.array([5.5, -5.5, 5.5]), np.array([2.0, 2.0, -2.0]))
array([ 1.5,  0.5, -0.5])
"""

from __future__ import annotations

from .code import Code

__all__ = ["remainder"]


def remainder(code: Code, x: int, y: int) -> int:
    """x - floor(x / y) * y, which is 0 or has the sign of y: as numpy.remainder, exact but for the one rounding that a small negative x needs.

    The rounded quotient is one too large at most, which the sign of what is left tells (C. Daramy-Loirat et al.; with |x / y| < 2**53 the
    difference is representable). Larger quotients and infinite y go to the C library.
    """
    zero = code.const(0.0)
    ratio = code.fdiv(x, y)
    common = code.fma(code.fneg(code.floor(ratio)), y, x)
    far = code.iop(
        "or",
        code.fcmp("oge", code.fabs(ratio), code.const(2.0**53)),
        code.fcmp("oeq", code.fabs(y), code.const(float("inf"))),
    )
    left = code.rare(far, "c_fmod", common, x, y)
    signs = code.iop("xor", code.bits(left), code.bits(y))
    other = code.fcmp("une", left, zero)
    wrong = code.iop("and", code.icmp("slt", signs, code.const(0, "i64")), other)
    value = code.select(wrong, code.fadd(left, y), left)
    return code.select(code.fcmp("oeq", left, zero), code.copysign(zero, y), value)
