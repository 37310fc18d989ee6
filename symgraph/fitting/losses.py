"""Losses: what a residual counts for in a fit, so that outliers count for less than their square."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError

__all__ = ["LOSSES", "Loss"]

_TINY = np.finfo(float).eps


def _linear(z: Any) -> Any:
    return z, np.ones_like(z), np.zeros_like(z)


def _soft_l1(z: Any) -> Any:
    t = 1 + z
    return 2 * z / (np.sqrt(t) + 1), t**-0.5, -0.5 * t**-1.5  # 2 (sqrt(t) - 1), of which small z would leave few digits


def _huber(z: Any) -> Any:
    inside = z <= 1
    root = np.sqrt(np.where(inside, 1.0, z))
    return np.where(inside, z, 2 * root - 1), 1 / root, np.where(inside, 0.0, -0.5 / root**3)


def _cauchy(z: Any) -> Any:
    t = 1 + z
    return np.log1p(z), 1 / t, -1 / t**2


def _arctan(z: Any) -> Any:
    t = 1 + z**2
    return np.arctan(z), 1 / t, -2 * z / t**2


LOSSES: dict[str, Callable[[Any], Any]] = {
    "linear": _linear,
    "soft_l1": _soft_l1,
    "huber": _huber,
    "cauchy": _cauchy,
    "arctan": _arctan,
}


class Loss:
    """The cost f_scale**2 * rho((r / f_scale)**2) of a residual r; twice the cost that `scipy.optimize.least_squares` has.

    Args:
        name: "linear" (rho(z) = z), "soft_l1" (2 sqrt(1 + z) - 2), "huber" (z up to 1, then 2 sqrt(z) - 1), "cauchy" (log(1 + z)), "arctan"; or a
            function of z, of shape (m,), that gives rho and its first two derivatives, (3, m).
        f_scale: the size of residuals from which on they count as outliers.

    >>> loss = Loss("huber", 2.0)
    >>> loss.cost(np.array([1.0, -6.0])), loss.slope(np.array([1.0, -6.0]))
    (21.0, array([ 1., -2.]))
    """

    def __init__(self, name: Any = "linear", f_scale: float = 1.0) -> None:
        if not callable(name) and name not in LOSSES:
            raise ArgumentError(f"There is no loss {name!r}; there are {', '.join(LOSSES)}, or a function of your own")
        if not 0 < f_scale < np.inf:
            raise ArgumentError(f"f_scale must be a finite number greater than 0, not {f_scale!r}")
        self.name, self.f_scale = name, float(f_scale)
        self._rho = name if callable(name) else LOSSES[name]

    @property
    def is_linear(self) -> bool:
        """Whether it is the sum of squares."""
        return bool(self.name == "linear")

    def over(self, unit: float) -> Loss:
        """The same loss of residuals that are given in a unit, as r / unit."""
        return self if self.is_linear else Loss(self.name, self.f_scale / unit)

    def _parts(self, residuals: Any) -> Any:
        return self._rho((residuals / self.f_scale) ** 2)

    def cost(self, residuals: Any) -> float:
        """The sum over all residuals."""
        if self.is_linear:
            return float(residuals @ residuals)
        return float(self.f_scale**2 * np.sum(self._parts(residuals)[0]))

    def rho(self) -> Any:
        """What `scipy.optimize.least_squares` takes for its loss: a name, or a function of z that gives (3, m)."""
        return self.name if self.is_linear or callable(self.name) else lambda z: np.stack(self._rho(z))

    def weights(self, residuals: Any) -> Any:
        """rho': the squares with these weights have the same gradient, and for a concave rho they curve no less."""
        return np.ones_like(residuals) if self.is_linear else self._parts(residuals)[1]

    def slope(self, residuals: Any) -> Any:
        """Half the derivative of each residual's cost: psi(r) = r rho'."""
        return residuals * self.weights(residuals)

    def curvature(self, residuals: Any) -> Any:
        """Half the second derivative of each residual's cost: psi'(r) = rho' + 2 z rho''."""
        _, first, second = self._parts(residuals)
        return first + 2 * (residuals / self.f_scale) ** 2 * second

    def scaled(self, residuals: Any, jacobian: Any) -> tuple[Any, Any]:
        """Residuals and Jacobian of the sum of squares with the same gradient and, where it is positive, the same curvature of each residual."""
        if self.is_linear:
            return residuals, jacobian
        root = np.sqrt(np.maximum(self.curvature(residuals), _TINY))
        return self.slope(residuals) / root, jacobian * root[:, None]

    def weighted(self, residuals: Any, jacobian: Any) -> tuple[Any, Any]:
        """Those of the sum of squares with the same gradient that is nowhere below the cost, for a concave rho: its minimum has a lower cost."""
        if self.is_linear:
            return residuals, jacobian
        root = np.sqrt(self.weights(residuals))
        return root * residuals, jacobian * root[:, None]

    def variance(self, residuals: Any, parameters: int) -> float:
        """The number v for which v * inv(J'J) is the covariance of the parameters; inf where nothing is left to tell it.

        For m residuals and n parameters it is k**2 * sum(psi**2) / (m - n) / mean(psi')**2 with k = 1 + n / m * var(psi') / mean(psi')**2 (P. J.
        Huber, Robust Statistics, 1981, section 7.6): of the sum of squares the familiar rss / (m - n).

        >>> Loss().variance(np.array([1.0, -1.0, 1.0, -1.0]), 2)
        2.0
        """
        m = len(residuals)
        if m <= parameters:
            return np.inf
        curvature = self.curvature(residuals)
        mean = float(np.mean(curvature))
        if not mean > 0:
            return np.inf
        k = 1 + parameters / m * float(np.var(curvature)) / mean**2
        slope = self.slope(residuals)
        return float(k**2 * (slope @ slope) / (m - parameters) / mean**2)

    def spread(self, residuals: Any, parameters: int) -> float:
        """The variance of a residual that is no outlier: rss / (m - n), of other losses (1.4826 times the median size)**2.

        The factor makes the median that of a normal distribution.
        """
        if not self.is_linear:
            return float((1.482602218505602 * np.median(np.abs(residuals))) ** 2)
        m = len(residuals)
        return float(residuals @ residuals) / (m - parameters) if m > parameters else np.inf
