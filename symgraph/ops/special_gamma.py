"""The gamma function and its relatives: logarithm, derivatives, incomplete gamma and beta functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy
from sympy.functions.special.gamma_functions import multigamma as sympy_multigamma

from .special_base import Special, library, whole


class gamma(Special):
    """The gamma function; nan at its poles -1, -2, ...

    >>> gamma(5).eval()
    np.float64(24.0)
    """

    sympy_types = (sympy.gamma,)
    computed_by = "scipy.special.gamma"
    accuracy = "6 ulp; complex: 1e-14 of the modulus"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.gamma(x)

    def values(self, x: Any) -> Any:
        from scipy.special import gamma as function

        return function(x)

    complex_values = values


class loggamma(Special):
    """The logarithm of the gamma function. Real for x > 0; for real x < 0 its value is complex, so nan.

    >>> loggamma(0.5).eval()
    np.float64(0.572364942924...)
    """

    sympy_types = (sympy.loggamma,)
    computed_by = "scipy.special.gammaln, and loggamma next to its roots 1 and 2"
    accuracy = "8 ulp; complex: 1e-14 of the modulus"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.loggamma(x)

    def values(self, x: Any) -> Any:
        from scipy.special import gammaln
        from scipy.special import loggamma as principal

        roots = (np.abs(x - 1) < 0.2) | (np.abs(x - 2) < 0.2)
        return self.by_case(
            (x,), ((x < 0) & ~whole(x), np.nan), (roots, lambda x: principal(x + 0j).real), (True, gammaln)
        )

    def complex_values(self, x: Any) -> Any:
        from scipy.special import loggamma as function

        return function(x)


class digamma(Special):
    """The logarithmic derivative of the gamma function.

    >>> digamma(1).eval()
    np.float64(-0.577215664901...)
    """

    sympy_types = (sympy.digamma,)
    computed_by = "scipy.special.psi"
    accuracy = "4 ulp for x > 0, 1e-13 of its size for x < 0; complex: 1e-14 of the modulus"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.digamma(x)

    def values(self, x: Any) -> Any:
        from scipy.special import psi

        return psi(x)

    complex_values = values

    def partial(self, place: int) -> Any:
        return trigamma(self.input_nodes[0])


class trigamma(Special):
    """The derivative of the digamma function.

    >>> trigamma(1).eval()
    np.float64(1.64493406684...)
    """

    sympy_types = (sympy.trigamma,)
    computed_by = "scipy.special.zeta for x > 0; mpmath for the rest"
    accuracy = "5 ulp"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.psi(1, x)

    def values(self, x: Any) -> Any:
        from scipy.special import zeta

        return self.by_case((x,), (x > 0, lambda x: zeta(2, x)))

    def partial(self, place: int) -> Any:
        return polygamma(2, self.input_nodes[0])


class polygamma(Special):
    """The n-th derivative of the digamma function; for n that is no natural number SymPy's generalisation (Espinosa and Moll).

    >>> polygamma(1, 1.0).eval()
    np.float64(1.64493406684...)
    """

    differentiated = sympy.polygamma
    computed_by = "scipy.special.psi and zeta for n = 0, 1, ..., 100 and x > 0; mpmath for the rest"
    accuracy = "8 ulp"
    indices = (0,)

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        if mp.isint(x) and mp.re(x) <= 0:
            return mp.nan
        if mp.isint(n) and mp.re(n) >= 0:
            return mp.psi(int(mp.re(n)), x)
        if n == -1:
            return mp.loggamma(x) - mp.log(2 * mp.pi) / 2
        distance = abs(n - mp.nint(mp.re(n)))  # from an integer, next to which poles cancel
        with mp.workprec(mp.prec + 20 + (int(-3 * mp.log(distance, 2)) if distance else 0)):
            by_order = mp.zeta(n + 1, x, 1) + (mp.euler + mp.digamma(-n)) * mp.zeta(n + 1, x)
            return by_order * mp.rgamma(-n)

    def values(self, n: Any, x: Any) -> Any:
        from scipy.special import gamma as complete
        from scipy.special import psi, zeta

        def derivative(n: Any, x: Any) -> Any:
            return np.where(n % 2 == 0, -1.0, 1.0) * complete(n + 1) * zeta(n + 1, x)

        simple = whole(n) & (n > 0) & (n <= 100) & (x > 0)
        result = self.by_case((n, x), (n == 0, lambda n, x: psi(x)), (simple, derivative))
        return self.by_rows_where(simple & ((result == 0) | np.isinf(result)) & np.isfinite(x), result, n, x)

    def complex_values(self, n: Any, x: Any) -> Any:
        from scipy.special import psi

        return self.by_case((n, x), (n == 0, lambda n, x: psi(x)))


class multigamma(Special):
    """The multivariate gamma function of dimension p: pi**(p*(p-1)/4) times the product of gamma(x + (1-k)/2) for k = 1, ..., p.

    >>> multigamma(3.0, 2).eval()
    np.float64(4.712388980384...)
    """

    sympy_types = (sympy_multigamma,)
    indices = (1,)
    discrete = (1,)

    def exact(self, mp: Any, x: Any, p: Any) -> Any:
        if not mp.isint(p) or p < 0:
            return mp.nan
        result = mp.pi ** (p * (p - 1) / 4)
        for k in range(int(p)):
            result *= mp.gamma(x - mp.mpf(k) / 2)
        return result


class uppergamma(Special):
    """The upper incomplete gamma function, the integral of t**(s-1) * exp(-t) from x to inf.

    >>> uppergamma(2.0, 1.0).eval()
    np.float64(0.735758882342...)
    """

    sympy_types = (sympy.uppergamma,)
    computed_by = "scipy.special.gammaincc * gamma for 0 < s < 150 and x >= 0; mpmath for the rest"
    accuracy = "1e-13"
    indices = (0,)

    def exact(self, mp: Any, s: Any, x: Any) -> Any:
        return mp.gammainc(s, x)

    def values(self, s: Any, x: Any, xp: Any = np) -> Any:
        special = library(xp)
        simple = (s > 0) & (s < 150) & (x >= 0)
        result = self.by_case(
            (s, x),
            (simple, lambda s, x: special.gammaincc(s, x) * special.gamma(s)),
            ((x < 0) & ((s <= 0) | ~whole(s, xp)), np.nan),
            xp=xp,
        )
        return self.by_rows_where(simple & (result < 1e-280) & (x < 1000), result, s, x, xp=xp)

    def partial(self, place: int) -> Any:
        return self.numeric_partial(place) if place == 0 else self.formula(place)


class lowergamma(Special):
    """The lower incomplete gamma function, the integral of t**(s-1) * exp(-t) from 0 to x.

    >>> lowergamma(2.0, 1.0).eval()
    np.float64(0.264241117657...)
    """

    sympy_types = (sympy.lowergamma,)
    computed_by = "scipy.special.gammainc * gamma for 0 < s < 150 and x >= 0; mpmath for the rest"
    accuracy = "1e-13"
    indices = (0,)

    def exact(self, mp: Any, s: Any, x: Any) -> Any:
        if mp.isint(s) and mp.re(s) <= 0:
            return mp.nan
        return x**s / s * mp.hyp1f1(s, s + 1, -x) if mp.re(x) < 0 else mp.gammainc(s, 0, x)

    def values(self, s: Any, x: Any, xp: Any = np) -> Any:
        special = library(xp)
        simple = (s > 0) & (s < 150) & (x >= 0)
        result = self.by_case(
            (s, x),
            (simple, lambda s, x: special.gammainc(s, x) * special.gamma(s)),
            ((x < 0) & ~whole(s, xp), np.nan),
            xp=xp,
        )
        return self.by_rows_where(simple & (result < 1e-280) & (x > 0), result, s, x, xp=xp)

    def partial(self, place: int) -> Any:
        return self.numeric_partial(place) if place == 0 else self.formula(place)


class beta(Special):
    """The beta function gamma(x) * gamma(y) / gamma(x + y).

    >>> beta(2.0, 3.0).eval()
    np.float64(0.0833333333333333...)
    """

    sympy_types = (sympy.beta,)
    computed_by = "scipy.special.beta"
    accuracy = "1e-12"

    def exact(self, mp: Any, x: Any, y: Any) -> Any:
        return mp.beta(x, y)

    def values(self, x: Any, y: Any, xp: Any = np) -> Any:
        return library(xp).beta(x, y)


class betainc_regularized(Special):
    """The incomplete beta function from x1 to x2, over beta(a, b).

    >>> betainc_regularized(2.0, 3.0, 0.0, 0.5).eval()
    np.float64(0.6875)
    """

    sympy_types = (sympy.betainc_regularized,)
    computed_by = "scipy.special.betainc and betaincc for a, b > 0 and 0 <= x1, x2 <= 1; mpmath for the rest, and where they cancel"
    accuracy = "1e-13"

    def exact(self, mp: Any, a: Any, b: Any, x1: Any, x2: Any) -> Any:
        return mp.betainc(a, b, x1, x2, regularized=True) if x1 != x2 else mp.zero

    def values(self, a: Any, b: Any, x1: Any, x2: Any, xp: Any = np) -> Any:
        result, exact = _regularized(a, b, x1, x2, xp)
        return self.by_rows_where(~exact, result, a, b, x1, x2, xp=xp)


def _regularized(a: Any, b: Any, x1: Any, x2: Any, xp: Any) -> tuple[Any, Any]:
    """The regularized incomplete beta function as a difference of SciPy's, and where that is accurate."""
    lower, upper = library(xp).betainc, library(xp).betaincc
    simple = (a > 0) & (b > 0) & (x1 >= 0) & (x1 <= 1) & (x2 >= 0) & (x2 <= 1)
    first, second = lower(a, b, x1), lower(a, b, x2)
    tails = (first > 0.5) & (second > 0.5)
    first, second = xp.where(tails, -upper(a, b, x1), first), xp.where(tails, -upper(a, b, x2), second)
    result = second - first
    size = xp.abs(result)
    kept = (size >= 0.3 * xp.maximum(xp.abs(first), xp.abs(second))) & (size > 1e-280)
    return result, simple & (kept | xp.equal(x1, x2))


class betainc(Special):
    """The incomplete beta function, the integral of t**(a-1) * (1-t)**(b-1) from x1 to x2.

    >>> betainc(2.0, 3.0, 0.0, 0.5).eval()
    np.float64(0.0572916666666666...)
    """

    sympy_types = (sympy.betainc,)
    computed_by = "as betainc_regularized, times scipy.special.beta for a + b < 50"
    accuracy = "1e-12"

    def exact(self, mp: Any, a: Any, b: Any, x1: Any, x2: Any) -> Any:
        return mp.betainc(a, b, x1, x2) if x1 != x2 else mp.zero

    def values(self, a: Any, b: Any, x1: Any, x2: Any, xp: Any = np) -> Any:
        result, exact = _regularized(a, b, x1, x2, xp)
        near = exact & (a + b < 50)
        return self.by_rows_where(~near, result * library(xp).beta(a, b), a, b, x1, x2, xp=xp)
