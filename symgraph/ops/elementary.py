"""Exponentials, logarithms and trigonometric functions, elementwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy
from sympy.codegen import cfunctions

from ..graph import Node
from .arithmetic import reciprocal, sqrt, square
from .base import Elementwise, as_float, is_complex
from .cuts import clockwise, counterclockwise, unsigned


class _Real(Elementwise):
    """A function with values of a floating-point dtype."""

    dtype_rule = staticmethod(as_float)


LN2, LN10 = float(np.log(2)), float(np.log(10))


class exp(_Real):
    """e ** x.

    >>> exp(1.0).eval()
    np.float64(2.718281828459...)
    """

    sympy_types = (sympy.exp,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.exp(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad * self]


class exp2(_Real):
    """2 ** x.

    >>> exp2(0.5).eval()
    np.float64(1.414213562373...)
    """

    sympy_types = (cfunctions.exp2,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.exp2(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad * self * LN2]


class expm1(_Real):
    """exp(x) - 1, exact for small x too.

    >>> expm1(1e-18).eval()
    np.float64(1e-18)
    """

    sympy_types = (cfunctions.expm1,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.expm1(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad * (self + 1)]


class log(_Real):
    """The natural logarithm; nan for real x < 0.

    >>> log(2).eval()
    np.float64(0.693147180559...)
    """

    sympy_types = (sympy.log,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.log(unsigned(x, xp))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad / x]


class log2(_Real):
    """The logarithm to base 2.

    >>> log2(8).eval()
    np.float64(3.0)
    """

    sympy_types = (cfunctions.log2,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.log2(unsigned(x, xp))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad / (x * LN2)]


class log10(_Real):
    """The logarithm to base 10.

    >>> log10(1000).eval()
    np.float64(3.0)
    """

    sympy_types = (cfunctions.log10,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.log10(unsigned(x, xp))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad / (x * LN10)]


class log1p(_Real):
    """log(1 + x), exact for small x too.

    >>> log1p(1e-18).eval()
    np.float64(1e-18)
    """

    sympy_types = (cfunctions.log1p,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.log1p(unsigned(x, xp))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad / (1 + x)]


class sin(_Real):
    """The sine; x in radians.

    >>> sin(1.0).eval()
    np.float64(0.841470984807...)
    """

    sympy_types = (sympy.sin,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.sin(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad * cos(x)]


class cos(_Real):
    """The cosine; x in radians.

    >>> cos(1.0).eval()
    np.float64(0.540302305868...)
    """

    sympy_types = (sympy.cos,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.cos(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [-grad * sin(x)]


class tan(_Real):
    """The tangent; x in radians.

    >>> tan(1.0).eval()
    np.float64(1.557407724654...)
    """

    sympy_types = (sympy.tan,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.tan(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad * (1 + square(self))]


class cot(_Real):
    """The cotangent, 1 / tan(x).

    >>> cot(1.0).eval()
    np.float64(0.642092615934...)
    """

    sympy_types = (sympy.cot,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.divide(1, xp.tan(x))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [-grad * (1 + square(self))]


class sec(_Real):
    """The secant, 1 / cos(x).

    >>> sec(1.0).eval()
    np.float64(1.85081571768...)
    """

    sympy_types = (sympy.sec,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.divide(1, xp.cos(x))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad * self * tan(x)]


class csc(_Real):
    """The cosecant, 1 / sin(x).

    >>> csc(1.0).eval()
    np.float64(1.188395105778...)
    """

    sympy_types = (sympy.csc,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.divide(1, xp.sin(x))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [-grad * self * cot(x)]


class asin(_Real):
    """The inverse sine, in [-pi/2, pi/2].

    >>> asin(1).eval()
    np.float64(1.570796326794...)
    """

    sympy_types = (sympy.asin,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return clockwise(xp.asin, x, xp)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad / sqrt((1 - x) * (1 + x))]


class acos(_Real):
    """The inverse cosine, in [0, pi].

    >>> acos(0).eval()
    np.float64(1.570796326794...)
    """

    sympy_types = (sympy.acos,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return clockwise(xp.acos, x, xp)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [-grad / sqrt((1 - x) * (1 + x))]


class atan(_Real):
    """The inverse tangent, in (-pi/2, pi/2).

    >>> atan(1).eval()
    np.float64(0.785398163397...)
    """

    sympy_types = (sympy.atan,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return counterclockwise(xp.atan, x, xp)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad / (1 + square(x))]


class acot(_Real):
    """The inverse cotangent, atan(1 / x), in (-pi/2, pi/2]; SymPy's convention.

    >>> acot(1).eval()
    np.float64(0.785398163397...)
    """

    sympy_types = (sympy.acot,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return counterclockwise(xp.atan, xp.divide(1, x), xp)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [-grad / (1 + square(x))]


class asec(_Real):
    """The inverse secant, acos(1 / x).

    >>> asec(2).eval()
    np.float64(1.047197551196...)
    """

    sympy_types = (sympy.asec,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return clockwise(xp.acos, xp.divide(1, x), xp)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad / (square(x) * sqrt(1 - reciprocal(square(x))))]


class acsc(_Real):
    """The inverse cosecant, asin(1 / x).

    >>> acsc(2).eval()
    np.float64(0.523598775598...)
    """

    sympy_types = (sympy.acsc,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return clockwise(xp.asin, xp.divide(1, x), xp)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [-grad / (square(x) * sqrt(1 - reciprocal(square(x))))]


class atan2(_Real):
    """The angle of the point (x, y), in (-pi, pi]. The first argument is y.

    >>> atan2(1, -1).eval()
    np.float64(2.356194490192...)
    """

    sympy_types = (sympy.atan2,)
    real_only = True

    def compute(self, y: Any, x: Any, *, xp: Any = np) -> Any:
        return xp.atan2(y, x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        y, x = self.input_nodes
        return [grad * x / (square(x) + square(y)), -grad * y / (square(x) + square(y))]


class hypot(_Real):
    """sqrt(x**2 + y**2) without overflow.

    >>> hypot(3, 4).eval()
    np.float64(5.0)
    """

    sympy_types = (cfunctions.hypot,)

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        if is_complex(x) or is_complex(y):
            return xp.sqrt(unsigned(xp.add(xp.multiply(x, x), xp.multiply(y, y)), xp))
        undefined = xp.logical_or(xp.isnan(x), xp.isnan(y))  # hypot(inf, nan) is inf in C
        return xp.where(undefined, float("nan"), xp.hypot(x, y))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        x, y = self.input_nodes
        return [grad * x / self, grad * y / self]


class sinc(_Real):
    """sin(x) / x, and 1 at 0 (SymPy's sinc, without a factor pi).

    >>> sinc(1.0).eval()
    np.float64(0.841470984807...)
    """

    sympy_types = (sympy.sinc,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.where(xp.equal(x, 0), 1.0, xp.divide(xp.sin(x), xp.where(xp.equal(x, 0), 1, x)))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad * sinc_derivative(x)]


class sinc_derivative(_Real):
    """The derivative of sinc, (x cos(x) - sin(x)) / x**2; by its series -x/3 + x**3/30 - ... near 0.

    >>> sinc_derivative(0.0).eval()
    np.float64(-0.0)
    """

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        small = xp.less(xp.abs(x), 0.05)
        s = xp.multiply(x, x)
        series = x * (-1 / 3 + s * (1 / 30 + s * (-1 / 840 + s * (1 / 45360 - s / 3991680))))
        safe = xp.where(small, 1.0, x)
        return xp.where(small, series, (safe * xp.cos(safe) - xp.sin(safe)) / (safe * safe))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        from .logic import equal, where

        (x,) = self.input_nodes
        safe = where(equal(x, 0), 1, x)
        return [grad * where(equal(x, 0), -1 / 3, -sinc(x) - 2 * self / safe)]
