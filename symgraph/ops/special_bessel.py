"""Bessel and Hankel functions, and the spherical ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy
from sympy.functions.special import bessel

from ..graph import Node
from ..nodes import Constant
from .special_base import Special, integers, library, whole


def _order(n: Node) -> Any:
    """An order to count from: a number where it is one, so that those next to it are numbers too."""
    return n.value if isinstance(n, Constant) and type(n.value) in (int, float) else n


class _Bessel(Special):
    """A Bessel function of real or complex order n. For real x < 0 it is real for integers n at most, else nan."""

    indices = (0,)
    accuracy = "1e-13 of its size, or of its envelope where it oscillates, for |n| < 50; complex: 1e-13 of the modulus"

    def _by_scipy(self, function: Any, real: Any, n: Any, x: Any, xp: Any = np) -> Any:
        """SciPy's function where the value is real; mpmath where SciPy gives up (not finite, at very large n or x)."""
        result = xp.where(real, function(n, x), np.nan)
        lost = real & ~xp.isfinite(result) & xp.not_equal(x, 0) & xp.isfinite(x) & xp.isfinite(n)
        return self.by_rows_where(lost, result, n, x, xp=xp)

    def partial(self, place: int) -> Any:
        if place == 0:
            return self.numeric_partial(0)
        n, x = self.input_nodes
        order = _order(n)
        return self.slope(type(self)(order - 1, x), type(self)(order + 1, x))

    def slope(self, below: Node, above: Node) -> Any:
        """The derivative with respect to x, from the functions of the orders below and above."""
        return (below - above) / 2


class besselj(_Bessel):
    """The Bessel function of the first kind J_n(x).

    >>> besselj(0, 1.0).eval()
    np.float64(0.765197686557...)
    """

    sympy_types = (sympy.besselj,)
    computed_by = "scipy.special.jv; mpmath for complex n and where SciPy gives up"

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.besselj(n, x)

    def values(self, n: Any, x: Any, xp: Any = np) -> Any:
        finite = self._by_scipy(library(xp).jv, (x >= 0) | whole(n, xp), n, x, xp)
        return xp.where(xp.isinf(x) & ~xp.isnan(n), 0.0, finite)

    def complex_values(self, n: Any, x: Any) -> Any:
        from scipy.special import jv

        return jv(n, x)


class bessely(_Bessel):
    """The Bessel function of the second kind Y_n(x); nan for real x < 0.

    >>> bessely(0, 1.0).eval()
    np.float64(0.0882569642156...)
    """

    sympy_types = (sympy.bessely,)
    computed_by = "scipy.special.yv; mpmath for complex n and where SciPy gives up"

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.bessely(n, x)

    def values(self, n: Any, x: Any, xp: Any = np) -> Any:
        finite = self._by_scipy(library(xp).yv, x >= 0, n, x, xp)
        return xp.where(xp.equal(x, np.inf) & ~xp.isnan(n), 0.0, finite)

    def complex_values(self, n: Any, x: Any) -> Any:
        from scipy.special import yv

        return yv(n, x)


class besseli(_Bessel):
    """The modified Bessel function of the first kind I_n(x).

    >>> besseli(0, 1.0).eval()
    np.float64(1.26606587775...)
    """

    sympy_types = (sympy.besseli,)
    computed_by = "scipy.special.iv; mpmath for complex n and where SciPy gives up"

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.besseli(abs(n) if mp.isint(n) else n, x)  # mpmath is slow for n = -1, -2, ...

    def values(self, n: Any, x: Any, xp: Any = np) -> Any:
        return self._by_scipy(library(xp).iv, (x >= 0) | whole(n, xp), n, x, xp)

    def complex_values(self, n: Any, x: Any) -> Any:
        from scipy.special import iv

        return iv(n, x)

    def slope(self, below: Node, above: Node) -> Any:
        return (below + above) / 2


class besselk(_Bessel):
    """The modified Bessel function of the second kind K_n(x); nan for real x < 0.

    >>> besselk(0, 1.0).eval()
    np.float64(0.421024438240...)
    """

    sympy_types = (sympy.besselk,)
    computed_by = "scipy.special.kv; mpmath for complex n and where SciPy gives up"

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.besselk(n, x)

    def values(self, n: Any, x: Any, xp: Any = np) -> Any:
        special = library(xp)

        def late(n: Any, x: Any) -> Any:  # kv underflows too early
            return xp.where(x > 600, special.kve(n, x) * xp.exp(-x / 2) * xp.exp(-x / 2), special.kv(n, x))

        return self._by_scipy(late, x >= 0, n, x, xp)

    def complex_values(self, n: Any, x: Any) -> Any:
        from scipy.special import kv

        return kv(n, x)

    def slope(self, below: Node, above: Node) -> Any:
        return -(below + above) / 2


class scaled_besseli(_Bessel):
    """exp(-x) * I_n(x), which does not overflow.

    >>> scaled_besseli(0, 1000.0).eval()
    np.float64(0.0126172404558912...)
    """

    sympy_types = (bessel._besseli,)
    computed_by = "scipy.special.ive for x >= 0; mpmath for the rest"

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.exp(-x) * mp.besseli(abs(n) if mp.isint(n) else n, x)

    def values(self, n: Any, x: Any, xp: Any = np) -> Any:
        return self.by_case((n, x), (x >= 0, library(xp).ive), (~whole(n, xp), np.nan), xp=xp)

    def slope(self, below: Node, above: Node) -> Any:
        return (below + above) / 2 - self


class scaled_besselk(_Bessel):
    """exp(x) * K_n(x), which does not underflow.

    >>> scaled_besselk(0, 1000.0).eval()
    np.float64(0.0396283216007...)
    """

    sympy_types = (bessel._besselk,)
    computed_by = "scipy.special.kve"

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.exp(x) * mp.besselk(n, x)

    def values(self, n: Any, x: Any, xp: Any = np) -> Any:
        return self._by_scipy(library(xp).kve, x >= 0, n, x, xp)

    def slope(self, below: Node, above: Node) -> Any:
        return self - (below + above) / 2


class _Hankel(_Bessel):
    """Complex for real inputs too."""

    real_valued = False

    def complex_values(self, n: Any, x: Any) -> Any:
        return self.values(n, x + 0j)


class hankel1(_Hankel):
    """The Hankel function of the first kind J_n(x) + I*Y_n(x).

    >>> hankel1(0, 1.0).eval()
    np.complex128(0.765197686557...+0.0882569642156...j)
    """

    sympy_types = (sympy.hankel1,)
    computed_by = "scipy.special.hankel1; mpmath for complex n"

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.hankel1(n, x)

    def values(self, n: Any, x: Any) -> Any:
        from scipy.special import hankel1 as function

        return self._by_scipy(function, x == x, n, x + 0j)


class hankel2(_Hankel):
    """The Hankel function of the second kind J_n(x) - I*Y_n(x).

    >>> hankel2(0, 1.0).eval()
    np.complex128(0.765197686557...-0.0882569642156...j)
    """

    sympy_types = (sympy.hankel2,)
    computed_by = "scipy.special.hankel2; mpmath for complex n"

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.hankel2(n, x)

    def values(self, n: Any, x: Any) -> Any:
        from scipy.special import hankel2 as function

        return self._by_scipy(function, x == x, n, x + 0j)


class _Spherical(Special):
    """sqrt(pi/(2*x)) times a Bessel function of order n + 1/2."""

    indices = (0,)
    accuracy = "1e-13 of its size, or of its envelope where it oscillates, for |n| < 50"

    def _derivative(self) -> Node:
        from .logic import equal

        n, x = self.input_nodes
        order = _order(n)
        return self.guarded(1, type(self)(order - 1, x) - (order + 1) / x * self, equal(x, 0))

    def partial(self, place: int) -> Any:
        return self.numeric_partial(0) if place == 0 else self._derivative()


class jn(_Spherical):
    """The spherical Bessel function of the first kind, for n = 0 sin(x)/x.

    >>> jn(0, 1.0).eval()
    np.float64(0.841470984807...)
    """

    sympy_types = (sympy.jn,)
    computed_by = "scipy.special.spherical_jn for n = 0, 1, 2, ...; mpmath for the rest"

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        if mp.isint(n) and n >= 0:  # a power series in x**2, for all x
            lead = mp.sqrt(mp.pi) * (x / 2) ** int(n) / 2 * mp.rgamma(n + mp.mpf(3) / 2)
            return lead * mp.hyp0f1(n + mp.mpf(3) / 2, -x * x / 4)
        return mp.sqrt(mp.pi / (2 * x)) * mp.besselj(n + mp.mpf(1) / 2, x)

    def values(self, n: Any, x: Any, xp: Any = np) -> Any:
        def function(n: Any, x: Any) -> Any:  # of positive numbers: those of C know no others
            sign = xp.where((x < 0) & ~whole(n / 2, xp), -1.0, 1.0)
            return sign * library(xp).spherical_jn(integers(n, xp), xp.abs(x))

        simple = whole(n, xp) & (n >= 0) & (n < 1e4)
        return self.by_case((n, x), (simple, function), ((x < 0) & ~whole(n, xp), np.nan), xp=xp)

    def complex_values(self, n: Any, x: Any) -> Any:
        from scipy.special import spherical_jn

        simple = whole(n) & (n >= 0) & (n < 1e4)
        return self.by_case((n, x), (simple, lambda n, x: spherical_jn(n.astype(int), x)))


class yn(_Spherical):
    """The spherical Bessel function of the second kind, for n = 0 -cos(x)/x.

    >>> yn(0, 1.0).eval()
    np.float64(-0.540302305868...)
    """

    sympy_types = (sympy.yn,)
    computed_by = "scipy.special.spherical_yn for n = 0, 1, 2, ...; mpmath for the rest"

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        if mp.isint(n) and mp.im(x) == 0 and x < 0:
            return (-1) ** (int(n) + 1) * self.exact(mp, n, -x)
        return mp.sqrt(mp.pi / (2 * x)) * mp.bessely(n + mp.mpf(1) / 2, x)

    def values(self, n: Any, x: Any, xp: Any = np) -> Any:
        def function(n: Any, x: Any) -> Any:
            return library(xp).spherical_yn(integers(n, xp), x)

        simple = whole(n, xp) & (n >= 0) & (n < 1e4)
        return self.by_case((n, x), (simple, function), ((x < 0) & ~whole(n, xp), np.nan), xp=xp)


class hn1(_Spherical):
    """The spherical Hankel function of the first kind, jn(n, x) + I*yn(n, x).

    >>> hn1(0, 1.0).eval()
    np.complex128(0.841470984807...-0.540302305868...j)
    """

    sympy_types = (sympy.hn1,)
    computed_by = "mpmath"
    real_valued = False

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.sqrt(mp.pi / (2 * x)) * mp.hankel1(n + mp.mpf(1) / 2, x)


class hn2(_Spherical):
    """The spherical Hankel function of the second kind, jn(n, x) - I*yn(n, x).

    >>> hn2(0, 1.0).eval()
    np.complex128(0.841470984807...+0.540302305868...j)
    """

    sympy_types = (sympy.hn2,)
    computed_by = "mpmath"
    real_valued = False

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.sqrt(mp.pi / (2 * x)) * mp.hankel2(n + mp.mpf(1) / 2, x)
