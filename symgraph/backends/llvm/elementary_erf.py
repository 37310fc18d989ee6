"""The error function and its complement as straight-line instructions, by piecewise polynomials.

>>> import numpy as np
>>> from symgraph.backends.llvm.testing import vectorized
>>> vectorized(erfc, 1, 4)(np.array([-1.0, 0.0, 1.0, 30.0]))
array([1.84270079, 1.        , 0.15729921, 0.        ])
"""

from __future__ import annotations

from collections.abc import Sequence

from .code import Code
from .elementary_base import SHIFT, bounded, even_odd_of, fast_two_sum
from .elementary_exp import exponential
from .rows_erf import ERF, ERF_AT, ERFCX, ERFCX_AT, ERFCX_CENTRES

__all__ = ["erf", "erfc"]

STEP = 0.375  # between the centres of erf's pieces
SLOPE = 0.55  # erfcx's pieces are quarters of the binades of 1 + 0.55 * x


def piecewise(code: Code, index: int, t: int, rows: Sequence[Sequence[float]]) -> int:
    """The polynomial in t of the piece that the lowest four bits of `index` say, by even and odd powers."""
    return even_odd_of(code, t, [code.table(index, row) for row in rows])


def erf(code: Code, x: int) -> int:
    """The error function. In the piece around 0 it is x + x * P(x), elsewhere its value at the centre of a piece, and a polynomial."""
    size = code.fabs(x)
    shifted = code.fma(bounded(code, size, 0.0, 5.8), code.const(1 / STEP), code.const(SHIFT))
    index = code.bits(shifted)
    centre = code.fmul(code.fsub(shifted, code.const(SHIFT)), code.const(STEP))
    t = code.fsub(bounded(code, size, 0.0, 6.0), centre)
    first = code.fcmp("oeq", centre, code.const(0.0))
    base = code.select(first, size, code.table(index, ERF_AT))
    factor = code.select(first, size, code.const(1.0))
    return code.copysign(code.fma(factor, piecewise(code, index, t, ERF), base), x)


def erfc(code: Code, x: int) -> int:
    """1 - erf(x) without cancellation: e**(-x**2) * erfcx(|x|), and 2 less that for negative x. Both factors are sums of two doubles."""
    size = bounded(code, code.fabs(x), 0.0, 27.26)  # 0 from there on
    minus = code.fneg(size)
    power = code.fmul(minus, size)
    n, large, small = exponential(code, power, code.fma(minus, size, code.fneg(power)))
    large, small = fast_two_sum(code, large, small)
    piece = code.iop("lshr", code.bits(code.fma(size, code.const(SLOPE), code.const(1.0))), code.const(50, "i64"))
    t = code.fsub(size, code.table(piece, _turned(ERFCX_CENTRES)))
    rest = piecewise(code, piece, t, [_turned(row) for row in ERFCX])
    value, low = fast_two_sum(code, code.table(piece, _turned(ERFCX_AT)), rest)
    product = code.fmul(large, value)
    error = code.fma(large, value, code.fneg(product))
    error = code.fma(large, low, code.fma(small, value, error))
    right = code.scale(code.fadd(product, error), n)
    left = code.icmp("slt", code.bits(x), code.const(0, "i64"))
    return code.select(left, code.fsub(code.const(2.0), right), right)


def _turned(row: Sequence[float]) -> Sequence[float]:
    """A row so that the exponent and the first two bits of a number from 1 on, taken modulo 16, say its piece: those of 1 are 12."""
    return (*row[4:], *row[:4])
