"""The error functions and their inverses, and the Fresnel integrals."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy
from sympy.functions.special import error_functions

from .special_base import Special, library


def _exp_of_square(x: Any, sign: int, xp: Any) -> Any:
    """exp(x**2) or exp(-x**2), with the square in two parts so that its rounding does no harm."""
    head = x.astype(np.float32).astype(np.float64)
    return xp.exp(sign * head * head) * xp.exp(sign * (x - head) * (x + head))


class erf(Special):
    """The error function, 2/sqrt(pi) times the integral of exp(-t**2) from 0 to x.

    >>> erf(1.0).eval()
    np.float64(0.842700792949...)
    """

    sympy_types = (sympy.erf,)
    computed_by = "scipy.special.erf"
    accuracy = "2 ulp; complex: 1e-14 of the modulus"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.erf(x)

    def values(self, x: Any) -> Any:
        from scipy.special import erf as function

        return function(x)

    complex_values = values


class erfc(Special):
    """1 - erf(x), without the cancellation.

    >>> erfc(10.0).eval()
    np.float64(2.08848758376...e-45)
    """

    sympy_types = (sympy.erfc,)
    computed_by = "scipy.special.erfc; erfcx(x) * exp(-x**2) for x > 1"
    accuracy = "8 ulp; complex: 1e-14 of the modulus"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.erfc(x)

    def values(self, x: Any) -> Any:
        from scipy.special import erfc as function

        return self.by_case((x,), ((x > 1) & (x < 27), _tail), (True, function))

    def complex_values(self, x: Any) -> Any:
        from scipy.special import erfc as function

        return function(x)


def _tail(x: Any) -> Any:
    from scipy.special import erfcx

    return erfcx(x) * _exp_of_square(x, -1, np)


class erfi(Special):
    """The imaginary error function -I*erf(I*x), 2/sqrt(pi) times the integral of exp(t**2) from 0 to x.

    >>> erfi(1.0).eval()
    np.float64(1.65042575879...)
    """

    sympy_types = (sympy.erfi,)
    computed_by = "scipy.special.erfi; dawsn(x) * exp(x**2) for |x| > 1"
    accuracy = "8 ulp; complex: 1e-14 of the modulus"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.erfi(x)

    def values(self, x: Any, xp: Any = np) -> Any:
        def growing(x: Any) -> Any:
            return 2 / np.sqrt(np.pi) * library(xp).dawsn(x) * _exp_of_square(x, 1, xp)

        size = xp.abs(x)
        return self.by_case((x,), ((size > 1) & (size < 26), growing), (True, library(xp).erfi), xp=xp)

    def complex_values(self, x: Any) -> Any:
        from scipy.special import erfi as function

        return function(x)


class erf2(Special):
    """erf(y) - erf(x).

    >>> erf2(0.0, 1.0).eval()
    np.float64(0.842700792949...)
    """

    sympy_types = (sympy.erf2,)
    computed_by = "differences of scipy.special.erf or erfc; mpmath where they cancel"
    accuracy = "20 ulp"

    def exact(self, mp: Any, x: Any, y: Any) -> Any:
        return mp.erfc(x) - mp.erfc(y) if mp.re(x) > 0 and mp.re(y) > 0 else mp.erf(y) - mp.erf(x)

    def values(self, x: Any, y: Any, xp: Any = np) -> Any:
        central, tail = library(xp).erf, library(xp).erfc
        sign = xp.where((x < 0) & (y < 0), -1.0, 1.0)  # erf is odd: erf2(-x, -y) is -erf2(x, y)
        tails = sign * xp.minimum(sign * x, sign * y) > 0.5
        first = xp.where(tails, -sign * tail(sign * x), central(x))
        second = xp.where(tails, -sign * tail(sign * y), central(y))
        result = second - first
        cancels = xp.abs(result) < 0.1 * xp.maximum(xp.abs(first), xp.abs(second))
        return self.by_rows_where(cancels & xp.not_equal(x, y), result, x, y, xp=xp)


class erfinv(Special):
    """The inverse of erf on (-1, 1); inf at 1.

    >>> erfinv(0.5).eval()
    np.float64(0.476936276204...)
    """

    sympy_types = (sympy.erfinv,)
    computed_by = "scipy.special.erfinv"
    accuracy = "2 ulp"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.erfinv(x)

    def values(self, x: Any, xp: Any = np) -> Any:
        return library(xp).erfinv(x)


class erfcinv(Special):
    """The inverse of erfc on (0, 2); inf at 0.

    >>> erfcinv(1e-100).eval()
    np.float64(15.0655747025...)
    """

    sympy_types = (sympy.erfcinv,)
    computed_by = "scipy.special.erfcinv"
    accuracy = "5 ulp"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.erfinv(1 - x)

    def values(self, x: Any, xp: Any = np) -> Any:
        return library(xp).erfcinv(x)


class erf2inv(Special):
    """The y for which erf(y) - erf(x) is a given number: erfinv(erf(x) + number).

    >>> erf2inv(0.0, 0.5).eval()
    np.float64(0.476936276204...)
    """

    sympy_types = (sympy.erf2inv,)
    computed_by = "scipy.special.erfinv and erfcinv; mpmath where the sum cancels"
    accuracy = "20 ulp"

    def exact(self, mp: Any, x: Any, y: Any) -> Any:
        return mp.erfinv(mp.erf(x) + y)

    def values(self, x: Any, y: Any, xp: Any = np) -> Any:
        central, inverse = library(xp).erf, library(xp).erfinv
        part = central(x)
        total = part + y
        simple = (xp.abs(total) < 0.9) & (xp.abs(total) > 0.3 * xp.abs(part))
        return self.by_case((x, y), (simple, lambda x, y: inverse(central(x) + y)), xp=xp)


class erfs(Special):
    """The scaled complementary error function exp(x**2) * erfc(x), which does not underflow.

    >>> erfs(100.0).eval()
    np.float64(0.005641613782989...)
    """

    sympy_types = (error_functions._erfs,)
    computed_by = "scipy.special.erfcx"
    accuracy = "8 ulp"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.exp(x * x) * mp.erfc(x)

    def values(self, x: Any, xp: Any = np) -> Any:
        return library(xp).erfcx(x)

    def partial(self, place: int) -> Any:
        from .logic import greater

        (x,) = self.input_nodes
        return self.guarded(0, 2 * x * self - float(2 / np.sqrt(np.pi)), greater(x, 5))


class fresnels(Special):
    """The Fresnel integral of sin(pi*t**2/2) from 0 to x.

    >>> fresnels(1.0).eval()
    np.float64(0.438259147390...)
    """

    sympy_types = (sympy.fresnels,)
    computed_by = "scipy.special.fresnel"
    accuracy = "8 ulp, and |x| ulp for |x| > 8; complex: 1e-13 of the modulus"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.fresnels(x)

    def values(self, x: Any, xp: Any = np) -> Any:
        return library(xp).fresnel(x)[0]

    complex_values = values


class fresnelc(Special):
    """The Fresnel integral of cos(pi*t**2/2) from 0 to x.

    >>> fresnelc(1.0).eval()
    np.float64(0.779893400376...)
    """

    sympy_types = (sympy.fresnelc,)
    computed_by = "scipy.special.fresnel"
    accuracy = "8 ulp, and |x| ulp for |x| > 8; complex: 1e-13 of the modulus"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.fresnelc(x)

    def values(self, x: Any, xp: Any = np) -> Any:
        return library(xp).fresnel(x)[1]

    complex_values = values
