"""Numbers: evaluated exactly, rounded once."""

from __future__ import annotations

import math
import warnings
from functools import lru_cache
from typing import Any

import sympy
from sympy.core.evalf import PrecisionExhausted

from ..errors import ConstantError, PrecisionWarning

__all__ = ["exact"]

_DIGITS = 30


def _real(number: Any, whole: Any) -> float:
    """A SymPy number as the nearest float."""
    if number.is_Rational:
        try:
            result: float = number.p / number.q  # correctly rounded by Python
        except OverflowError:
            result = math.inf
        zero = number.p == 0
    elif number.is_Float:
        result, zero = float(number), bool(number.is_zero)
    elif number is sympy.S.Infinity or number is sympy.S.NegativeInfinity:
        return math.inf if number is sympy.S.Infinity else -math.inf
    elif number is sympy.S.NaN or number is sympy.S.ComplexInfinity:
        return math.nan
    else:
        raise ConstantError(f"{whole} has no numeric value")
    if math.isinf(result):
        raise ConstantError(
            f"The constant {_text(whole)} is beyond the largest float64, 1.8e308; rescale the expression"
        )
    if result == 0 and not zero:
        warnings.warn(
            f"The constant {_text(whole)} is below the smallest float64, 5e-324, and becomes 0",
            PrecisionWarning,
            stacklevel=2,
        )
    return result


def _text(number: Any) -> str:
    return str(sympy.N(number, 5))


def exact(expr: Any) -> float | complex | None:
    """The value of an expression without symbols: a float, or a complex where it is not real; None where SymPy has none.

    >>> exact(sympy.sqrt(2) * sympy.pi), exact(sympy.I / 4)
    (4.442882938158366, 0.25j)
    """
    if expr.is_Rational or expr.is_Float:
        return _real(expr, expr)
    return _evaluated(expr)


def _without_noise(re: Any, im: Any) -> tuple[Any, Any]:
    """Parts without the one that is only rounding: roots of real numbers by complex ones leave such a rest."""
    if not (re.is_Float and im.is_Float):
        return re, im
    small = sympy.Float(10) ** (10 - _DIGITS)
    if abs(im) < small * abs(re):
        return re, sympy.S.Zero
    return (sympy.S.Zero, im) if abs(re) < small * abs(im) else (re, im)


@lru_cache(maxsize=4096)
def _evaluated(expr: Any) -> float | complex | None:
    try:
        value = expr.evalf(_DIGITS, strict=True)
    except PrecisionExhausted:
        value = expr.evalf(_DIGITS, maxn=2000)
    except (TypeError, ValueError, NotImplementedError, AttributeError, ZeroDivisionError, RecursionError, LookupError):
        return None
    if value in (sympy.S.NaN, sympy.S.ComplexInfinity):
        return math.nan
    re, im = _without_noise(*value.as_real_imag())
    if not all(part.is_Rational or part.is_Float or part in (sympy.oo, -sympy.oo) for part in (re, im)):
        return None
    return complex(_real(re, expr), _real(im, expr)) if im != 0 else _real(re, expr)
