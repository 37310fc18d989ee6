"""Orthogonal polynomials, for real degrees too."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import sympy

from ..graph import Node
from .special_base import Special, whole

_LARGEST = 2000  # degrees up to here by recurrence


class _Polynomial(Special):
    """Degrees 0, 1, 2, ... by the recurrence in extended precision, for real and complex numbers; mpmath for other degrees.

    The last of the inputs is the point, the first the degree; `start` gives the polynomials of degree 0 and 1 from the other inputs and the point,
    `step` the one of degree k from the two before.
    """

    accuracy = "1 ulp, for degrees below 100 (where numpy.longdouble has more digits than a double; else 1e-14 of its envelope)"
    computed_by = "the recurrence in numpy.longdouble for degrees 0, 1, ..., 2000; mpmath for the rest"
    indices: ClassVar[tuple[int, ...]] = (0,)

    def values(self, n: Any, *others: Any) -> Any:
        return self.by_case((n, *others), (whole(n) & (n >= 0) & (n <= _LARGEST), self._recurrence))

    complex_values = values

    def _recurrence(self, n: Any, *others: Any) -> Any:
        wide = [array.astype(np.clongdouble if array.dtype.kind == "c" else np.longdouble) for array in others]
        before, value = self.start(*wide)
        result = np.where(n == 0, before, value)
        for k in range(2, int(n.max()) + 1):
            before, value = value, self.step(k, value, before, *wide)
            result = np.where(n == k, value, result)
        return result.astype(complex if result.dtype.kind == "c" else float)

    def start(self, *numbers: Any) -> tuple[Any, Any]:
        x = numbers[-1]
        return x * 0 + 1, x

    def step(self, k: int, value: Any, before: Any, *numbers: Any) -> Any:
        raise NotImplementedError


def _near_one(x: Node) -> Node:
    """Where formulas with 1 - x**2 below would cancel."""
    from .arithmetic import abs
    from .logic import less

    return less(abs(1 - x * x), 1e-2)


class legendre(_Polynomial):
    """The Legendre polynomial P_n(x).

    >>> legendre(2, 0.5).eval()
    np.float64(-0.125)
    """

    sympy_types = (sympy.legendre,)

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.legendre(n, x)

    def step(self, k: int, value: Any, before: Any, *numbers: Any) -> Any:
        return ((2 * k - 1) * numbers[-1] * value - (k - 1) * before) / k

    def partial(self, place: int) -> Any:
        _, x = self.input_nodes
        formula = self.formula(place)
        return self.numeric_partial(place) if formula is None else self.guarded(1, formula, _near_one(x))


class assoc_legendre(Special):
    """The associated Legendre function P_n^m(x), with the factor (-1)**m; real for |x| <= 1, and for even m.

    >>> assoc_legendre(2, 1, 0.5).eval()
    np.float64(-1.29903810567...)
    """

    sympy_types = (sympy.assoc_legendre,)
    computed_by = "the recurrence in numpy.longdouble for integers |m| <= n <= 150; mpmath for the rest"
    accuracy = "1 ulp (where numpy.longdouble has more digits than a double; else 1e-14 of its envelope)"
    indices = (0, 1)
    discrete = (1,)

    def exact(self, mp: Any, n: Any, m: Any, x: Any) -> Any:
        if mp.isint(n) and mp.isint(m) and n >= 0 and abs(m) > n:
            return mp.zero
        if mp.isint(n) and mp.isint(m) and abs(x) == 1:
            return mp.legendre(n, x) if m == 0 else mp.zero
        return mp.legenp(n, m, x)

    def values(self, n: Any, m: Any, x: Any) -> Any:
        simple = whole(n) & whole(m) & (n >= np.abs(m)) & (n <= 150)
        return self.by_case((n, m, x), (simple, _associated))

    complex_values = values

    def partial(self, place: int) -> Any:
        _, _, x = self.input_nodes
        formula = self.formula(place)
        return self.numeric_partial(place) if formula is None else self.guarded(2, formula, _near_one(x))


def _associated(n: Any, m: Any, x: Any) -> Any:
    """From P_m^m = (-1)**m * (2*m-1)!! * (1-x**2)**(m/2) upwards in n; P_n^-m is (-1)**m * (n-m)!/(n+m)! times P_n^m."""
    x = x.astype(np.clongdouble if x.dtype.kind == "c" else np.longdouble)
    order = np.abs(m)
    square = (1 - x) * (1 + x)
    value = square ** (order // 2) * np.where(order % 2 == 1, -np.sqrt(square), 1)
    before = x * 0
    for k in range(1, int(order.max()) + 1):
        value = np.where(k <= order, value * (2 * k - 1), value)
    for k in range(1, int(n.max()) + 1):
        following = ((2 * k - 1) * x * value - (k + order - 1) * before) / np.where(k == order, 1, k - order)
        active = (k > order) & (k <= n)
        value, before = np.where(active, following, value), np.where(active, value, before)
    for k in range(1, 2 * int(order.max()) + 1):  # (n-m)!/(n+m)!, one factor after the other
        value = np.where((m < 0) & (k <= 2 * order), value / np.maximum(n - order + k, 1), value)
    value = np.where((m < 0) & (order % 2 == 1), -value, value)
    return value.astype(complex if value.dtype.kind == "c" else float)


class hermite(_Polynomial):
    """The (physicists') Hermite polynomial H_n(x).

    >>> hermite(2, 0.5).eval()
    np.float64(-1.0)
    """

    sympy_types = (sympy.hermite,)

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.hermite(n, x)

    def start(self, *numbers: Any) -> tuple[Any, Any]:
        return numbers[-1] * 0 + 1, 2 * numbers[-1]

    def step(self, k: int, value: Any, before: Any, *numbers: Any) -> Any:
        return 2 * (numbers[-1] * value - (k - 1) * before)


class hermite_prob(_Polynomial):
    """The probabilists' Hermite polynomial He_n(x).

    >>> hermite_prob(2, 0.5).eval()
    np.float64(-0.75)
    """

    sympy_types = (sympy.hermite_prob,)

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.hermite(n, x / mp.sqrt(2)) * mp.mpf(2) ** (-n / 2)

    def step(self, k: int, value: Any, before: Any, *numbers: Any) -> Any:
        return numbers[-1] * value - (k - 1) * before


class laguerre(_Polynomial):
    """The Laguerre polynomial L_n(x).

    >>> laguerre(2, 0.5).eval()
    np.float64(0.125)
    """

    sympy_types = (sympy.laguerre,)

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.laguerre(n, 0, x)

    def start(self, *numbers: Any) -> tuple[Any, Any]:
        return numbers[-1] * 0 + 1, 1 - numbers[-1]

    def step(self, k: int, value: Any, before: Any, *numbers: Any) -> Any:
        return ((2 * k - 1 - numbers[-1]) * value - (k - 1) * before) / k


class assoc_laguerre(_Polynomial):
    """The generalised Laguerre polynomial L_n^(a)(x).

    >>> assoc_laguerre(2, 1.0, 0.5).eval()
    np.float64(1.625)
    """

    sympy_types = (sympy.assoc_laguerre,)

    def exact(self, mp: Any, n: Any, a: Any, x: Any) -> Any:
        return mp.laguerre(n, a, x)

    def start(self, *numbers: Any) -> tuple[Any, Any]:
        a, x = numbers
        return (a + x) * 0 + 1, 1 + a - x

    def step(self, k: int, value: Any, before: Any, *numbers: Any) -> Any:
        a, x = numbers
        return ((2 * k - 1 + a - x) * value - (k - 1 + a) * before) / k


class chebyshevt(_Polynomial):
    """The Chebyshev polynomial of the first kind T_n(x), with T_n(cos(t)) = cos(n*t).

    >>> chebyshevt(2, 0.5).eval()
    np.float64(-0.5)
    """

    sympy_types = (sympy.chebyshevt,)

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.chebyt(n, x)

    def step(self, k: int, value: Any, before: Any, *numbers: Any) -> Any:
        return 2 * numbers[-1] * value - before


class chebyshevu(_Polynomial):
    """The Chebyshev polynomial of the second kind U_n(x), with U_n(cos(t)) = sin((n+1)*t) / sin(t).

    >>> chebyshevu(2, 0.5).eval()
    np.float64(0.0)
    """

    sympy_types = (sympy.chebyshevu,)

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.chebyu(n, x)

    def start(self, *numbers: Any) -> tuple[Any, Any]:
        return numbers[-1] * 0 + 1, 2 * numbers[-1]

    def step(self, k: int, value: Any, before: Any, *numbers: Any) -> Any:
        return 2 * numbers[-1] * value - before

    def partial(self, place: int) -> Any:
        _, x = self.input_nodes
        formula = self.formula(place)
        return self.numeric_partial(place) if formula is None else self.guarded(1, formula, _near_one(x))


class gegenbauer(_Polynomial):
    """The Gegenbauer polynomial C_n^(a)(x).

    >>> gegenbauer(2, 1.0, 0.5).eval()
    np.float64(0.0)
    """

    sympy_types = (sympy.gegenbauer,)

    def exact(self, mp: Any, n: Any, a: Any, x: Any) -> Any:
        return mp.gegenbauer(n, a, x)

    def start(self, *numbers: Any) -> tuple[Any, Any]:
        a, x = numbers
        return (a + x) * 0 + 1, 2 * a * x

    def step(self, k: int, value: Any, before: Any, *numbers: Any) -> Any:
        a, x = numbers
        return (2 * (k - 1 + a) * x * value - (k - 2 + 2 * a) * before) / k


class jacobi(_Polynomial):
    """The Jacobi polynomial P_n^(a, b)(x).

    >>> jacobi(2, 1.0, 2.0, 0.5).eval()
    np.float64(-0.1875)
    """

    sympy_types = (sympy.jacobi,)
    computed_by = "the recurrence in numpy.longdouble for degrees 0, 1, ..., 2000 and a, b > -1; mpmath for the rest"

    def exact(self, mp: Any, n: Any, a: Any, b: Any, x: Any) -> Any:
        return mp.jacobi(n, a, b, x)

    def values(self, n: Any, *others: Any) -> Any:
        a, b, _ = others
        simple = whole(n) & (n >= 0) & (n <= _LARGEST) & (a.real > -1) & (b.real > -1)  # else a divisor may be 0
        return self.by_case((n, *others), (simple, self._recurrence))

    complex_values = values

    def start(self, *numbers: Any) -> tuple[Any, Any]:
        a, b, x = numbers
        return (a + b + x) * 0 + 1, a + 1 + (a + b + 2) * (x - 1) / 2

    def step(self, k: int, value: Any, before: Any, *numbers: Any) -> Any:
        a, b, x = numbers
        c = 2 * k + a + b
        ahead = (c - 1) * (c * (c - 2) * x + (a - b) * (a + b)) * value
        return (ahead - 2 * (k + a - 1) * (k + b - 1) * c * before) / (2 * k * (c - k) * (c - 2))


class chebyshevt_root(Special):
    """The k-th root of chebyshevt(n, x), for k = 0, ..., n - 1: cos(pi*(2*k + 1)/(2*n)).

    >>> chebyshevt_root(2.0, 0.0).eval()
    np.float64(0.707106781186...)
    """

    sympy_types = (sympy.chebyshevt_root,)
    discrete = (0, 1)
    real_only = True

    def exact(self, mp: Any, n: Any, k: Any) -> Any:
        return mp.cospi((2 * k + 1) / (2 * n)) if 0 <= k < n else mp.nan


class chebyshevu_root(Special):
    """The k-th root of chebyshevu(n, x), for k = 0, ..., n - 1: cos(pi*(k + 1)/(n + 1)).

    >>> chebyshevu_root(2.0, 0.0).eval()
    np.float64(0.5)
    """

    sympy_types = (sympy.chebyshevu_root,)
    discrete = (0, 1)
    real_only = True

    def exact(self, mp: Any, n: Any, k: Any) -> Any:
        return mp.cospi((k + 1) / (n + 1)) if 0 <= k < n else mp.nan
