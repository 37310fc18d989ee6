"""Orthogonal polynomials, for real degrees too, and spherical harmonics."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import sympy

from ..graph import Node
from .special_base import Special, whole

_LARGEST = 100_000  # degrees up to here by recurrence


class _Polynomial(Special):
    """SciPy's recurrence for degrees 0, 1, 2, ...; mpmath for other degrees and for complex numbers."""

    accuracy = "1e-13 of its envelope for degrees below 100; mpmath's are rounded once"
    computed_by = "scipy.special for degrees 0, 1, 2, ...; mpmath for the rest"
    indices: ClassVar[tuple[int, ...]] = (0,)

    def _simple(self, n: Any) -> Any:
        return whole(n) & (n >= 0) & (n <= _LARGEST)


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

    def values(self, n: Any, x: Any) -> Any:
        from scipy.special import eval_legendre

        return self.by_case((n, x), (self._simple(n), lambda n, x: eval_legendre(n.astype(int), x)))

    def partial(self, place: int) -> Any:
        _, x = self.input_nodes
        formula = self.formula(place)
        return self.numeric_partial(place) if formula is None else self.guarded(1, formula, _near_one(x))


class assoc_legendre(_Polynomial):
    """The associated Legendre function P_n^m(x), with the factor (-1)**m; real for |x| <= 1, and for even m.

    >>> assoc_legendre(2, 1, 0.5).eval()
    np.float64(-1.29903810567...)
    """

    sympy_types = (sympy.assoc_legendre,)
    computed_by = "scipy.special.lpmv for integers n >= |m| and |x| < 1; mpmath for the rest"
    indices = (0, 1)
    discrete = (1,)

    def exact(self, mp: Any, n: Any, m: Any, x: Any) -> Any:
        if mp.isint(n) and mp.isint(m) and n >= 0 and abs(m) > n:
            return mp.zero
        if mp.isint(n) and mp.isint(m) and abs(x) == 1:
            return mp.legendre(n, x) if m == 0 else mp.zero
        return mp.legenp(n, m, x)

    def values(self, n: Any, m: Any, x: Any) -> Any:
        from scipy.special import lpmv

        simple = whole(n) & whole(m) & (n >= np.abs(m)) & (n < 150) & (np.abs(x) < 1)
        return self.by_case((n, m, x), (simple, lambda n, m, x: lpmv(m, n, x)))

    def partial(self, place: int) -> Any:
        _, _, x = self.input_nodes
        formula = self.formula(place)
        return self.numeric_partial(place) if formula is None else self.guarded(2, formula, _near_one(x))


class hermite(_Polynomial):
    """The (physicists') Hermite polynomial H_n(x).

    >>> hermite(2, 0.5).eval()
    np.float64(-0.999999999999...)
    """

    sympy_types = (sympy.hermite,)

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.hermite(n, x)

    def values(self, n: Any, x: Any) -> Any:
        from scipy.special import eval_hermite

        return self.by_case((n, x), (self._simple(n), lambda n, x: eval_hermite(n.astype(int), x)))


class hermite_prob(_Polynomial):
    """The probabilists' Hermite polynomial He_n(x).

    >>> hermite_prob(2, 0.5).eval()
    np.float64(-0.75)
    """

    sympy_types = (sympy.hermite_prob,)

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.hermite(n, x / mp.sqrt(2)) * mp.mpf(2) ** (-n / 2)

    def values(self, n: Any, x: Any) -> Any:
        from scipy.special import eval_hermitenorm

        return self.by_case((n, x), (self._simple(n), lambda n, x: eval_hermitenorm(n.astype(int), x)))


class laguerre(_Polynomial):
    """The Laguerre polynomial L_n(x).

    >>> laguerre(2, 0.5).eval()
    np.float64(0.125)
    """

    sympy_types = (sympy.laguerre,)

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.laguerre(n, 0, x)

    def values(self, n: Any, x: Any) -> Any:
        from scipy.special import eval_laguerre

        return self.by_case((n, x), (self._simple(n), lambda n, x: eval_laguerre(n.astype(int), x)))


class assoc_laguerre(_Polynomial):
    """The generalised Laguerre polynomial L_n^(a)(x).

    >>> assoc_laguerre(2, 1.0, 0.5).eval()
    np.float64(1.62500000000...)
    """

    sympy_types = (sympy.assoc_laguerre,)
    computed_by = "scipy.special for degrees 0, 1, 2, ... and a > -1; mpmath for the rest"

    def exact(self, mp: Any, n: Any, a: Any, x: Any) -> Any:
        return mp.laguerre(n, a, x)

    def values(self, n: Any, a: Any, x: Any) -> Any:
        from scipy.special import eval_genlaguerre

        simple = self._simple(n) & (a > -1)
        return self.by_case((n, a, x), (simple, lambda n, a, x: eval_genlaguerre(n.astype(int), a, x)))


class chebyshevt(_Polynomial):
    """The Chebyshev polynomial of the first kind T_n(x), with T_n(cos(t)) = cos(n*t).

    >>> chebyshevt(2, 0.5).eval()
    np.float64(-0.5)
    """

    sympy_types = (sympy.chebyshevt,)

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.chebyt(n, x)

    def values(self, n: Any, x: Any) -> Any:
        from scipy.special import eval_chebyt

        return self.by_case((n, x), (self._simple(np.abs(n)), lambda n, x: eval_chebyt(np.abs(n).astype(int), x)))


class chebyshevu(_Polynomial):
    """The Chebyshev polynomial of the second kind U_n(x), with U_n(cos(t)) = sin((n+1)*t) / sin(t).

    >>> chebyshevu(2, 0.5).eval()
    np.float64(0.0)
    """

    sympy_types = (sympy.chebyshevu,)

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.chebyu(n, x)

    def values(self, n: Any, x: Any) -> Any:
        from scipy.special import eval_chebyu

        return self.by_case((n, x), (self._simple(n), lambda n, x: eval_chebyu(n.astype(int), x)))

    def partial(self, place: int) -> Any:
        _, x = self.input_nodes
        formula = self.formula(place)
        return self.numeric_partial(place) if formula is None else self.guarded(1, formula, _near_one(x))


class jacobi(_Polynomial):
    """The Jacobi polynomial P_n^(a, b)(x).

    >>> jacobi(2, 1.0, 2.0, 0.5).eval()
    np.float64(-0.1875)
    """

    sympy_types = (sympy.jacobi,)
    computed_by = "scipy.special for degrees 0, 1, 2, ... and a, b > -1; mpmath for the rest"

    def exact(self, mp: Any, n: Any, a: Any, b: Any, x: Any) -> Any:
        return mp.jacobi(n, a, b, x)

    def values(self, n: Any, a: Any, b: Any, x: Any) -> Any:
        from scipy.special import eval_jacobi

        simple = self._simple(n) & (a > -1) & (b > -1)
        return self.by_case((n, a, b, x), (simple, lambda n, a, b, x: eval_jacobi(n.astype(int), a, b, x)))


class gegenbauer(_Polynomial):
    """The Gegenbauer polynomial C_n^(a)(x).

    >>> gegenbauer(2, 1.0, 0.5).eval()
    np.float64(0.0)
    """

    sympy_types = (sympy.gegenbauer,)
    computed_by = "scipy.special for degrees 0, 1, 2, ... and a > 0; mpmath for the rest"

    def exact(self, mp: Any, n: Any, a: Any, x: Any) -> Any:
        return mp.gegenbauer(n, a, x)

    def values(self, n: Any, a: Any, x: Any) -> Any:
        from scipy.special import eval_gegenbauer

        simple = self._simple(n) & (a > 0)
        return self.by_case((n, a, x), (simple, lambda n, a, x: eval_gegenbauer(n.astype(int), a, x)))


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


# --- spherical harmonics


def _theta_factor(mp: Any, n: Any, m: Any, theta: Any) -> Any:
    """Ynm without its exp(I*m*phi); even in theta as SymPy has it."""
    if not (mp.isint(n) and mp.isint(m)):
        return mp.sqrt((2 * n + 1) / (4 * mp.pi) * mp.gammaprod([n - m + 1], [n + m + 1])) * mp.legenp(
            n, m, mp.cos(theta)
        )
    degree, order = int(n), int(m)
    if degree < 0 or abs(order) > degree:
        return mp.zero
    ratio = mp.mpf(math.factorial(degree - abs(order))) / math.factorial(degree + abs(order))
    value = mp.sqrt((2 * degree + 1) / (4 * mp.pi) * ratio) * _legendre(mp, degree, abs(order), theta)
    return value * (-1) ** order if order < 0 else value


def _legendre(mp: Any, n: int, m: int, theta: Any) -> Any:
    """P_n^m(cos(theta)) for 0 <= m <= n, by the recurrence from P_m^m."""
    x = mp.cos(theta)
    before, value = mp.zero, (-mp.sqrt(mp.sin(theta) ** 2)) ** m * mp.fac2(2 * m - 1)
    for degree in range(m + 1, n + 1):
        before, value = value, ((2 * degree - 1) * x * value - (degree + m - 1) * before) / (degree - m)
    return value


class Ynm(Special):
    """The spherical harmonic Y_n^m(theta, phi), with theta from the pole: complex, of norm 1 on the sphere.

    >>> Ynm(1, 1, 1.0, 0.0).eval()
    np.complex128(-0.290723302201...+0j)
    """

    sympy_types = (sympy.Ynm,)
    computed_by = "scipy.special.lpmv for integers n < 80; mpmath for the rest"
    accuracy = "1e-13 of the modulus"
    indices = (0, 1)
    discrete = (0, 1)
    real_valued = False

    def exact(self, mp: Any, n: Any, m: Any, theta: Any, phi: Any) -> Any:
        return _theta_factor(mp, n, m, theta) * mp.expj(m * phi)

    def values(self, n: Any, m: Any, theta: Any, phi: Any) -> Any:
        simple = whole(n) & whole(m) & (n < 80)
        return self.by_case((n, m, theta, phi), (simple, _harmonic))

    def partial(self, place: int) -> Any:
        from .arithmetic import maximum, sqrt
        from .elementary import exp, sin
        from .logic import less, where

        n, m, theta, phi = self.input_nodes
        if place == 3:
            return 1j * m * self
        # a mean of both neighbours, which stays finite at the poles, where SymPy's formula has m*cot(theta)
        above = sqrt(maximum((n - m) * (n + m + 1), 0)) * exp(-1j * phi) * Ynm(n, m + 1, theta, phi)
        below = sqrt(maximum((n + m) * (n - m + 1), 0)) * exp(1j * phi) * Ynm(n, m - 1, theta, phi)
        return where(less(sin(theta), 0), -1.0, 1.0) * (above - below) / 2


def _harmonic(n: Any, m: Any, theta: Any, phi: Any) -> Any:
    from scipy.special import gamma, lpmv

    order = np.abs(m)
    inside = (n >= order) & (n >= 0)
    safe = np.where(inside, n, order)
    norm = np.sqrt((2 * safe + 1) / (4 * np.pi) * gamma(safe - order + 1) / gamma(safe + order + 1))
    sign = np.where((m < 0) & (order % 2 == 1), -1.0, 1.0)
    factor = np.where(inside, sign * norm * lpmv(order, safe, np.cos(theta)), 0.0)
    return factor * np.exp(1j * m * phi)


class Znm(Special):
    """The real spherical harmonic: sqrt(2) times the real part of Ynm for m > 0, the imaginary part for m < 0, Ynm for m = 0.

    >>> Znm(1, 1, 1.0, 0.0).eval()
    np.float64(-0.411144836870...)
    """

    sympy_types = (sympy.Znm,)
    computed_by = "scipy.special.lpmv for integers n < 80; mpmath for the rest"
    accuracy = "1e-13 of the modulus"
    indices = (0, 1)
    discrete = (0, 1)

    def exact(self, mp: Any, n: Any, m: Any, theta: Any, phi: Any) -> Any:
        factor = _theta_factor(mp, n, m, theta)
        return factor if m == 0 else mp.sqrt(2) * factor * (mp.cos(m * phi) if m > 0 else mp.sin(m * phi))

    def values(self, n: Any, m: Any, theta: Any, phi: Any) -> Any:
        def part(n: Any, m: Any, theta: Any, phi: Any) -> Any:
            value = _harmonic(n, m, theta, phi)
            return np.where(m == 0, 1.0, np.sqrt(2)) * np.where(m < 0, value.imag, value.real)

        simple = whole(n) & whole(m) & (n < 80)
        return self.by_case((n, m, theta, phi), (simple, part))
