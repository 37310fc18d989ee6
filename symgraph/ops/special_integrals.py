"""Exponential, logarithmic, sine and cosine integrals, and the Lambert W function."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy
from sympy.functions.special import error_functions

from .special_base import Special, integers, library, whole

_ROOT_OF_EI = 0.37250741078136663
_ROOT_OF_LI = 1.4513692348833810


class Ei(Special):
    """The exponential integral: the principal value of the integral of exp(t)/t from -inf to x.

    >>> Ei(1.0).eval()
    np.float64(1.89511781635...)
    """

    sympy_types = (sympy.Ei,)
    computed_by = "scipy.special.expi; mpmath next to its root at 0.3725"
    accuracy = "16 ulp; complex: 1e-14 of the modulus"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.ei(x)

    def values(self, x: Any, xp: Any = np) -> Any:
        return self.by_rows_where(xp.abs(x - _ROOT_OF_EI) < 0.03, library(xp).expi(x), x, xp=xp)

    def complex_values(self, x: Any) -> Any:
        from scipy.special import expi

        return expi(x)


class eis(Special):
    """The scaled exponential integral exp(-x) * Ei(x).

    >>> eis(1000.0).eval()
    np.float64(0.001001002006024...)
    """

    sympy_types = (error_functions._eis,)

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.exp(-x) * mp.ei(x)

    def partial(self, place: int) -> Any:
        from .logic import greater

        (x,) = self.input_nodes
        return self.guarded(0, 1 / x - self, greater(x, 5))


class expint(Special):
    """The generalised exponential integral E_n(x), the integral of exp(-x*t)/t**n from 1 to inf; E1(x) is expint(1, x).

    >>> expint(1, 1.0).eval()
    np.float64(0.219383934395...)
    """

    sympy_types = (sympy.expint,)
    computed_by = "scipy.special.expn for n = 0, 1, 2, ... and x > 0; mpmath for the rest"
    accuracy = "12 ulp"
    indices = (0,)

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        return mp.expint(n, x)

    def values(self, n: Any, x: Any, xp: Any = np) -> Any:
        simple = whole(n, xp) & (n >= 0) & (n < 1e5) & (x > 0)
        complex_valued = (x < 0) & ((n > 0) | ~whole(n, xp))
        return self.by_case(
            (n, x), (simple, lambda n, x: library(xp).expn(integers(n, xp), x)), (complex_valued, np.nan), xp=xp
        )

    def complex_values(self, n: Any, x: Any) -> Any:
        from scipy.special import exp1

        return self.by_case((n, x), ((n == 1) & (x.imag != 0) & (np.abs(x) < 2), lambda n, x: exp1(x)))


class li(Special):
    """The logarithmic integral, Ei(log(x)).

    >>> li(2.0).eval()
    np.float64(1.045163780117...)
    """

    sympy_types = (sympy.li,)
    computed_by = "scipy.special.expi; mpmath next to its root at 1.4514"
    accuracy = "16 ulp for x < 1e10; complex: mpmath"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.li(x)

    def values(self, x: Any, xp: Any = np) -> Any:
        return self.by_rows_where(xp.abs(x - _ROOT_OF_LI) < 0.05, library(xp).expi(xp.log(x)), x, xp=xp)


class Li(Special):
    """The offset logarithmic integral, li(x) - li(2).

    >>> Li(3.0).eval()
    np.float64(1.118424814549...)
    """

    sympy_types = (sympy.Li,)
    computed_by = "scipy.special.expi; mpmath for 1 < x < 4"
    accuracy = "16 ulp for x < 1e10; complex: mpmath"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.li(x) - mp.li(2)

    def values(self, x: Any, xp: Any = np) -> Any:
        near = library(xp).expi(xp.log(x)) - 1.0451637801174927848
        return self.by_rows_where((x > 1) & (x < 4), near, x, xp=xp)


class Si(Special):
    """The sine integral, the integral of sin(t)/t from 0 to x.

    >>> Si(1.0).eval()
    np.float64(0.946083070367...)
    """

    sympy_types = (sympy.Si,)
    computed_by = "scipy.special.sici"
    accuracy = "2 ulp; complex: 1e-14 of the modulus"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.si(x)

    def values(self, x: Any, xp: Any = np) -> Any:
        return library(xp).sici(x)[0]

    complex_values = values

    def partial(self, place: int) -> Any:
        from .elementary import sinc

        return sinc(self.input_nodes[0])


class Ci(Special):
    """The cosine integral, -1 times the integral of cos(t)/t from x to inf; nan for real x < 0.

    >>> Ci(1.0).eval()
    np.float64(0.337403922900...)
    """

    sympy_types = (sympy.Ci,)
    computed_by = "scipy.special.sici"
    accuracy = "1e-15 absolute; complex: 1e-14 of the modulus"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.ci(x)

    def values(self, x: Any, xp: Any = np) -> Any:
        return xp.where(x < 0, np.nan, library(xp).sici(x)[1])

    def complex_values(self, x: Any) -> Any:
        from scipy.special import sici

        return sici(x)[1]


class Shi(Special):
    """The hyperbolic sine integral, the integral of sinh(t)/t from 0 to x.

    >>> Shi(1.0).eval()
    np.float64(1.05725087537...)
    """

    sympy_types = (sympy.Shi,)
    computed_by = "scipy.special.shichi"
    accuracy = "16 ulp; complex: 1e-14 of the modulus"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.shi(x)

    def values(self, x: Any, xp: Any = np) -> Any:
        return library(xp).shichi(x)[0]

    complex_values = values

    def partial(self, place: int) -> Any:
        from .hyperbolic import sinh
        from .logic import equal, where

        (x,) = self.input_nodes
        safe = where(equal(x, 0), 1.0, x)
        return where(equal(x, 0), 1.0, sinh(safe) / safe)


class Chi(Special):
    """The hyperbolic cosine integral, EulerGamma + log(x) + the integral of (cosh(t) - 1)/t from 0 to x; nan for real x < 0.

    >>> Chi(1.0).eval()
    np.float64(0.837866940980...)
    """

    sympy_types = (sympy.Chi,)
    computed_by = "scipy.special.shichi"
    accuracy = "16 ulp, 1e-15 absolute next to its root at 0.5238; complex: 1e-14 of the modulus"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.chi(x)

    def values(self, x: Any, xp: Any = np) -> Any:
        return xp.where(x < 0, np.nan, library(xp).shichi(x)[1])

    def complex_values(self, x: Any) -> Any:
        from scipy.special import shichi

        return shichi(x)[1]


class LambertW(Special):
    """The w for which w * exp(w) = x, on the branch k: real for k = 0 and x >= -1/e, and for k = -1 and -1/e <= x < 0.

    >>> LambertW(1.0, 0).eval()
    np.float64(0.567143290409...)
    """

    computed_by = "scipy.special.lambertw; mpmath next to the branch point -1/e"
    accuracy = "2 ulp; 4 ulp of the conditioning for x + 1/e < 0.02"
    indices = (1,)
    discrete = (1,)
    differentiated = sympy.LambertW

    def exact(self, mp: Any, x: Any, k: Any) -> Any:
        return mp.lambertw(x, int(k)) if mp.isint(k) else mp.nan

    def values(self, x: Any, k: Any) -> Any:
        from scipy.special import lambertw

        outside = (x < -1 / np.e) | ((k != 0) & ((k != -1) | (x >= 0)))
        return self.by_case(
            (x, k),
            ((x == 0) & (k == -1), -np.inf),
            (outside & (x != -1 / np.e), np.nan),
            (x + 1 / np.e < 0.02, self.rows),
            (True, lambda x, k: lambertw(x, k.astype(int)).real),
        )

    def complex_values(self, x: Any, k: Any) -> Any:
        from scipy.special import lambertw

        near = np.abs(x + 1 / np.e) < 0.02
        return self.by_case((x, k), (near | ~whole(k), self.rows), (True, lambda x, k: lambertw(x, k.astype(int))))

    def partial(self, place: int) -> Any:
        from .elementary import exp

        return exp(-self) / (1 + self)
