"""Complex numbers as pairs of instructions (real part, imaginary part).

Elementary functions are put together from real ones, in doubles: W. Kahan, Branch cuts for complex elementary functions (1987), with special values
as in annex G of the C standard, which NumPy follows. Errors are some units in the last place of the modulus.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from .code import Code

__all__ = [
    "acos", "acosh", "add", "asin", "asinh", "atan", "atanh", "cos", "cosh", "exp", "exp2", "expm1", "fdiv", "log", "log10",
    "log1p", "log2", "mul", "pow", "size", "sin", "sinh", "sqrt", "sub", "tan", "tanh",
]  # fmt: skip

Pair = tuple[int, ...]

INF, NAN = float("inf"), float("nan")
E700 = 1.0142320547350045e304  # e**700
LN2 = 0.6931471805599453
LOG10_E = 0.4342944819032518
HALF_PI = 1.5707963267948966


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


def size(code: Code, x: Pair) -> int:
    """|x|; of floats by squares in doubles, which cannot overflow."""
    if code.kinds[x[0]] == "double":
        return code.emit("elementary", "double", "hypot", *x)
    a, b = (code.extend(part) for part in x)
    length = code.sqrt(code.fma(a, a, code.fmul(b, b)))
    infinite = code.iop("or", *[code.fcmp("oeq", code.fabs(part), code.const(INF)) for part in (a, b)])
    return code.round_to_float(code.select(infinite, code.const(INF), length))


# --- elementary functions, on the real ones


def _real(code: Code, name: str, *arguments: int) -> int:
    return code.emit("elementary", "double", name, *arguments)


def _is(code: Code, x: int, value: float) -> int:
    return code.fcmp("oeq", x, code.const(value))


def _both(code: Code, a: int, b: int) -> int:
    return code.iop("and", a, b)


def _either(code: Code, a: int, b: int) -> int:
    return code.iop("or", a, b)


def _infinite(code: Code, x: int) -> int:
    return _is(code, code.fabs(x), INF)


def _finite(code: Code, x: int) -> int:
    return code.fcmp("olt", code.fabs(x), code.const(INF))


def _times(code: Code, x: int, factor: float) -> int:
    return code.fmul(x, code.const(factor))


def _turned(code: Code, function: Callable[[Code, Pair], Pair], x: Pair) -> Pair:
    """-i * f(i * x): from hyperbolic functions to those of the circle, and back."""
    a, b = function(code, (code.fneg(x[1]), x[0]))
    return b, code.fneg(a)


def exp(code: Code, x: Pair) -> Pair:
    """e**a * (cos(b) + i sin(b)); where e**a overflows, its factor e**700 comes last."""
    a, b = x
    far = code.fcmp("ogt", a, code.const(700.0))
    size = _real(code, "exp", code.select(far, code.fsub(a, code.const(700.0)), a))
    return _polar(code, size, b, a, code.select(far, code.const(E700), code.const(1.0)))


def _polar(code: Code, size: int, b: int, a: int, factor: int) -> Pair:
    """size * (cos(b) + i sin(b)) * factor, where size is a function of a, 0 or infinite where a is infinite."""
    cosine, sine = _real(code, "cos", b), _real(code, "sin", b)
    lost = _both(code, _infinite(code, a), code.not_(_finite(code, b)))  # an angle that has no meaning
    real = code.select(lost, size, code.fmul(code.fmul(size, cosine), factor))
    imaginary = code.select(_is(code, b, 0.0), b, code.fmul(code.fmul(size, sine), factor))
    none = _both(code, lost, _is(code, size, 0.0))
    return real, code.select(none, code.const(0.0), imaginary)


def exp2(code: Code, x: Pair) -> Pair:
    a, b = x
    far = code.fcmp("ogt", a, code.const(1000.0))
    size = _real(code, "exp2", code.select(far, code.fsub(a, code.const(1000.0)), a))
    return _polar(code, size, _times(code, b, LN2), a, code.select(far, code.const(2.0**1000), code.const(1.0)))


def expm1(code: Code, x: Pair) -> Pair:
    """Near 0, the real part is expm1(a) * cos(b) - 2 * sin(b / 2)**2."""
    a, b = x
    real, imaginary = exp(code, x)
    half = _real(code, "sin", _times(code, b, 0.5))
    low = code.fmul(_real(code, "expm1", a), _real(code, "cos", b))
    low = code.fma(_times(code, half, -2.0), half, low)
    near = code.fcmp("olt", code.fabs(a), code.const(1.0))
    return code.select(near, low, code.fsub(real, code.const(1.0))), imaginary


def log(code: Code, x: Pair) -> Pair:
    """log|x| + i arg(x)."""
    return _log(code, x, None, None)


def log2(code: Code, x: Pair) -> Pair:
    a, b = log(code, x)
    return _times(code, a, 1 / LN2), _times(code, b, 1 / LN2)


def log10(code: Code, x: Pair) -> Pair:
    a, b = log(code, x)
    return _times(code, a, LOG10_E), _times(code, b, LOG10_E)


def log1p(code: Code, x: Pair) -> Pair:
    """log(1 + x): near 0 by |1 + x|**2 - 1 = a * (a + 2) + b**2."""
    a, b = x
    c = code.const
    near = _both(code, *[code.fcmp("olt", code.fabs(part), c(0.5)) for part in x])
    return _log(code, (code.fadd(a, c(1.0)), b), near, code.fma(a, code.fadd(a, c(2.0)), code.fmul(b, b)))


def _log(code: Code, x: Pair, near: int | None, excess: int | None) -> Pair:
    """The logarithm; where |x| is `near` 1 by log1p(excess) / 2 with excess = |x|**2 - 1, elsewhere by mantissas and the exponent of the larger part.

    Without these, they are what W. Kahan says (1987): near is within a factor of sqrt(2) or so, the excess (large - 1) * (large + 1) + little**2.
    """
    c = code.const
    large, little = _ordered(code, x)
    if near is None or excess is None:
        excess = code.fma(code.fsub(large, c(1.0)), code.fadd(large, c(1.0)), code.fmul(little, little))
        near = _both(code, code.fcmp("oge", excess, c(-0.5)), code.fcmp("ole", excess, c(2.0)))
    tiny = code.fcmp("olt", large, c(2.0**-900))
    up = code.select(tiny, c(2.0**120), c(1.0))
    usable = _both(code, _finite(code, large), code.fcmp("ogt", large, c(0.0)))
    size = code.select(usable, code.fmul(large, up), c(1.0))
    exponent = code.exponent(size)
    down = code.scale(c(1.0), code.fneg(exponent))
    first, second = code.fmul(size, down), code.fmul(code.fmul(little, up), down)
    square = code.fma(first, first, code.fsub(code.fmul(second, second), c(1.0)))
    half = _times(code, _real(code, "log1p", code.select(near, excess, square)), 0.5)
    exponent = code.fsub(exponent, code.select(tiny, c(120.0), c(0.0)))
    real = code.select(near, half, code.fma(exponent, c(LN2), half))
    real = code.select(_both(code, _is(code, large, 0.0), _is(code, little, 0.0)), c(-INF), real)
    infinite = _either(code, _infinite(code, x[0]), _infinite(code, x[1]))
    return code.select(infinite, c(INF), real), _real(code, "atan2", x[1], x[0])


def _ordered(code: Code, x: Pair) -> Pair:
    """The sizes of the parts, the larger one first; if one is nan, that is second."""
    a, b = code.fabs(x[0]), code.fabs(x[1])
    first = _either(code, code.fcmp("oge", a, b), code.isnan(b))
    return code.select(first, a, b), code.select(first, b, a)


def sqrt(code: Code, x: Pair) -> Pair:
    """By t = sqrt((|a| + |x|) / 2): t + i b / (2 t) or, where a < 0, |b| / (2 t) + i t with the sign of b (W. Kahan, 1987)."""
    c = code.const
    large, _ = _ordered(code, x)
    far, tiny = code.fcmp("ogt", large, c(2.0**1000)), code.fcmp("olt", large, c(2.0**-900))
    scale = code.select(far, c(2.0**-60), code.select(tiny, c(2.0**120), c(1.0)))
    back = code.select(far, c(2.0**30), code.select(tiny, c(2.0**-60), c(1.0)))
    a, b = code.fmul(x[0], scale), code.fmul(x[1], scale)
    t = code.sqrt(_times(code, code.fadd(code.fabs(a), _real(code, "hypot", a, b)), 0.5))
    other = code.select(_is(code, t, 0.0), b, code.fdiv(b, code.fadd(t, t)))
    left = code.fcmp("olt", a, c(0.0))
    real = code.select(left, code.fabs(other), t)
    imaginary = code.select(left, code.copysign(t, b), other)
    infinite = _infinite(code, b)
    return (
        code.select(infinite, c(INF), code.fmul(real, back)),
        code.select(infinite, b, code.fmul(imaginary, back)),
    )


def pow(code: Code, x: Pair, y: Pair) -> Pair:
    """By squaring where y is a whole number known now, else from |x|**c and arg(x).

    An angle of many turns costs accuracy: about its own rounding error.
    """
    c = code.const
    n = _whole(code, y)
    if n is not None:
        return _integer_power(code, x, n)
    length, angle = log(code, x)
    turns = code.fmul(y[0], angle)
    size = _real(code, "pow", _real(code, "hypot", *x), y[0])
    factor = c(1.0)
    if y[1] != c(0.0):
        plain = _is(code, y[1], 0.0)
        inner = code.fsub(code.fmul(y[0], length), code.fmul(y[1], angle))
        far = code.fcmp("ogt", inner, c(700.0))
        inner = code.select(far, code.fsub(inner, c(700.0)), inner)
        size = code.select(plain, size, _real(code, "exp", inner))
        factor = code.select(_both(code, far, code.not_(plain)), c(E700), factor)
        turns = code.select(plain, turns, code.fma(y[1], length, turns))
    real, imaginary = _polar(code, size, turns, size, factor)
    null = _both(code, _is(code, x[0], 0.0), _is(code, x[1], 0.0))
    at_zero = code.select(code.fcmp("ogt", y[0], c(0.0)), c(0.0), c(NAN))
    one = _both(code, _is(code, y[0], 0.0), _is(code, y[1], 0.0))
    real, imaginary = code.select(null, at_zero, real), code.select(null, at_zero, imaginary)
    return code.select(one, c(1.0), real), code.select(one, c(0.0), imaginary)


def _whole(code: Code, y: Pair) -> int | None:
    """The number y if it is a constant, a whole one, and of a size for which NumPy multiplies too."""
    if y[1] != code.const(0.0) or code.instructions[y[0]][0] != "const":
        return None
    (value,) = struct.unpack("<d", struct.pack("<Q", code.instructions[y[0]][2]))
    return int(value) if abs(value) < 100 and value == int(value) else None


def _integer_power(code: Code, x: Pair, n: int) -> Pair:
    one: Pair = (code.const(1.0), code.const(0.0))
    result, square, rest = one, x, abs(n)
    while rest:
        if rest & 1:
            result = square if result is one else mul(code, result, square)
        rest >>= 1
        square = mul(code, square, square) if rest else square
    return fdiv(code, one, result) if n < 0 else result


class _Hyperbolic:
    """sinh(a) and cosh(a) from one exponential: they are `sinh` * `factor` and `cosh` * `factor`.

    `inverse` is e**-|a|, and 0 where that is below e**-700.
    """

    def __init__(self, code: Code, a: int) -> None:
        c = code.const
        size = code.fabs(a)
        far = code.fcmp("ogt", size, c(700.0))
        less = _real(code, "expm1", code.select(far, code.fsub(size, c(700.0)), size))
        power = code.fadd(less, c(1.0))
        self.inverse = code.select(far, c(0.0), code.fdiv(c(1.0), power))
        small = code.fma(
            code.select(_is(code, self.inverse, 0.0), c(0.0), less), self.inverse, code.select(far, power, less)
        )
        self.sinh = code.copysign(_times(code, small, 0.5), a)
        self.cosh = _times(code, code.fadd(power, self.inverse), 0.5)
        self.factor = code.select(far, c(E700), c(1.0))


def _product(code: Code, a: int, b: int, c: int) -> int:
    return code.fmul(code.fmul(a, b), c)


def sinh(code: Code, x: Pair) -> Pair:
    """sinh(a) cos(b) + i cosh(a) sin(b)."""
    a, b = x
    of, cosine, sine = _Hyperbolic(code, a), _real(code, "cos", b), _real(code, "sin", b)
    real = _product(code, of.sinh, cosine, of.factor)
    fixed = _both(code, _either(code, _is(code, a, 0.0), _infinite(code, a)), code.not_(_finite(code, b)))
    imaginary = _product(code, of.cosh, sine, of.factor)
    return code.select(fixed, a, real), code.select(_is(code, b, 0.0), b, imaginary)


def cosh(code: Code, x: Pair) -> Pair:
    """cosh(a) cos(b) + i sinh(a) sin(b)."""
    a, b = x
    of, cosine, sine = _Hyperbolic(code, a), _real(code, "cos", b), _real(code, "sin", b)
    real = _product(code, of.cosh, cosine, of.factor)
    lost = _both(code, _infinite(code, a), code.not_(_finite(code, b)))
    flat = _both(code, _is(code, a, 0.0), code.not_(_finite(code, b)))
    flat = _either(code, flat, _is(code, b, 0.0))
    one = code.const(1.0)
    zero = code.fmul(code.copysign(code.const(0.0), a), code.copysign(one, b))
    imaginary = code.select(flat, zero, _product(code, of.sinh, sine, of.factor))
    return code.select(lost, code.fabs(a), real), imaginary


def tanh(code: Code, x: Pair) -> Pair:
    """(sinh(a) cosh(a) + i sin(b) cos(b)) / (sinh(a)**2 + cos(b)**2); where |a| > 22, 1 + i sin(b) cos(b) * 4 e**-2|a|."""
    c = code.const
    a, b = x
    of, cosine, sine = _Hyperbolic(code, a), _real(code, "cos", b), _real(code, "sin", b)
    far = code.fcmp("ogt", code.fabs(a), c(22.0))
    below = code.fma(of.sinh, of.sinh, code.fmul(cosine, cosine))
    wave = code.fmul(sine, cosine)
    wave = code.select(_both(code, _infinite(code, a), code.not_(_finite(code, b))), code.copysign(c(0.0), b), wave)
    real = code.select(far, code.copysign(c(1.0), a), code.fdiv(code.fmul(of.sinh, of.cosh), below))
    real = code.select(code.isnan(wave), wave, real)
    outside = _product(code, _times(code, wave, 4.0), of.inverse, of.inverse)
    imaginary = code.select(far, outside, code.fdiv(wave, below))
    return code.select(_is(code, a, 0.0), a, real), code.select(_is(code, b, 0.0), b, imaginary)


def sin(code: Code, x: Pair) -> Pair:
    return _turned(code, sinh, x)


def cos(code: Code, x: Pair) -> Pair:
    return cosh(code, (code.fneg(x[1]), x[0]))


def tan(code: Code, x: Pair) -> Pair:
    return _turned(code, tanh, x)


def _scaled(code: Code, x: Pair) -> tuple[Pair, int]:
    """x, where it is huge times 2**-60, and what the logarithm of that lacks."""
    far = code.fcmp("ogt", _ordered(code, x)[0], code.const(2.0**1000))
    scale = code.select(far, code.const(2.0**-60), code.const(1.0))
    lacks = code.select(far, code.const(60 * LN2), code.const(0.0))
    return (code.fmul(x[0], scale), code.fmul(x[1], scale)), lacks


def _arc(code: Code, high: int, lacks: int) -> int:
    value = _real(code, "asinh", high)
    return code.copysign(code.fadd(code.fabs(value), lacks), value)


def _imaginary_of(code: Code, x: Pair, y: Pair) -> int:
    """The imaginary part of conj(x) * y, whose terms add up here."""
    return code.fma(x[0], y[1], code.fneg(code.fmul(x[1], y[0])))


def asin(code: Code, x: Pair) -> Pair:
    """By the roots of 1 - x and 1 + x (W. Kahan, 1987)."""
    one = code.const(1.0)
    (a, b), lacks = _scaled(code, x)
    minus = sqrt(code, (code.fsub(one, a), code.fneg(b)))
    plus = sqrt(code, (code.fadd(one, a), b))
    across = code.fma(minus[0], plus[0], code.fneg(code.fmul(minus[1], plus[1])))
    real, imaginary = _real(code, "atan2", a, across), _arc(code, _imaginary_of(code, minus, plus), lacks)
    real = code.select(_is(code, a, 0.0), a, real)
    return _unless_infinite(code, x, (real, imaginary), _real(code, "atan2", x[0], code.fabs(x[1])), x[1])


def _unless_infinite(code: Code, x: Pair, value: Pair, angle: int, sign: int) -> Pair:
    """The value, or where x is infinite the angle and an infinite number with that sign."""
    infinite = _either(code, _infinite(code, x[0]), _infinite(code, x[1]))
    return (
        code.select(infinite, angle, value[0]),
        code.select(infinite, code.copysign(code.const(INF), sign), value[1]),
    )


def acos(code: Code, x: Pair) -> Pair:
    """By the roots of 1 - x and 1 + x (W. Kahan, 1987)."""
    one = code.const(1.0)
    (a, b), lacks = _scaled(code, x)
    minus = sqrt(code, (code.fsub(one, a), code.fneg(b)))
    plus = sqrt(code, (code.fadd(one, a), b))
    real = _times(code, _real(code, "atan2", minus[0], plus[0]), 2.0)
    real = code.select(_is(code, a, 0.0), code.const(HALF_PI), real)
    imaginary = _arc(code, _imaginary_of(code, plus, minus), lacks)
    angle = _real(code, "atan2", code.fabs(x[1]), x[0])
    return _unless_infinite(code, x, (real, imaginary), angle, code.fneg(x[1]))


def acosh(code: Code, x: Pair) -> Pair:
    """By the roots of x - 1 and x + 1 (W. Kahan, 1987)."""
    one = code.const(1.0)
    (a, b), lacks = _scaled(code, x)
    minus, plus = sqrt(code, (code.fsub(a, one), b)), sqrt(code, (code.fadd(a, one), b))
    inner = code.fma(minus[0], plus[0], code.fmul(minus[1], plus[1]))
    angle = _times(code, _real(code, "atan2", minus[1], plus[0]), 2.0)
    angle = code.select(_is(code, a, 0.0), code.copysign(code.const(HALF_PI), b), angle)
    turn, real = _unless_infinite(code, x, (angle, _arc(code, inner, lacks)), _real(code, "atan2", x[1], x[0]), one)
    return real, turn


def asinh(code: Code, x: Pair) -> Pair:
    return _turned(code, asin, x)


def atanh(code: Code, x: Pair) -> Pair:
    """log1p(4 |a| / h**2) / 4 + i atan2(2 |b|, (1 - |a|) (1 + |a|) - b**2) / 2 with h = |1 - |a| + i b|, and the signs of a and b.

    Where h is tiny, the first part is log(2 / h) / 2.
    """
    c = code.const
    a, b = code.fabs(x[0]), code.fabs(x[1])
    h = _real(code, "hypot", code.fsub(a, c(1.0)), b)
    tiny = code.fcmp("olt", h, c(2.0**-400))
    ratio = code.fdiv(_times(code, code.fdiv(a, h), 4.0), h)
    inner = _real(code, "log1p", code.select(tiny, code.fdiv(c(2.0**-99), h), ratio))
    real = code.select(tiny, code.fma(inner, c(0.5), c(50 * LN2)), _times(code, inner, 0.25))
    p, q = (code.select(code.fcmp("ogt", part, c(2.0**500)), c(2.0**500), part) for part in (a, b))
    below = code.fma(code.fsub(c(1.0), p), code.fadd(c(1.0), p), code.fneg(code.fmul(q, q)))
    imaginary = _times(code, _real(code, "atan2", code.fadd(q, q), below), 0.5)
    infinite = _either(code, _infinite(code, a), _infinite(code, b))
    quarter = code.select(code.isnan(b), b, c(HALF_PI))
    real = code.select(_either(code, infinite, _is(code, a, 0.0)), c(0.0), real)
    return code.copysign(real, x[0]), code.copysign(code.select(infinite, quarter, imaginary), x[1])


def atan(code: Code, x: Pair) -> Pair:
    return _turned(code, atanh, x)
