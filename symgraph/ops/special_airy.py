"""Airy functions, and Marcum's Q function."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import sympy
from sympy.functions.special import bessel

from .special_base import Special, library


class _Airy(Special):
    """SciPy's for -1000 < x < 103, where its cosine keeps its digits."""

    computed_by = "scipy.special.airy for -1000 < x < 103; mpmath for the rest"
    accuracy = "1e-13 of its size, or |x|**1.5 ulp of its envelope for x < 0; complex: 1e-13 of the modulus"
    place: ClassVar[int] = 0
    start: ClassVar[float] = 0.0  # at -inf
    end: ClassVar[float] = 0.0  # at inf

    def values(self, x: Any, xp: Any = np) -> Any:
        return self.by_case(
            (x,),
            (x > 108.5, self.end),  # Ai and Bi have left the floats there; SciPy's leave at 103
            ((x > -1000) & (x < 103), lambda x: library(xp).airy(x)[self.place]),
            (xp.equal(x, -np.inf), self.start),
            xp=xp,
        )

    def complex_values(self, x: Any) -> Any:
        from scipy.special import airy

        return self.by_case((x,), (np.abs(x) < 1000, lambda x: airy(x)[self.place]))


class airyai(_Airy):
    """The Airy function Ai.

    >>> airyai(0.0).eval()
    np.float64(0.355028053887...)
    """

    sympy_types = (sympy.airyai,)

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.airyai(x)


class airyaiprime(_Airy):
    """The derivative of the Airy function Ai.

    >>> airyaiprime(0.0).eval()
    np.float64(-0.258819403792...)
    """

    sympy_types = (sympy.airyaiprime,)
    place = 1
    start = float("nan")

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.airyai(x, derivative=1)


class airybi(_Airy):
    """The Airy function Bi.

    >>> airybi(0.0).eval()
    np.float64(0.614926627446...)
    """

    sympy_types = (sympy.airybi,)
    place = 2
    end = float("inf")

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.airybi(x)


class airybiprime(_Airy):
    """The derivative of the Airy function Bi.

    >>> airybiprime(0.0).eval()
    np.float64(0.448288357353...)
    """

    sympy_types = (sympy.airybiprime,)
    place = 3
    end = float("inf")
    start = float("nan")

    def exact(self, mp: Any, x: Any) -> Any:
        return mp.airybi(x, derivative=1)


class marcumq(Special):
    """Marcum's Q function of order m > 0: a**(1-m) times the integral of t**m * exp(-(t**2 + a**2)/2) * I_(m-1)(a*t) from b to inf.

    >>> marcumq(1.0, 1.0, 2.0).eval()
    np.float64(0.2690120600359...)
    """

    sympy_types = (bessel.marcumq,)
    computed_by = "mpmath, as a mixture of incomplete gamma functions with Poisson weights"

    def exact(self, mp: Any, m: Any, a: Any, b: Any) -> Any:
        if any(mp.im(number) for number in (m, a, b)) or m < 0:
            return mp.nan
        x, y = a * a / 2, b * b / 2
        if m == 0:  # of the Poisson weights the first belongs to a value at 0, which is not beyond b
            return 1 - mp.exp(-x) if y == 0 else self._mixture(mp, m, x, y) - mp.exp(-x) * (mp.one if y == 0 else 0)
        return self._mixture(mp, m, x, y)

    def _mixture(self, mp: Any, m: Any, x: Any, y: Any) -> Any:
        """The sum of exp(-x) * x**k/k! * Q(m + k, y), where Q grows by y**(m+k) * exp(-y) / gamma(m+k+1) from k to k + 1."""
        weight = mp.exp(-x)
        tail = mp.gammainc(m, y, regularized=True) if m else mp.zero
        growth = mp.exp(-y) * y**m * mp.rgamma(m + 1)
        total, k = mp.zero, 0
        while k <= x or weight > mp.eps * total:
            total += weight * tail
            k += 1
            tail += growth
            weight *= x / k
            growth *= y / (m + k)
        return total
