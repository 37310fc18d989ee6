"""The elementary functions by NumPy's names: instructions where there are some, else a call of the C library for each lane."""

from __future__ import annotations

from collections.abc import Sequence

from .code import Code

__all__ = ["FUNCTIONS", "emit"]

FUNCTIONS = {
    **dict.fromkeys(("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan"), 1),
    **dict.fromkeys(("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "cbrt", "erf", "erfc", "lgamma", "gamma"), 1),
    **dict.fromkeys(("pow", "hypot", "atan2", "remainder", "logaddexp"), 2),
}


def emit(code: Code, name: str, arguments: Sequence[int]) -> int:
    """The function `name` of doubles."""
    return code.call(f"c_{name}", *arguments)
