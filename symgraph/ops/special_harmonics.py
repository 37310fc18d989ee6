"""Spherical harmonics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import sympy

from .special_base import Special, whole


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
    computed_by = "the recurrence of normalised Legendre functions for integers n < 1000; mpmath for the rest"
    accuracy = "1e-13 of the modulus"
    indices = (0, 1)
    discrete = (0, 1)
    real_valued = False

    def exact(self, mp: Any, n: Any, m: Any, theta: Any, phi: Any) -> Any:
        return _theta_factor(mp, n, m, theta) * mp.expj(m * phi)

    def values(self, n: Any, m: Any, theta: Any, phi: Any) -> Any:
        simple = whole(n) & whole(m) & (n < 1000)
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
        return where(less(sin(theta), 0), below - above, above - below) / 2


def _harmonic(n: Any, m: Any, theta: Any, phi: Any) -> Any:
    """Ynm by the recurrence of the normalised Legendre functions in n, which neither overflows nor loses digits at the poles."""
    order, x, sine = np.abs(m), np.cos(theta), np.abs(np.sin(theta))
    value = np.full(n.shape, np.sqrt(1 / (4 * np.pi)))
    for k in range(1, int(order.max()) + 1):
        value = np.where(k <= order, -value * np.sqrt((2 * k + 1) / (2 * k)) * sine, value)
    before = np.zeros(n.shape)
    for degree in range(1, int(n.max()) + 1):
        last = np.sqrt(np.maximum((degree - 1) ** 2 - order**2, 0) / max(4 * (degree - 1) ** 2 - 1, 1))
        following = np.sqrt((4 * degree**2 - 1) / (degree**2 - order**2)) * (x * value - last * before)
        active = (degree > order) & (degree <= n)
        value, before = np.where(active, following, value), np.where(active, value, before)
    sign = np.where((m < 0) & (order % 2 == 1), -1.0, 1.0)
    return np.where((n >= order) & (n >= 0), sign * value, 0.0) * np.exp(1j * m * phi)


class Znm(Special):
    """The real spherical harmonic: sqrt(2) times the real part of Ynm for m > 0, the imaginary part for m < 0, Ynm for m = 0.

    >>> Znm(1, 1, 1.0, 0.0).eval()
    np.float64(-0.411144836870...)
    """

    sympy_types = (sympy.Znm,)
    computed_by = "the recurrence of normalised Legendre functions for integers n < 1000; mpmath for the rest"
    accuracy = "1e-13 of the modulus"
    indices = (0, 1)
    discrete = (0, 1)

    def exact(self, mp: Any, n: Any, m: Any, theta: Any, phi: Any) -> Any:
        if not (mp.isint(n) and mp.isint(m)):
            return mp.nan
        factor = _theta_factor(mp, n, m, theta)
        return factor if m == 0 else mp.sqrt(2) * factor * (mp.cos(m * phi) if m > 0 else mp.sin(m * phi))

    def values(self, n: Any, m: Any, theta: Any, phi: Any) -> Any:
        def part(n: Any, m: Any, theta: Any, phi: Any) -> Any:
            value = _harmonic(n, m, theta, phi)
            return np.where(m == 0, 1.0, np.sqrt(2)) * np.where(m < 0, value.imag, value.real)

        simple = whole(n) & whole(m) & (n < 1000)
        return self.by_case((n, m, theta, phi), (simple, part))
