"""Zeta functions and polylogarithms, and the numbers and polynomials of Bernoulli, Euler and Genocchi, which are their values."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy
from sympy.functions.combinatorial import numbers as sympy_numbers

from .special_base import Special, library, whole


class zeta(Special):
    """Riemann's zeta function.

    >>> zeta(2.0).eval()
    np.float64(1.64493406684...)
    """

    computed_by = "scipy.special.zeta; mpmath for complex numbers"
    accuracy = "8 ulp for x > -10, 1e-13 below"

    def exact(self, mp: Any, s: Any) -> Any:
        return mp.zeta(s)

    def values(self, s: Any) -> Any:
        from scipy.special import zeta as function

        return self.by_case((s,), (s > -150, function))


class hurwitz_zeta(Special):
    """Hurwitz's zeta function, the sum of (n + a)**-s for n = 0, 1, ...

    >>> hurwitz_zeta(2.0, 0.5).eval()
    np.float64(4.93480220054...)
    """

    computed_by = "scipy.special.zeta for s > 1 and a > 0; mpmath for the rest"
    accuracy = "4 ulp; 1e-12 where the value is below 1e-300"

    def exact(self, mp: Any, s: Any, a: Any) -> Any:
        return _hurwitz(mp, s, a)

    def values(self, s: Any, a: Any) -> Any:
        from scipy.special import zeta as function

        return self.by_case((s, a), ((s > 1) & (a > 0), function))

    def partial(self, place: int) -> Any:
        from .logic import equal

        s, a = self.input_nodes
        if place == 0:
            return self.numeric_partial(0)
        return self.guarded(1, -s * hurwitz_zeta(s + 1, a), equal(s, 0))


def _hurwitz(mp: Any, s: Any, a: Any) -> Any:
    """mpmath's, with more digits: its precision is absolute, which leaves few of a value of the size a**-s, and it loses some next to s = 0."""
    if mp.isint(a) and mp.re(a) <= 0 and not (mp.isint(s) and mp.re(s) <= 0):
        return mp.nan
    lost = mp.re(s) * mp.log(abs(a), 2) if abs(a) > 1 else 0
    with mp.workprec(mp.prec + 64 + max(0, int(lost))):
        return mp.zeta(s, a)


class dirichlet_eta(Special):
    """Dirichlet's eta function, the sum of (-1)**n / (n + 1)**s.

    >>> dirichlet_eta(1.0).eval()
    np.float64(0.693147180559...)
    """

    def exact(self, mp: Any, s: Any) -> Any:
        return mp.altzeta(s)


class hurwitz_eta(Special):
    """The sum of (-1)**n / (n + a)**s for n = 0, 1, ...: SymPy's dirichlet_eta(s, a).

    >>> hurwitz_eta(2.0, 0.5).eval()
    np.float64(3.6638623767088...)
    """

    def exact(self, mp: Any, s: Any, a: Any) -> Any:
        if s == 1:
            return mp.ln2 - mp.digamma(a) + mp.digamma((a + 1) / 2)
        return _hurwitz(mp, s, a) - 2 ** (1 - s) * _hurwitz(mp, s, (a + 1) / 2)


class polylog(Special):
    """The polylogarithm, the sum of z**n / n**s for n = 1, 2, ..., and its continuation; real for real z <= 1.

    >>> polylog(2.0, 1.0).eval()
    np.float64(1.64493406684...)
    """

    sympy_types = (sympy.polylog,)

    def exact(self, mp: Any, s: Any, z: Any) -> Any:
        return mp.polylog(s, z)

    def partial(self, place: int) -> Any:
        from .logic import equal

        s, z = self.input_nodes
        if place == 0:
            return self.numeric_partial(0)
        return self.guarded(1, polylog(s - 1, z) / z, equal(z, 0))


class lerchphi(Special):
    """Lerch's transcendent, the sum of z**n / (n + a)**s for n = 0, 1, ..., and its continuation.

    >>> lerchphi(0.5, 2.0, 1.0).eval()
    np.float64(1.1644810529300...)
    """

    sympy_types = (sympy.lerchphi,)

    def exact(self, mp: Any, z: Any, s: Any, a: Any) -> Any:
        return mp.lerchphi(z, s, a)

    def partial(self, place: int) -> Any:
        from .arithmetic import abs
        from .logic import less

        z, s, a = self.input_nodes
        if place == 1:
            return self.numeric_partial(1)
        if place == 2:
            return -s * lerchphi(z, s + 1, a)
        return self.guarded(0, (lerchphi(z, s - 1, a) - a * self) / z, less(abs(z), 0.1))


class riemann_xi(Special):
    """Riemann's xi function s * (s-1) * gamma(s/2) * zeta(s) / (2 * pi**(s/2)).

    >>> riemann_xi(0.5).eval()
    np.float64(0.497120778188314...)
    """

    sympy_types = (sympy.riemann_xi,)

    def exact(self, mp: Any, s: Any) -> Any:
        if mp.re(s) < 0.5:
            s = 1 - s
        # (s - 1) * zeta(s) next to 1, where zeta has its pole
        near = mp.one if s == 1 else (s - 1) * mp.zeta(s)
        return mp.gamma(s / 2 + 1) * near / mp.pi ** (s / 2)


class stieltjes(Special):
    """The Stieltjes constants: (-1)**n / n! times the coefficients of zeta(s, a) - 1/(s-1) at s = 1; for a > 0, else nan.

    >>> stieltjes(0.0, 1.0).eval()
    np.float64(0.577215664901...)
    """

    indices = (0,)
    discrete = (0,)

    def exact(self, mp: Any, n: Any, a: Any) -> Any:
        if not (mp.isint(n) and n >= 0 and mp.re(a) > 0):
            return mp.nan
        if n == 0:
            return -mp.digamma(a)
        return _stieltjes(mp, int(n), a) if mp.im(a) else mp.stieltjes(int(n), a)


def _stieltjes(mp: Any, n: int, a: Any) -> Any:
    """By Hermite's formula, for complex a too: there mpmath's own takes the real part of an integrand that is not real."""

    def term(point: Any) -> Any:
        return mp.log(point) ** n / point

    def difference(x: Any) -> Any:
        return mp.j * (term(a + mp.j * x) - term(a - mp.j * x)) / mp.expm1(2 * mp.pi * x)

    before = mp.zero
    while mp.re(a) < 2:  # away from the poles at a = +- i*x
        before += term(a)
        a = a + 1
    return before + term(a) / 2 - mp.log(a) ** (n + 1) / (n + 1) + mp.quad(difference, [0, mp.inf])


class bernoulli(Special):
    """The Bernoulli numbers, with bernoulli(1) = 1/2; -x*zeta(1-x) for other x.

    >>> bernoulli([2.0, 4.0]).eval()
    array([ 0.16666667, -0.03333333])
    """

    def exact(self, mp: Any, n: Any) -> Any:
        if n == 0:
            return mp.one
        if mp.isint(n) and mp.re(n) > 1:
            return mp.bernoulli(int(mp.re(n)))
        return -n * mp.zeta(1 - n) if n != 1 else mp.mpf(1) / 2


class bernoulli_polynomial(Special):
    """The Bernoulli polynomials B_n(x); -n*zeta(1-n, x) for n that is no natural number.

    >>> bernoulli_polynomial(2.0, 0.5).eval()
    np.float64(-0.0833333333333333...)
    """

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        if mp.isint(n) and mp.re(n) >= 0:
            return mp.bernpoly(int(mp.re(n)), x)
        return -n * _hurwitz(mp, 1 - n, x)

    def partial(self, place: int) -> Any:
        n, x = self.input_nodes
        return n * bernoulli_polynomial(n - 1, x) if place == 1 else self.numeric_partial(0)


class euler(Special):
    """The Euler numbers 1, 0, -1, 0, 5, ..., and SymPy's continuation to other x.

    >>> euler([4.0, 6.0]).eval()
    array([  5., -61.])
    """

    def exact(self, mp: Any, n: Any) -> Any:
        if mp.isint(n) and mp.re(n) >= 0:
            return mp.eulernum(int(mp.re(n)))
        return mp.pi / 2 if n == -1 else 2**n * _euler(mp, n, mp.mpf(1) / 2)


class euler_polynomial(Special):
    """The Euler polynomials E_n(x), and SymPy's continuation to other n.

    >>> euler_polynomial(2.0, 0.25).eval()
    np.float64(-0.1875)
    """

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        if mp.isint(n) and mp.re(n) >= 0:
            return mp.eulerpoly(int(mp.re(n)), x)
        return mp.digamma((x + 1) / 2) - mp.digamma(x / 2) if n == -1 else _euler(mp, n, x)

    def partial(self, place: int) -> Any:
        n, x = self.input_nodes
        return n * euler_polynomial(n - 1, x) if place == 1 else self.numeric_partial(0)


def _euler(mp: Any, n: Any, x: Any) -> Any:
    return 2 * (_hurwitz(mp, -n, x) - 2 ** (n + 1) * _hurwitz(mp, -n, (x + 1) / 2))


class genocchi(Special):
    """The Genocchi numbers 2 * (1 - 2**n) * bernoulli(n).

    >>> genocchi([6.0, 8.0]).eval()
    array([-3., 17.])
    """

    def exact(self, mp: Any, n: Any) -> Any:
        return 2 * (1 - mp.mpf(2) ** n) * bernoulli.exact(self, mp, n)  # type: ignore[arg-type]


class genocchi_polynomial(Special):
    """The Genocchi polynomials 2 * (B_n(x) - 2**n * B_n((x+1)/2)).

    >>> genocchi_polynomial(2.0, 0.25).eval()
    np.float64(0.5)
    """

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        number = bernoulli_polynomial.exact
        return 2 * (number(self, mp, n, x) - mp.mpf(2) ** n * number(self, mp, n, (x + 1) / 2))  # type: ignore[arg-type]

    def partial(self, place: int) -> Any:
        n, x = self.input_nodes
        return n * genocchi_polynomial(n - 1, x) if place == 1 else self.numeric_partial(0)


class harmonic(Special):
    """The harmonic numbers 1 + 1/2 + ... + 1/n, which are digamma(n + 1) + EulerGamma; nan at -1, -2, ...

    >>> harmonic(4.0).eval()
    np.float64(2.08333333333...)
    """

    computed_by = "scipy.special.psi; mpmath for |n| < 1"
    accuracy = "4 ulp for n > 0"
    differentiated = sympy.harmonic

    def exact(self, mp: Any, n: Any) -> Any:
        return mp.harmonic(n)

    def values(self, n: Any, xp: Any = np) -> Any:
        def far(n: Any) -> Any:
            return library(xp).psi(n + 1) + np.euler_gamma

        return self.by_case((n,), (whole(n, xp) & (n < 0), np.nan), (xp.abs(n) >= 1, far), xp=xp)


class generalized_harmonic(Special):
    """The generalised harmonic numbers 1 + 2**-m + ... + n**-m, which are zeta(m) - zeta(m, n + 1).

    >>> generalized_harmonic(3.0, 2.0).eval()
    np.float64(1.36111111111...)
    """

    def exact(self, mp: Any, n: Any, m: Any) -> Any:
        if m == 1:
            return mp.harmonic(n)
        if mp.isint(n) and 0 <= mp.re(n) <= 64:
            return mp.fsum(mp.mpf(k) ** -m for k in range(1, int(mp.re(n)) + 1))
        return mp.zeta(m) - _hurwitz(mp, m, n + 1)

    def partial(self, place: int) -> Any:
        from .logic import equal

        n, m = self.input_nodes
        if place == 1:
            return self.numeric_partial(1)
        return self.guarded(0, m * hurwitz_zeta(m + 1, n + 1), equal(m, 0))


class andre(Special):
    """The Andre numbers 1, 1, 1, 2, 5, 16, ... (half of the alternating permutations), and SymPy's continuation to other n.

    >>> andre([5.0, 6.0]).eval()
    array([16., 61.])
    """

    sympy_types = (sympy_numbers.andre,)

    def exact(self, mp: Any, n: Any) -> Any:
        sine, cosine = mp.sinpi(n / 2), mp.cospi(n / 2)
        quarters = zip((1, 2, 3, 4), (cosine, sine, -cosine, -sine), strict=True)
        # the Dirichlet series of period 4 at -n: its terms are Hurwitz zetas, but for the pole at n = -1
        if n == -1:
            return -mp.ln2
        return 2 * mp.mpf(4) ** n * mp.fsum(weight * _hurwitz(mp, -n, mp.mpf(k) / 4) for k, weight in quarters)
