"""Delta functions, singularity functions, and the functions of SymPy's code generation that are not in another module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy
from sympy.codegen import cfunctions, scipy_nodes
from sympy.functions.elementary.miscellaneous import Rem

from ..graph import Node
from ..shapes import Spec, broadcast
from .base import Elementwise, as_float, unless_bool
from .special_base import Special, library


class KroneckerDelta(Elementwise):
    """1 where both are equal, else 0.

    >>> KroneckerDelta([1.0, 2.0], 2).eval()
    array([0., 1.])
    """

    dtype_rule = staticmethod(as_float)
    accuracy = "exact"

    def compute(self, i: Any, j: Any, *, xp: Any = np) -> Any:
        return _where_nan(xp, xp.where(xp.equal(i, j), 1.0, xp.zeros_like(i)), i, j)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None, None]


def _where_nan(xp: Any, result: Any, *values: Any) -> Any:
    for value in values:
        result = xp.where(xp.isnan(value), value, result)  # which also brings in the dtype of each
    return result


class LeviCivita(Elementwise):
    """1 for an even permutation of 0, 1, 2, ... (or of other numbers in their order), -1 for an odd one, 0 where two are equal.

    >>> LeviCivita(0, 2, 1).eval()
    np.float64(-1.0)
    """

    dtype_rule = staticmethod(as_float)
    real_only = True
    accuracy = "exact"

    def compute(self, *indices: Any, xp: Any = np) -> Any:
        result: Any = 1.0
        for later, index in enumerate(indices):
            for before in indices[:later]:
                result = result * xp.sign(xp.subtract(index, before))
        return result

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None] * len(self.input_nodes)


class DiracDelta(Elementwise):
    """The delta function's (or its k-th derivative's) value as a function: 0 away from 0; at 0 it is inf for k = 0, and nan for k > 0.

    No integral over it comes out of sampling: integrate it symbolically before.

    >>> DiracDelta([-1.0, 0.0]).eval()
    array([ 0., inf])
    """

    attributes = ("k",)
    dtype_rule = staticmethod(as_float)
    accuracy = "exact"

    def __init__(self, x: Any, k: int = 0, name: str | None = None) -> None:
        super().__init__(x, name=name)
        self.k = int(k)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        peak = float("nan") if self.k else float("inf")
        return _where_nan(xp, xp.where(xp.equal(x, 0), peak, xp.zeros_like(x)), x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad * DiracDelta(self.input_nodes[0], self.k + 1)]


class SingularityFunction(Elementwise):
    """Macaulay's bracket <x - a>**n: 0 for x < a, (x - a)**n for x >= a. For integers n < 0 it is 0 but at x = a, where it is inf.

    >>> SingularityFunction([0.0, 3.0], 1.0, 2.0).eval()
    array([0., 4.])
    """

    dtype_rule = staticmethod(as_float)
    sympy_types = (sympy.SingularityFunction,)
    real_only = True
    accuracy = "as power"

    def compute(self, x: Any, a: Any, n: Any, *, xp: Any = np) -> Any:
        shift = xp.subtract(x, a)
        before, delta = xp.less(shift, 0), xp.logical_and(xp.less(n, 0), xp.equal(xp.floor(n), n))
        ramp = xp.where(before, 0.0, xp.pow(xp.where(before, 1.0, shift), xp.where(delta, 0.0, n)))
        peak = xp.where(xp.equal(shift, 0), float("inf"), xp.zeros_like(shift))
        return _where_nan(xp, xp.where(delta, peak, ramp), shift, n)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        from .arithmetic import floor
        from .elementary import log
        from .logic import equal, greater, greater_equal, less_equal, logical_and, logical_or, not_equal, where

        x, a, n = self.input_nodes
        delta = logical_and(less_equal(n, 0), equal(floor(n), n))  # then the derivative has no factor
        slope = where(delta, 1.0, n) * SingularityFunction(x, a, n - 1)
        ahead = logical_and(greater(x, a), logical_or(greater_equal(n, 0), not_equal(floor(n), n)))
        by_n = where(ahead, self * log(where(ahead, x - a, 1.0)), 0.0)
        return [grad * slope, -grad * slope, grad * by_n]


class fma(Elementwise):
    """x * y + z with the product's rounding error carried on, so that it is rounded once (but for rare ties).

    >>> fma(1 + 2.0**-30, 1 - 2.0**-30, -1.0).eval()
    np.float64(-8.67361737988...e-19)
    """

    dtype_rule = staticmethod(as_float)
    sympy_types = (cfunctions.fma,)
    accuracy = "0.5 ulp, but for rare ties, where products of parts do not overflow"

    def compute(self, x: Any, y: Any, z: Any, *, xp: Any = np) -> Any:
        product = xp.multiply(x, y)
        plain = xp.add(product, z)
        head, tail = _two_sum(product, z)
        careful = head + (tail + _product_error(xp, x, y, product))
        return xp.where(xp.isfinite(careful), careful, plain)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        x, y, _ = self.input_nodes
        return [grad * y, grad * x, grad]


def _two_sum(x: Any, y: Any) -> tuple[Any, Any]:
    """x + y as a rounded sum and its error (Knuth)."""
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


def _halves(xp: Any, x: Any) -> tuple[Any, Any]:
    """x as a sum of two numbers of half as many digits (Veltkamp)."""
    digits = 12 if getattr(x, "dtype", None) == np.float32 else 27
    scaled = x * float(2**digits + 1)
    head = scaled - (scaled - x)
    return head, x - head


def _product_error(xp: Any, x: Any, y: Any, product: Any) -> Any:
    """What the rounding of x * y lost (Dekker)."""
    (x1, x2), (y1, y2) = _halves(xp, x), _halves(xp, y)
    return ((x1 * y1 - product) + x1 * y2 + x2 * y1) + x2 * y2


class cosm1(Elementwise):
    """cos(x) - 1, exact for small x too.

    >>> cosm1(1e-8).eval()
    np.float64(-5.00000000000...e-17)
    """

    dtype_rule = staticmethod(as_float)
    sympy_types = (scipy_nodes.cosm1,)
    accuracy = "4 ulp"

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        half = xp.sin(xp.multiply(x, 0.5))
        return -2 * half * half

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        from .elementary import sin

        return [-grad * sin(self.input_nodes[0])]


class powm1(Special):
    """x**y - 1, exact where x**y is close to 1 too.

    >>> powm1(2.0, 1e-18).eval()
    np.float64(6.93147180559...e-19)
    """

    sympy_types = (scipy_nodes.powm1,)
    computed_by = "scipy.special.powm1 (through Boost)"
    accuracy = "4 ulp"

    def exact(self, mp: Any, x: Any, y: Any) -> Any:
        return mp.powm1(x, y)

    def values(self, x: Any, y: Any, xp: Any = np) -> Any:
        return library(xp).powm1(x, y)

    def partial(self, place: int) -> Any:
        from .elementary import log
        from .logic import equal, where

        x, y = self.input_nodes
        safe = where(equal(x, 0), 1.0, x)
        return y * (self + 1) / x if place == 0 else (self + 1) * log(safe)


class is_inf(Elementwise):
    """Whether x is inf or -inf.

    >>> is_inf([1.0, float("-inf")]).eval()
    array([False,  True])
    """

    def infer(self, *specs: Spec) -> Spec:
        return Spec(broadcast(*[spec.shape for spec in specs]), np.dtype(bool))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.isinf(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None]


class rem(Elementwise):
    """The remainder of x / y with the sign of x.

    >>> rem(-1.0, 3.0).eval()
    np.float64(-1.0)
    """

    dtype_rule = staticmethod(unless_bool)
    sympy_types = (Rem,)
    real_only = True
    accuracy = "exact"

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.sign(x) * xp.remainder(xp.abs(x), xp.abs(y))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        x, y = self.input_nodes
        return [grad, -grad * (x - self) / y]
