"""Complex numbers as pairs of instructions (real part, imaginary part)."""

from __future__ import annotations

from .code import Code

__all__ = ["add", "fdiv", "mul", "sub"]

Pair = tuple[int, ...]


def add(code: Code, x: Pair, y: Pair) -> Pair:
    return code.fadd(x[0], y[0]), code.fadd(x[1], y[1])


def sub(code: Code, x: Pair, y: Pair) -> Pair:
    return code.fsub(x[0], y[0]), code.fsub(x[1], y[1])


def mul(code: Code, x: Pair, y: Pair) -> Pair:
    """As NumPy, each product rounded: a fused one would give z * conj(z) an imaginary part."""
    (a, b), (c, d) = x, y
    return code.fsub(code.fmul(a, c), code.fmul(b, d)), code.fadd(code.fmul(a, d), code.fmul(b, c))


def fdiv(code: Code, x: Pair, y: Pair) -> Pair:
    """By R. L. Smith's algorithm (CACM 5, 1962), as NumPy: no overflow where the quotient has none."""
    (a, b), (c, d) = x, y
    by_real = code.fcmp("oge", code.fabs(c), code.fabs(d))
    large, little = code.select(by_real, c, d), code.select(by_real, d, c)
    ratio = code.fdiv(little, large)
    scale = code.fadd(large, code.fmul(little, ratio))
    first, second = code.select(by_real, a, b), code.select(by_real, b, a)
    real = code.fdiv(code.fadd(first, code.fmul(second, ratio)), scale)
    turned = code.fsub(second, code.fmul(first, ratio))
    imaginary = code.fdiv(code.select(by_real, turned, code.fneg(turned)), scale)
    zero = code.const(0.0, code.kinds[c])
    null = code.iop("and", code.fcmp("oeq", c, zero), code.fcmp("oeq", d, zero))
    return code.select(null, code.fdiv(a, code.fabs(c)), real), code.select(null, code.fdiv(b, code.fabs(c)), imaginary)
