"""Arithmetic, rounding and comparison of sizes: elementwise operations without a transcendental function."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
import sympy
from sympy.codegen import cfunctions

from ..graph import Node
from ..shapes import Spec, promote
from .base import Elementwise, as_float, as_real, is_complex, unless_bool
from .cuts import unsigned


class add(Elementwise):
    """x + y.

    >>> add([1, 2], 3).eval()
    array([4, 5])
    """

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.add(x, y)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad, grad]


class add_n(Elementwise):
    """The sum of a list of inputs, from first to last.

    >>> add_n([1.0, 2.0, 4.0]).eval()
    np.float64(7.0)
    """

    def __init__(self, inputs: Sequence[Any], name: str | None = None) -> None:
        super().__init__(*inputs, name=name)

    def compute(self, *values: Any, xp: Any = np) -> Any:
        return reduce(xp.add, values)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad] * len(self.input_nodes)


class subtract(Elementwise):
    """x - y.

    >>> subtract(1.5, 1.0).eval()
    np.float64(0.5)
    """

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.subtract(x, y)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad, -grad]


class multiply(Elementwise):
    """x * y.

    >>> multiply([1, 2], [3, 4]).eval()
    array([3, 8])
    """

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.multiply(x, y)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        x, y = self.input_nodes
        return [grad * y, grad * x]


class divide(Elementwise):
    """x / y; by zero it is inf or nan.

    >>> divide(1, 4).eval()
    np.float64(0.25)
    """

    dtype_rule = staticmethod(as_float)

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.divide(x, y)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        _, y = self.input_nodes
        return [grad / y, -(grad * self) / y]


class reciprocal(Elementwise):
    """1 / x.

    >>> reciprocal(4).eval()
    np.float64(0.25)
    """

    dtype_rule = staticmethod(as_float)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.divide(1, x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [-(grad * self) * self]


class floor_divide(Elementwise):
    """The largest integer not above x / y.

    >>> floor_divide(-7, 2).eval()
    np.int64(-4)
    """

    dtype_rule = staticmethod(unless_bool)

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.floor_divide(x, y)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None, None]


class negative(Elementwise):
    """-x.

    >>> negative(2.0).eval()
    np.float64(-2.0)
    """

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.negative(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [-grad]


class power(Elementwise):
    """x ** y; for real x < 0 and y not an integer it is nan.

    >>> power(2.0, 0.5).eval()
    np.float64(1.4142135623730951)
    """

    dtype_rule = staticmethod(unless_bool)

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.pow(unsigned(x, xp), y)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        from .elementary import log
        from .logic import equal, where

        x, y = self.input_nodes
        # x**y does not change with x where y is 0, and where x is 0 and y > 0 it does not change with y
        by_x = where(equal(y, 0), 0.0, y * power(x, where(equal(y, 0), 1, y - 1)))
        by_y = where(equal(x, 0), 0.0, self * log(where(equal(x, 0), 1, x)))
        return [grad * by_x, grad * by_y]


class integer_power(Elementwise):
    """x ** n for an integer n: by multiplication for |n| up to 8, so that it is exact where floating point is.

    >>> integer_power(3.0, n=-2).eval()
    np.float64(0.1111111111111111)
    """

    attributes = ("n",)

    def __init__(self, x: Any, n: int = 2, name: str | None = None) -> None:
        super().__init__(x, name=name)
        self.n = int(n)

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        return Spec(x.shape, as_float(promote(x.dtype)) if self.n < 0 or builtins.abs(self.n) > 8 else promote(x.dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        n = builtins.abs(self.n)
        if n > 8:
            return xp.pow(x, float(self.n))
        result, square = None, x
        while n:
            if n & 1:
                result = square if result is None else xp.multiply(result, square)
            n >>= 1
            if n:
                square = xp.multiply(square, square)
        if result is None:
            return xp.ones_like(x)
        return xp.divide(1, result) if self.n < 0 else result

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        if self.n == 0:
            return [None]
        if self.n == 1:
            return [grad]
        return [grad * self.n * (integer_power(x, self.n - 1) if self.n != 2 else x)]


class sqrt(Elementwise):
    """The square root; nan for real x < 0.

    >>> sqrt(2).eval()
    np.float64(1.4142135623730951)
    """

    dtype_rule = staticmethod(as_float)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.sqrt(unsigned(x, xp))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad / (2 * self)]


class cbrt(Elementwise):
    """The real cube root; cbrt(-8) is -2.

    >>> cbrt(-8).eval()
    np.float64(-2.0)
    """

    dtype_rule = staticmethod(as_float)
    sympy_types = (cfunctions.Cbrt,)
    real_only = True

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.cbrt(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad / (3 * square(self))]


class principal_cbrt(Elementwise):
    """x ** (1/3), the principal value: nan for real x < 0, as for every root; complex for complex x.

    >>> principal_cbrt([8.0, -8.0]).eval()
    array([ 2., nan])
    """

    dtype_rule = staticmethod(as_float)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        if is_complex(x):
            return xp.pow(unsigned(x, xp), 1 / 3)
        return xp.where(xp.less(x, 0), float("nan"), xp.cbrt(x))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad / (3 * square(self))]


class square(Elementwise):
    """x * x.

    >>> square(-3).eval()
    np.int64(9)
    """

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.multiply(x, x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [grad * 2 * x]


class abs(Elementwise):
    """The absolute value; its gradient at 0 is taken as 0.

    >>> abs(-1.5).eval()
    np.float64(1.5)
    """

    dtype_rule = staticmethod(as_real)
    sympy_types = (sympy.Abs,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.abs(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        from .parts import conjugate

        return [grad * conjugate(sign(x))]


class sign(Elementwise):
    """-1, 0 or 1; x / |x| for complex x.

    >>> sign([-2.0, 0.0]).eval()
    array([-1.,  0.])
    """

    sympy_types = (sympy.sign,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.sign(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        if x.spec.is_complex is False:
            return [None]
        # x/|x| only turns: d(sign) = i * sign * Im(dx / x), see the convention in `differentiate`
        from .logic import equal, where
        from .parts import imag

        turn = -imag(grad * self)  # 0 where all is real, whatever the gradient
        return [where(equal(x, 0), 0.0, -1j * turn / where(equal(x, 0), 1, x))]


class floor(Elementwise):
    """The largest integer not above x; of both parts for complex x.

    >>> floor(-1.5).eval()
    np.float64(-2.0)
    """

    sympy_types = (sympy.floor,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return _on_parts(xp.floor, x, xp)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None]


class ceil(Elementwise):
    """The smallest integer not below x; of both parts for complex x.

    >>> ceil(-1.5).eval()
    np.float64(-1.0)
    """

    sympy_types = (sympy.ceiling,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return _on_parts(xp.ceil, x, xp)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None]


class frac(Elementwise):
    """x - floor(x), in [0, 1).

    >>> frac(-1.25).eval()
    np.float64(0.75)
    """

    sympy_types = (sympy.frac,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.subtract(x, _on_parts(xp.floor, x, xp))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad]


def _on_parts(function: Any, x: Any, xp: Any) -> Any:
    return function(xp.real(x)) + 1j * function(xp.imag(x)) if is_complex(x) else function(x)


class mod(Elementwise):
    """The remainder of x / y with the sign of y.

    >>> mod(-1, 3).eval()
    np.int64(2)
    """

    sympy_types = (sympy.Mod,)
    real_only = True

    dtype_rule = staticmethod(unless_bool)

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.remainder(x, y)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        x, y = self.input_nodes
        return [grad, -grad * floor(x / y)]


class _Extremum(Elementwise):
    """Of two equal values each gets half of the gradient, the mean of the one-sided derivatives."""

    chooses = True

    def _shared(self, grad: Node, first_loses: Node, second_loses: Node) -> Sequence[Node | None]:
        """The gradient for each input that does not lose; beside a nan none does, so that its derivative is not hidden."""
        from .logic import equal, where

        part = where(equal(*self.input_nodes), 0.5 * grad, grad)
        return [where(first_loses, 0, part), where(second_loses, 0, part)]


class maximum(_Extremum):
    """The larger one; nan if either is nan.

    >>> maximum([1.0, 5.0], 2.0).eval()
    array([2., 5.])
    """

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.maximum(x, y)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        from .logic import less

        x, y = self.input_nodes
        return self._shared(grad, less(x, y), less(y, x))


class minimum(_Extremum):
    """The smaller one; nan if either is nan.

    >>> minimum([1.0, 5.0], 2.0).eval()
    array([1., 2.])
    """

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.minimum(x, y)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        from .logic import less

        x, y = self.input_nodes
        return self._shared(grad, less(y, x), less(x, y))
