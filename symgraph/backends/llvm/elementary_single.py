"""Elementary functions of float32, as instructions of doubles: with so many digits to spare, no rounding counts but the last one, to a float.

Coefficients come from scripts/minimax.py (the entries of scripts/minimax_single.py).

>>> import numpy as np
>>> from symgraph.backends.llvm.testing import vectorized
>>> vectorized(exp, 1, 4)(np.array([0.0, 1.0, -np.inf])).astype(np.float32)
array([1.       , 2.7182817, 0.       ], dtype=float32)
"""

from __future__ import annotations

from .code import Code
from .elementary_base import SHIFT, SIGN, bounded, even_odd, even_odd_of, fast_two_sum
from .elementary_trig import HALF_PI, LIMIT, TWO_OVER_PI

__all__ = ["cos", "erf", "exp", "expm1", "log", "log10", "log2", "sech_squared", "sigmoid", "sin", "softplus", "tanh"]

LOG2_E, LN2 = 1.4426950408889634, 0.6931471805599453
LOG10_E, LOG10_2 = 0.4342944819032518, 0.3010299956639812

# scripts/minimax.py SINGLE_EXP: (exp(r) - 1 - r) / r**2 for |r| <= log(2) / 2, error 2**-32.0 of exp(r) - 1
EXP = (
    0.5000000044162739, 0.1666666637026867, 0.04166636090908456, 0.00833338926981942, 0.0013940627462289302,
    0.00019845972389100576,
)  # fmt: skip

# scripts/minimax.py SINGLE_LOG: (log(1 + f) - f) / f**2 for -1/4 <= f <= 1/2, error 2**-30.4 of log(1 + f)
LOG = (
    -0.4999999844151334, 0.3333334219193511, -0.2500029024882297, 0.19999623799308214, -0.16652291158857355,
    0.1427204073248984, -0.1275003621091824, 0.1175543434003881, -0.09126853790415718, 0.037319533970901125,
)  # fmt: skip

# scripts/minimax.py SINGLE_ERF: erf(x) / x by powers of x**2 / 8 - 1, |x| <= 4, error 2**-29.1
ERF = (
    0.35353099618898376, -0.17657623045600948, 0.13167502648789856, -0.1077105603685552, 0.0902114647342236,
    -0.07472667131372807, 0.05986085377503271, -0.04576879298327726, 0.033197257082789644, -0.02247918507944408,
    0.013951374718590207, -0.008545057685030538, 0.005525151266403639, -0.002732800046547856, 0.0006493585177078157,
    -0.0004285288543445609, 0.0005880977419240048, -0.00022175798644201176,
)  # fmt: skip

# scripts/minimax.py SINGLE_SIN: (sin(r) - r) / r**3 by powers of r**2, |r| <= pi / 4, error 2**-28.0
SIN = (-0.1666665460185313, 0.008332160272276316, -0.00019515215955190487, 0.0)

# scripts/minimax.py SINGLE_COS: (cos(r) - 1) / r**2 by powers of r**2, |r| <= pi / 4, error 2**-33.9
COS = (-0.49999999694225666, 0.041666620328750036, -0.0013886680742564376, 2.4383481413562853e-05)


def _exponential(code: Code, x: int) -> tuple[int, int]:
    """n, p with e**x = 2**n * (1 + p) and |p| <= 0.42."""
    c = code.const
    n = code.fsub(code.fma(x, c(LOG2_E), c(SHIFT)), c(SHIFT))
    r = code.fma(n, c(-LN2), x)
    return n, code.fma(code.fmul(r, r), even_odd(code, r, EXP), r)


def exp(code: Code, x: int) -> int:
    """e**x."""
    n, p = _exponential(code, bounded(code, x, -110.0, 100.0))  # beyond, 0 and inf as floats
    return code.scale(code.fadd(p, code.const(1.0)), n)


def sigmoid(code: Code, x: int) -> int:
    """1 / (1 + e**-x)."""
    one = code.const(1.0)
    n, p = _exponential(code, bounded(code, code.fneg(x), -40.0, 110.0))  # beyond, 1 and 0 as floats
    return code.fdiv(one, code.fadd(code.scale(code.fadd(p, one), n), one))


def _less_one(code: Code, x: int) -> int:
    """e**x - 1."""
    n, p = _exponential(code, x)
    power = code.scale(code.const(1.0), n)
    return code.fma(power, p, code.fsub(power, code.const(1.0)))


def expm1(code: Code, x: int) -> int:
    """e**x - 1; the sign of a zero is kept."""
    return code.copysign(_less_one(code, bounded(code, x, -30.0, 100.0)), x)  # beyond, -1 and inf as floats


def _of_twice(code: Code, x: int) -> tuple[int, int]:
    """e**2|x| - 1 and 1 / (e**2|x| + 1)."""
    c = code.const
    less = _less_one(
        code, bounded(code, code.fmul(code.fabs(x), c(2.0)), 0.0, 220.0)
    )  # beyond, no float differs from its limit
    return less, code.fdiv(c(1.0), code.fadd(less, c(2.0)))


def tanh(code: Code, x: int) -> int:
    """(e**2x - 1) / (e**2x + 1); the sign of a zero is kept."""
    less, inverse = _of_twice(code, x)
    return code.copysign(code.fmul(less, inverse), x)


def sech_squared(code: Code, x: int) -> int:
    """4 e**2x / (e**2x + 1)**2, by the same quotient as tanh."""
    less, inverse = _of_twice(code, x)
    double = code.fadd(inverse, inverse)
    return code.fmul(code.fmul(code.fadd(less, code.const(1.0)), double), double)


def _logarithm(code: Code, x: int) -> tuple[int, int]:
    """k and the logarithm of m, where x = 2**k * m with m in [3/4, 3/2)."""
    f = code.fsub(code.mantissa(x), code.const(1.0))
    return code.power(x), code.fma(code.fmul(f, f), even_odd(code, f, LOG), f)


def log(code: Code, x: int) -> int:
    """The natural logarithm; -inf for both zeros."""
    k, rest = _logarithm(code, x)
    return code.fma(k, code.const(LN2), rest)


def log2(code: Code, x: int) -> int:
    """The logarithm to base 2; -inf for both zeros."""
    k, rest = _logarithm(code, x)
    return code.fma(rest, code.const(LOG2_E), k)


def log10(code: Code, x: int) -> int:
    """The logarithm to base 10; -inf for both zeros."""
    k, rest = _logarithm(code, x)
    return code.fma(k, code.const(LOG10_2), code.fmul(rest, code.const(LOG10_E)))


def softplus(code: Code, x: int) -> int:
    """log(1 + e**x) as max(x, 0) + log(1 + e**-|x|), where the last sum is one of two parts."""
    c = code.const
    n, p = _exponential(code, bounded(code, code.fneg(code.fabs(x)), -110.0, 0.0))  # beyond, 0 as a float
    power = code.scale(code.fadd(p, c(1.0)), n)
    total, low = fast_two_sum(code, c(1.0), power)
    above = code.select(code.fcmp("olt", x, c(0.0)), c(0.0), x)
    return code.fadd(above, code.fadd(log(code, total), low))


def erf(code: Code, x: int) -> int:
    """The error function; the sign of a zero is kept."""
    x = bounded(code, x, -4.0, 4.0)  # beyond, 1 as a float
    t = code.fma(code.fmul(x, x), code.const(0.125), code.const(-1.0))
    return code.fmul(x, even_odd(code, t, ERF))


def _wave(code: Code, x: int, turns: int, symbol: str, shared: bool) -> int:
    """sin(x + turns * pi / 2); the sign of a zero is kept where there are no turns.

    The first step of the reduction is without error, and the rest of pi that the second leaves does not count in floats.
    """
    c = code.const
    shifted = code.fma(x, c(TWO_OVER_PI), c(SHIFT))
    n = code.fsub(shifted, c(SHIFT))
    r = code.fma(n, c(-HALF_PI[1]), code.fma(n, c(-HALF_PI[0]), x))
    z = code.fmul(r, r)
    quadrant = code.iop("add", code.bits(shifted), c(turns, "i64"))
    odd = code.icmp("ne", code.iop("and", quadrant, c(1, "i64")), c(0, "i64"))
    if shared:
        sine = code.fmul(r, code.fma(z, even_odd(code, z, SIN[:3]), c(1.0)))
        value = code.select(odd, code.fma(z, even_odd(code, z, COS), c(1.0)), sine)
    else:
        terms = [code.select(odd, c(a), c(b)) for a, b in zip(COS, SIN, strict=True)]
        factor = code.select(odd, c(1.0), r)
        value = code.fmul(factor, code.fma(z, even_odd_of(code, z, terms), c(1.0)))
    flip = code.iop("and", code.iop("shl", quadrant, c(62, "i64")), c(SIGN, "i64"))
    value = code.float_of_bits(code.iop("xor", code.bits(value), flip))
    return code.rare(code.fcmp("ogt", code.fabs(x), c(LIMIT)), symbol, value, x)


def sin(code: Code, x: int, shared: bool = False) -> int:
    """Sine; the sign of a zero is kept, infinities give nan. It is `shared` where the cosine of x is wanted too."""
    return _wave(code, x, 0, "c_sin", shared)


def cos(code: Code, x: int, shared: bool = False) -> int:
    """Cosine; infinities give nan. It is `shared` where the sine of x is wanted too."""
    return _wave(code, x, 1, "c_cos", shared)
