"""Factorials and binomial coefficients: exact for integers, rounded once."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import sympy

from .special_base import Special, whole


@cache
def _factorials() -> Any:
    return np.array([float(math.factorial(n)) for n in range(171)])


class factorial(Special):
    """x!, which is gamma(x + 1); nan at -1, -2, ...

    >>> factorial([5.0, -0.5]).eval()
    array([120.        ,   1.77245385])
    """

    sympy_types = (sympy.factorial,)
    computed_by = "a table for 0, 1, ..., 170; scipy.special.gamma"
    accuracy = "0.5 ulp for integers, 6 ulp otherwise; complex: 1e-14 of the modulus"

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.factorial(x)

    def values(self, x: Any) -> Any:
        from scipy.special import gamma

        table = whole(x) & (x >= 0) & (x <= 170)
        return self.by_case(
            (x,),
            (table, lambda x: _factorials()[x.astype(int)]),
            (x > -0.5, lambda x: gamma(x + 1)),
            (whole(x), np.nan),
        )

    def complex_values(self, x: Any) -> Any:
        from scipy.special import gamma

        return gamma(x + 1)


class factorial2(Special):
    """The double factorial x!! = x * (x - 2) * ...; of odd negative integers too, and mpmath's continuation to other numbers.

    >>> factorial2([5.0, 6.0]).eval()
    array([15., 48.])
    """

    sympy_types = (sympy.factorial2,)

    def exact(self, mp: Any, x: Any) -> Any:
        if mp.isint(x) and 0 <= mp.re(x) <= 400:
            return int(sympy.factorial2(int(mp.re(x))))
        return mp.fac2(x)


class subfactorial(Special):
    """The number of permutations of n things that leave none in its place.

    >>> subfactorial(5.0).eval()
    np.float64(44.0)
    """

    sympy_types = (sympy.subfactorial,)
    accuracy = "0.5 ulp"

    def exact(self, mp: Any, x: Any) -> Any:
        if mp.isint(x) and 0 <= mp.re(x) <= 200:
            return int(sympy.subfactorial(int(mp.re(x))))
        return mp.gammainc(x + 1, -1) / mp.e


class binomial(Special):
    """The binomial coefficient, n! / (k! * (n-k)!); for an integer k the polynomial in n, 0 for k = -1, -2, ...

    >>> binomial(300.0, 150.0).eval()
    np.float64(9.37597027728...e+88)
    """

    sympy_types = (sympy.binomial,)
    computed_by = "integer arithmetic for integers, a product for integers k up to 40; mpmath for the rest"
    accuracy = "0.5 ulp for integers, k ulp for integers k"

    def exact(self, mp: Any, n: Any, k: Any) -> Any:
        if mp.isint(k) and mp.re(k) < 0:
            return mp.zero
        if mp.isint(n) and mp.isint(k) and mp.im(n) == 0:
            return _of_integers(int(n), int(k))
        if mp.isint(n) and mp.im(n) == 0 and n < 0:
            return mp.nan
        return mp.binomial(n, k)

    def values(self, n: Any, k: Any) -> Any:
        polynomial = whole(k) & (k >= 0) & (k <= 40) & ~whole(n)
        return self.by_case((n, k), (whole(k) & (k < 0) & ~np.isnan(n), 0.0), (polynomial, _product))

    def partial(self, place: int) -> Any:
        from .arithmetic import subtract
        from .logic import equal, logical_or, not_equal

        formula = self.formula(place)  # 0 times a pole of digamma, or a difference of poles
        if formula is None:
            return self.numeric_partial(place)
        return self.guarded(place, formula, logical_or(equal(self, 0), not_equal(subtract(formula, formula), 0)))


def _product(n: Any, k: Any) -> Any:
    result = np.ones(n.shape)
    for i in range(int(k.max())):
        result = np.where(i < k, result * (n - i) / (i + 1), result)
    return result


def _of_integers(n: int, k: int) -> int:
    if n < 0:  # binomial(-n, k) is (-1)**k * binomial(n + k - 1, k)
        return (-1 if k % 2 else 1) * _of_integers(k - n - 1, k)
    if 1000 < k < n - 1000:  # above binomial(2002, 1001), beyond the largest float
        raise OverflowError
    return math.comb(n, k)


class FallingFactorial(Special):
    """x * (x-1) * ... * (x-k+1), or gamma(x+1) / gamma(x-k+1).

    >>> FallingFactorial(5.0, 3.0).eval()
    np.float64(60.0)
    """

    sympy_types = (sympy.FallingFactorial,)
    computed_by = "a product for integers |k| up to 60; mpmath for the rest"
    accuracy = "|k| ulp"

    def exact(self, mp: Any, x: Any, k: Any) -> Any:
        return mp.ff(x, k)

    def values(self, x: Any, k: Any) -> Any:
        return self.by_case((x, k), (whole(k) & (np.abs(k) <= 60), lambda x, k: _steps(x, k, -1.0)))


class RisingFactorial(Special):
    """x * (x+1) * ... * (x+k-1), or gamma(x+k) / gamma(x); Pochhammer's symbol.

    >>> RisingFactorial(5.0, 3.0).eval()
    np.float64(210.0)
    """

    sympy_types = (sympy.RisingFactorial,)
    computed_by = "a product for integers |k| up to 60; mpmath for the rest"
    accuracy = "|k| ulp"

    def exact(self, mp: Any, x: Any, k: Any) -> Any:
        return mp.rf(x, k)

    def values(self, x: Any, k: Any) -> Any:
        return self.by_case((x, k), (whole(k) & (np.abs(k) <= 60), lambda x, k: _steps(x, k, 1.0)))


def _steps(x: Any, k: Any, step: float) -> Any:
    """The product of k factors x, x + step, ...; for k < 0 one over that of x - step, x - 2*step, ..."""
    result = np.ones(x.shape)
    for i in range(int(np.abs(k).max())):
        factor = np.where(k > 0, x + step * i, x - step * (i + 1))
        result = np.where(i < np.abs(k), result * factor, result)
    return np.where(k < 0, 1 / result, result)


class catalan(Special):
    """The Catalan numbers binomial(2*n, n) / (n + 1), by the gamma function for all n.

    >>> catalan(10.0).eval()
    np.float64(16796.0)
    """

    sympy_types = (sympy.catalan,)
    accuracy = "0.5 ulp"

    def exact(self, mp: Any, n: Any) -> Any:
        if mp.isint(n) and 0 <= mp.re(n) <= 600:
            return math.comb(2 * int(mp.re(n)), int(mp.re(n))) // (int(mp.re(n)) + 1)
        if n == -1:
            return mp.mpf(-1) / 2
        return mp.mpf(4) ** n * mp.gammaprod([n + mp.mpf(1) / 2], [mp.mpf(1) / 2, n + 2])

    def partial(self, place: int) -> Any:
        from .special_gamma import digamma

        (n,) = self.input_nodes
        return self * (digamma(n + 0.5) - digamma(n + 2) + math.log(4))
