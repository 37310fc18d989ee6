"""The sides of branch cuts. SymPy's numbers have no negative zero; in floating point its sign would choose the side that a complex number on a cut
belongs to, and so `-x` and `1/x` would have other roots and logarithms than SymPy gives them. For real numbers there are no cuts: what has no real
value is nan.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .base import is_complex

__all__ = ["clockwise", "counterclockwise", "unsigned"]


def unsigned(x: Any, xp: Any) -> Any:
    """`x`, a complex number with 0 for -0 in both parts; a real one as it is.

    >>> import numpy as np
    >>> unsigned(np.complex128(complex(-4, -0.0)), np)
    np.complex128(-4+0j)
    """
    return xp.add(x, 0) if is_complex(x) else x


def clockwise(function: Callable[[Any], Any], x: Any, xp: Any) -> Any:
    """A function with cuts on the real axis beyond -1 and 1, each of which belongs to the side that comes before it clockwise: asin, acos, atanh.

    >>> import numpy as np
    >>> clockwise(np.asin, np.complex128(2), np)
    np.complex128(1.5707963267948966-1.3169578969248...j)
    """
    if not is_complex(x):
        return function(x)
    x = unsigned(x, xp)
    value = function(x)
    return xp.where(xp.logical_and(xp.equal(xp.imag(x), 0), xp.greater(xp.real(x), 1)), xp.conj(value), value)[()]


def counterclockwise(function: Callable[[Any], Any], x: Any, xp: Any) -> Any:
    """An odd function with cuts on the imaginary axis beyond -i and i, that at i belonging to the right side: atan, asinh.

    >>> import numpy as np
    >>> counterclockwise(np.asinh, np.complex128(-2j), np)
    np.complex128(-1.3169578969248...-1.5707963267948966j)
    """
    if not is_complex(x):
        return function(x)
    x = unsigned(x, xp)
    value = function(x)
    other = xp.logical_and(xp.equal(xp.real(x), 0), xp.less(xp.imag(x), -1))
    return xp.where(other, xp.negative(xp.conj(value)), value)[()]
