"""Hyperbolic functions, and the functions of neural networks built on them, elementwise.

Some array namespaces have more functions than NumPy, such as sigmoid: where there is one, it is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy

from ..graph import Node
from .arithmetic import negative, reciprocal, sqrt, square
from .base import is_complex
from .cuts import clockwise, counterclockwise, unsigned
from .elementary import _Real


class sinh(_Real):
    """The hyperbolic sine.

    >>> sinh(1.0).eval()
    np.float64(1.175201193643...)
    """

    sympy_types = (sympy.sinh,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.sinh(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad * cosh(x)]


class cosh(_Real):
    """The hyperbolic cosine.

    >>> cosh(1.0).eval()
    np.float64(1.543080634815...)
    """

    sympy_types = (sympy.cosh,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.cosh(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad * sinh(x)]


class tanh(_Real):
    """The hyperbolic tangent.

    >>> tanh(1.0).eval()
    np.float64(0.761594155955...)
    """

    sympy_types = (sympy.tanh,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.tanh(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad * sech_squared(x)]  # 1 - tanh(x)**2 would lose its digits where tanh(x) is near 1


class coth(_Real):
    """The hyperbolic cotangent, 1 / tanh(x).

    >>> coth(1.0).eval()
    np.float64(1.313035285499...)
    """

    sympy_types = (sympy.coth,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.divide(1, xp.tanh(x))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [-grad * square(csch(x))]  # 1 - coth(x)**2 loses all digits for large x


class sech(_Real):
    """The hyperbolic secant, 1 / cosh(x).

    >>> sech(1.0).eval()
    np.float64(0.648054273663...)
    """

    sympy_types = (sympy.sech,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.divide(1, xp.cosh(x))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [-grad * self * tanh(x)]


class sech_squared(_Real):
    """1 / cosh(x)**2, the derivative of tanh.

    >>> sech_squared(0.0).eval()
    np.float64(1.0)
    """

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        if hasattr(xp, "sech_squared") and not is_complex(x):
            return xp.sech_squared(x)
        return xp.square(xp.divide(1, xp.cosh(x)))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [-2.0 * grad * self * tanh(x)]


class csch(_Real):
    """The hyperbolic cosecant, 1 / sinh(x).

    >>> csch(1.0).eval()
    np.float64(0.850918128239...)
    """

    sympy_types = (sympy.csch,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.divide(1, xp.sinh(x))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [-grad * self * coth(x)]


class asinh(_Real):
    """The inverse hyperbolic sine.

    >>> asinh(1.0).eval()
    np.float64(0.881373587019...)
    """

    sympy_types = (sympy.asinh,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return counterclockwise(xp.asinh, x, xp)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad / sqrt(1 + square(x))]


class acosh(_Real):
    """The inverse hyperbolic cosine; nan for real x < 1.

    >>> acosh(2.0).eval()
    np.float64(1.316957896924...)
    """

    sympy_types = (sympy.acosh,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.acosh(unsigned(x, xp))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad / (sqrt(x - 1) * sqrt(x + 1))]


class atanh(_Real):
    """The inverse hyperbolic tangent; nan for real |x| > 1.

    >>> atanh(0.5).eval()
    np.float64(0.549306144334...)
    """

    sympy_types = (sympy.atanh,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return clockwise(xp.atanh, x, xp)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad / ((1 - x) * (1 + x))]


class acoth(_Real):
    """The inverse hyperbolic cotangent, atanh(1 / x).

    >>> acoth(2.0).eval()
    np.float64(0.549306144334...)
    """

    sympy_types = (sympy.acoth,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return clockwise(xp.atanh, xp.divide(1, x), xp)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad / ((1 - x) * (1 + x))]


class asech(_Real):
    """The inverse hyperbolic secant, acosh(1 / x).

    >>> asech(0.5).eval()
    np.float64(1.316957896924...)
    """

    sympy_types = (sympy.asech,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.acosh(unsigned(xp.divide(1, x), xp))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [-grad / (x * sqrt((1 - x) * (1 + x)))]


class acsch(_Real):
    """The inverse hyperbolic cosecant, asinh(1 / x).

    >>> acsch(0.5).eval()
    np.float64(1.443635475178...)
    """

    sympy_types = (sympy.acsch,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return counterclockwise(xp.asinh, xp.divide(1, x), xp)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [-grad / (square(x) * sqrt(1 + reciprocal(square(x))))]


class sigmoid(_Real):
    """1 / (1 + exp(-x)), without overflow.

    >>> sigmoid(0.0).eval()
    np.float64(0.5)
    """

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        if is_complex(x):
            return xp.divide(1, xp.add(1, xp.exp(xp.negative(x))))
        if hasattr(xp, "sigmoid"):
            return xp.sigmoid(x)
        e = xp.exp(-xp.abs(x))
        return xp.where(xp.greater_equal(x, 0), 1.0, e) / (1 + e)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad * self * sigmoid(negative(x))]  # 1 - self would lose its digits where that is near 1


class softplus(_Real):
    """log(1 + exp(x)), without overflow.

    >>> softplus(800.0).eval()
    np.float64(800.0)
    """

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        if is_complex(x):
            return xp.log1p(xp.exp(x))
        return xp.softplus(x) if hasattr(xp, "softplus") else xp.logaddexp(x, xp.zeros_like(x))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad * sigmoid(x)]


class logaddexp(_Real):
    """log(exp(x) + exp(y)), without overflow.

    >>> logaddexp(800, 800).eval()
    np.float64(800.6931471805599)
    """

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        if is_complex(x) or is_complex(y):
            return xp.log(xp.add(xp.exp(x), xp.exp(y)))
        return xp.logaddexp(x, y)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        x, y = self.input_nodes
        return [grad * sigmoid(x - y), grad * sigmoid(y - x)]
