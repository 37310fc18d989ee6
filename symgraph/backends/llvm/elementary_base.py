"""Steps that several elementary functions have in common."""

from __future__ import annotations

from collections.abc import Sequence

from .code import Code

__all__ = [
    "SHIFT",
    "SIGN",
    "at_most",
    "bounded",
    "even_odd",
    "even_odd_of",
    "fast_two_sum",
    "quotient",
    "root",
    "two_sum",
]

SHIFT = 1.5 * 2.0**52  # a double added to this is rounded to an integer, which then stands in the low bits
SIGN = -(2**63)  # the bit of the sign


def fast_two_sum(code: Code, large: int, small: int) -> tuple[int, int]:
    """The rounded sum and its error, where |large| >= |small| (T. J. Dekker, 1971)."""
    total = code.fadd(large, small)
    return total, code.fsub(small, code.fsub(total, large))


def two_sum(code: Code, a: int, b: int) -> tuple[int, int]:
    """The rounded sum and its error (O. Moller, D. Knuth)."""
    total = code.fadd(a, b)
    other = code.fsub(total, a)
    return total, code.fadd(code.fsub(a, code.fsub(total, other)), code.fsub(b, other))


def quotient(code: Code, above: int, above_low: int | None, below: int, below_low: int | None) -> tuple[int, int]:
    """(above + above_low) / (below + below_low) as a large and a small part: one reciprocal, and a correction by what it leaves."""
    inverse = code.fdiv(code.const(1.0), below)
    value = code.fmul(above, inverse)
    minus = code.fneg(value)
    rest = code.fma(minus, below, above)
    if above_low is not None:
        rest = code.fadd(rest, above_low)
    if below_low is not None:
        rest = code.fma(minus, below_low, rest)
    return value, code.fmul(rest, inverse)


def even_odd(code: Code, x: int, coefficients: Sequence[float]) -> int:
    """sum(c[k] * x**k) by even and odd powers: one multiplication more than Horner's scheme, and half its depth."""
    return even_odd_of(code, x, [code.const(c) for c in coefficients])


def even_odd_of(code: Code, x: int, terms: Sequence[int]) -> int:
    """The same, of coefficients that are instructions."""
    square = code.fmul(x, x)
    halves = []
    for part in (terms[1::2], terms[0::2]):
        value = part[-1]
        for term in part[-2::-1]:
            value = code.fma(value, square, term)
        halves.append(value)
    return code.fma(halves[0], x, halves[1])


def bounded(code: Code, x: int, low: float, high: float) -> int:
    """x where low <= x <= high, else the nearer one of the two; nan for nan."""
    raised = code.select(code.fcmp("olt", x, code.const(low)), code.const(low), x)
    return code.select(code.fcmp("ogt", raised, code.const(high)), code.const(high), raised)


def at_most(code: Code, x: int, high: float) -> int:
    """x where that is less than `high`, else `high`, for nan too: a minimum of processors, cheaper than a comparison with a choice."""
    return code.select(code.fcmp("olt", x, code.const(high)), x, code.const(high))


def root(code: Code, square: int, low: int) -> tuple[int, int]:
    """The square root of square + low >= 0 and what it lacks, within some percents.

    The second part comes by 1 / (2 root), of which the bits of the root are a rough value, exact for powers of two, and one step of Newton's.
    """
    c = code.const
    value = code.sqrt(square)
    inverse = code.float_of_bits(code.iop("sub", c(2045 << 52, "i64"), code.bits(value)))
    inverse = code.fma(inverse, code.fma(code.fmul(value, c(-2.0)), inverse, c(1.0)), inverse)
    return value, code.fmul(code.fadd(code.fma(code.fneg(value), value, square), low), inverse)
