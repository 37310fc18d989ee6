"""Elliptic integrals in SymPy's parameter m = k**2, and solutions of Mathieu's equation."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

from ..graph import Node
from .special_base import Special, library


class elliptic_k(Special):
    """The complete elliptic integral of the first kind; real for m < 1.

    >>> elliptic_k(0.5).eval()
    np.float64(1.85407467730...)
    """

    sympy_types = (sympy.elliptic_k,)
    computed_by = "scipy.special.ellipk; mpmath for complex m"
    accuracy = "3 ulp"

    def exact(self, mp: Any, m: Any) -> Any:
        return mp.ellipk(m)

    def values(self, m: Any, xp: Any = np) -> Any:
        return library(xp).ellipk(m)

    def partial(self, place: int) -> Any:
        (m,) = self.input_nodes
        return self.guarded(0, (complete_elliptic_e(m) - (1 - m) * self) / (2 * m * (1 - m)), _small(m))


def _small(m: Node) -> Node:
    """Where the formulas for derivatives in m, which have m below, would cancel."""
    from .arithmetic import abs
    from .logic import less

    return less(abs(m), 0.1)


class complete_elliptic_e(Special):
    """The complete elliptic integral of the second kind; real for m <= 1.

    >>> complete_elliptic_e(0.5).eval()
    np.float64(1.35064388104...)
    """

    computed_by = "scipy.special.ellipe; mpmath for complex m"
    accuracy = "3 ulp"

    def exact(self, mp: Any, m: Any) -> Any:
        return mp.ellipe(m)

    def values(self, m: Any, xp: Any = np) -> Any:
        return library(xp).ellipe(m)

    def partial(self, place: int) -> Any:
        (m,) = self.input_nodes
        return self.guarded(0, (self - elliptic_k(m)) / (2 * m), _small(m))


class elliptic_f(Special):
    """The incomplete elliptic integral of the first kind, the integral of 1/sqrt(1 - m*sin(t)**2) from 0 to z.

    >>> elliptic_f(1.0, 0.5).eval()
    np.float64(1.08321677284...)
    """

    sympy_types = (sympy.elliptic_f,)
    computed_by = "scipy.special.ellipkinc for m <= 1; mpmath for the rest"
    accuracy = "4 ulp"

    def exact(self, mp: Any, z: Any, m: Any) -> Any:
        return mp.ellipf(z, m)

    def values(self, z: Any, m: Any, xp: Any = np) -> Any:
        return self.by_case((z, m), (m <= 1, library(xp).ellipkinc), (m * xp.sin(z) ** 2 > 1, np.nan), xp=xp)

    def partial(self, place: int) -> Any:
        _, m = self.input_nodes
        formula = self.formula(place)
        return formula if place == 0 or formula is None else self.guarded(1, formula, _small(m))


class elliptic_e(Special):
    """The incomplete elliptic integral of the second kind, the integral of sqrt(1 - m*sin(t)**2) from 0 to z.

    >>> elliptic_e(1.0, 0.5).eval()
    np.float64(0.927329883624...)
    """

    computed_by = "scipy.special.ellipeinc for m <= 1; mpmath for the rest"
    accuracy = "5 ulp"
    differentiated = sympy.elliptic_e

    def exact(self, mp: Any, z: Any, m: Any) -> Any:
        return mp.ellipe(z, m)

    def values(self, z: Any, m: Any, xp: Any = np) -> Any:
        return self.by_case((z, m), (m <= 1, library(xp).ellipeinc), (m * xp.sin(z) ** 2 > 1, np.nan), xp=xp)

    def partial(self, place: int) -> Any:
        _, m = self.input_nodes
        formula = self.formula(place)
        return formula if place == 0 or formula is None else self.guarded(1, formula, _small(m))


class complete_elliptic_pi(Special):
    """The complete elliptic integral of the third kind; real for n < 1 and m < 1.

    >>> complete_elliptic_pi(0.25, 0.5).eval()
    np.float64(2.16761936076...)
    """

    computed_by = "scipy.special.elliprf and elliprj (Carlson's forms) for n, m < 1; mpmath for complex numbers"
    accuracy = "13 ulp"
    differentiated = sympy.elliptic_pi

    def exact(self, mp: Any, n: Any, m: Any) -> Any:
        return mp.ellippi(n, m)

    def values(self, n: Any, m: Any, xp: Any = np) -> Any:
        return xp.where((n < 1) & (m < 1), _third_kind(n, xp.ones_like(n), xp.zeros_like(n), m, xp), np.nan)

    def partial(self, place: int) -> Any:
        n, m = self.input_nodes
        formula = self.formula(place)
        return self.numeric_partial(place) if formula is None else self.guarded(place, formula, _poor(n, m))


def _poor(n: Node, m: Node) -> Node:
    """Where SymPy's formulas for the derivatives of elliptic_pi, which have n, n - m and 1 - n below, would cancel."""
    from .arithmetic import abs
    from .logic import less, logical_and, logical_or

    small = logical_or(less(abs(n), 0.05), logical_or(less(abs(n - m), 0.05), less(1 - n, 0.02)))
    return logical_and(small, logical_and(less(n, 1), less(m, 1)))


def _third_kind(n: Any, sine: Any, cosine: Any, m: Any, xp: Any) -> Any:
    """The integral from 0 to an angle of at most pi/2, for n * sine**2 < 1 and m * sine**2 <= 1, by Carlson's forms.

    For n < -1 these cancel; there another n between 0 and 1 takes the place of n (Abramowitz and Stegun 17.7.15).
    """
    elliprf, elliprj = library(xp).elliprf, library(xp).elliprj
    far = (n < -1) & (n < 2 * m)
    shift = xp.where(far, m - n, 1.0)
    other = xp.where(far, shift / (1 - n), n)
    rest = xp.where(far, (1 - m) / (1 - n), 1 - n)  # 1 - other
    root = cosine**2 + (1 - m) * sine**2
    first = sine * elliprf(cosine**2, root, 1)
    direct = first + other / 3 * sine**3 * elliprj(cosine**2, root, 1, cosine**2 + rest * sine**2)
    arc = xp.sqrt(n / (shift * (n - 1))) * xp.atan2(xp.sqrt(-n * other) * sine * cosine, xp.sqrt(root))
    return xp.where(far, -n * rest / shift * direct + m / shift * first + arc, direct)


class elliptic_pi(Special):
    """The incomplete elliptic integral of the third kind, of 1/((1 - n*sin(t)**2) * sqrt(1 - m*sin(t)**2)) from 0 to z.

    >>> elliptic_pi(0.25, 1.0, 0.5).eval()
    np.float64(1.17163542161...)
    """

    computed_by = "scipy.special.elliprf and elliprj (Carlson's forms) where there is no pole; mpmath for n < -1 < 1 < m, and complex numbers"
    accuracy = "25 ulp"
    differentiated = sympy.elliptic_pi

    def exact(self, mp: Any, n: Any, z: Any, m: Any) -> Any:
        return mp.ellippi(n, z, m)

    def values(self, n: Any, z: Any, m: Any, xp: Any = np) -> Any:
        turns = xp.round(z / np.pi)
        rest = z - turns * np.pi
        s, c = xp.sin(rest), xp.cos(rest)
        complete = _third_kind(n, xp.ones_like(n), xp.zeros_like(n), m, xp)
        few = xp.equal(turns, 0)
        whole_turns = xp.where(few, 0.0, 2 * turns * complete)
        inside = xp.where(few, (n * s * s < 1) & (m * s * s <= 1), (n < 1) & (m < 1))
        result = xp.where(inside, _third_kind(n, s, c, m, xp) + whole_turns, np.nan)
        return self.by_rows_where(inside & (n < -1) & (m > 1), result, n, z, m, xp=xp)  # where no form keeps its digits

    def partial(self, place: int) -> Any:
        n, _, m = self.input_nodes
        formula = self.formula(place)
        if place == 1 or formula is None:
            return formula
        return self.guarded(place, formula, _poor(n, m))


# --- Mathieu's equation y'' + (a - 2*q*cos(2*z)) * y = 0


class _Mathieu(Special):
    """SymPy says what these are at q = 0 and how they are related; the scale at other q is chosen so that nothing changes at z = 0."""

    computed_by = "Taylor series along the way from 0 to z: NumPy for |a|, |q| < 100 and |z| < 20, mpmath for the rest"
    accuracy = "1e-13 of its envelope"
    odd = False
    derived = False

    def exact(self, mp: Any, a: Any, q: Any, z: Any) -> Any:
        start = (mp.zero, mp.sqrt(a)) if self.odd else (mp.one, mp.zero)
        terms = mp.prec // 2 + 40 + int(4 * mp.sqrt(abs(a) + 2 * abs(q)))
        periods = int(mp.nint(mp.re(z) / mp.pi))
        if periods:  # a period of the equation is pi: powers of the matrix that takes (y, y') over one
            first = _along(mp, a, q, mp.pi, (mp.one, mp.zero), 7, terms)
            second = _along(mp, a, q, mp.pi, (mp.zero, mp.one), 7, terms)
            period = mp.matrix([[first[0], second[0]], [first[1], second[1]]])
            start = tuple(period**periods * mp.matrix(start))
            z = z - periods * mp.pi
        return _along(mp, a, q, z, start, max(1, int(mp.ceil(2 * abs(z)))), terms)[self.derived]

    def values(self, a: Any, q: Any, z: Any) -> Any:
        def near(a: Any, q: Any, z: Any) -> Any:
            one, zero = np.ones(z.shape), np.zeros(z.shape)
            start = (zero, np.sqrt(a)) if self.odd else (one, zero)
            return _along(np, a, q, z, start, int(np.ceil(4 * np.abs(z).max())) + 1, 50)[self.derived]

        simple = (np.abs(a) < 100) & (np.abs(q) < 100) & (np.abs(z) < 20)
        return self.by_case((a, q, z), (self.odd & (a < 0), np.nan), (simple, near))


class mathieuc(_Mathieu):
    """The even solution y of Mathieu's equation y'' + (a - 2*q*cos(2*z))*y = 0 with y(0) = 1; cos(sqrt(a)*z) for q = 0.

    (SymPy gives no other scale. At characteristic numbers a it is a multiple of the periodic function ce.)

    >>> mathieuc(1.0, 0.0, 1.0).eval()
    np.float64(0.540302305868...)
    """

    sympy_types = (sympy.mathieuc,)


class mathieus(_Mathieu):
    """The odd solution y of Mathieu's equation y'' + (a - 2*q*cos(2*z))*y = 0 with y'(0) = sqrt(a); sin(sqrt(a)*z) for q = 0.

    >>> mathieus(1.0, 0.0, 1.0).eval()
    np.float64(0.841470984807...)
    """

    sympy_types = (sympy.mathieus,)
    odd = True


class mathieucprime(_Mathieu):
    """The derivative of mathieuc(a, q, z) with respect to z.

    >>> mathieucprime(1.0, 0.0, 1.0).eval()
    np.float64(-0.841470984807...)
    """

    sympy_types = (sympy.mathieucprime,)
    derived = True


class mathieusprime(_Mathieu):
    """The derivative of mathieus(a, q, z) with respect to z.

    >>> mathieusprime(1.0, 0.0, 1.0).eval()
    np.float64(0.540302305868...)
    """

    sympy_types = (sympy.mathieusprime,)
    odd = derived = True


def _along(xp: Any, a: Any, q: Any, distance: Any, state: tuple[Any, Any], count: int, terms: int) -> tuple[Any, Any]:
    """(y, y') after a distance from 0 in a straight line, in equal steps, from so many terms of the Taylor series. `xp` has cos and sin."""
    step = distance / count
    for index in range(count):
        state = _step(xp, a, q, index * step, step, state, terms)
    return state


def _step(xp: Any, a: Any, q: Any, at: Any, step: Any, state: tuple[Any, Any], terms: int) -> tuple[Any, Any]:
    """By the Taylor series at `at`: (k+1)*(k+2)*y[k+2] = 2*q * sum of c[j]*y[k-j] - a*y[k], with c that of cos(2*(at + t))."""
    cosine, sine = xp.cos(2 * at), xp.sin(2 * at)
    signs = (cosine, -sine, -cosine, sine)
    driving, factor = [], 2 * q
    for j in range(terms):
        driving.append(factor * signs[j % 4])
        factor = factor * (2 * step) / (j + 1)
    y, slopes = [state[0], state[1] * step], [state[1]]  # coefficients times powers of the step; those of y'
    for k in range(terms):
        driven = sum(c * past for c, past in zip(driving[: k + 1], y[k::-1], strict=True)) - a * y[k]
        slopes.append(driven * step / (k + 1))
        y.append(slopes[-1] * step / (k + 2))
    return sum(reversed(y)), sum(reversed(slopes))
