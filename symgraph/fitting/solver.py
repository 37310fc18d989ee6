"""Least squares by SciPy's optimisers, then Gauss-Newton steps to the last digit; and what the Jacobian tells of the estimates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError, FeedError
from .losses import Loss

__all__ = ["METHODS", "Estimate", "Solution", "estimate", "solve"]

LEAST_SQUARES = ("trf", "dogbox", "lm")
MINIMIZE = (
    "BFGS",
    "L-BFGS-B",
    "TNC",
    "SLSQP",
    "CG",
    "Newton-CG",
    "trust-ncg",
    "trust-krylov",
    "trust-exact",
    "dogleg",
    "trust-constr",
)
METHODS = (*LEAST_SQUARES, *MINIMIZE, "Nelder-Mead", "Powell")
_WITH_HESSIAN = ("Newton-CG", "trust-ncg", "trust-krylov", "trust-exact", "dogleg", "trust-constr")
_WITH_BOUNDS = ("trf", "dogbox", "L-BFGS-B", "TNC", "SLSQP", "trust-constr", "Nelder-Mead", "Powell")

Vector = Callable[[Any], Any]


class _Stopped(Exception):
    """A callback asked to end the optimisation."""


@dataclass
class Solution:
    """Where an optimiser ended, and how it went."""

    x: Any
    success: bool
    message: str
    nfev: int
    njev: int


class _Watched:
    """Residuals and Jacobian that count their calls, and tell `observe` of each step.

    `least_squares` has callbacks from SciPy 1.16 on only, and none for method="lm".
    """

    def __init__(self, fun: Vector, jac: Vector, loss: Loss, observe: Callable[[Any], Any]) -> None:
        self._fun, self._jac, self.loss, self._observe = fun, jac, loss, observe
        self.nfev = self.njev = self.steps = 0
        self.point: Any = None
        self._last: tuple[Any, Any] | None = None

    def fun(self, p: Any) -> Any:
        if self._last is not None and np.array_equal(self._last[0], p):
            return self._last[1]
        self.nfev += 1
        residuals = self._fun(p)
        self._last = np.copy(p), residuals
        return residuals

    def jac(self, p: Any) -> Any:
        self.njev += 1
        return self._jac(p)

    def step(self, p: Any) -> None:
        """Tell of a point that the optimiser has come to."""
        from scipy.optimize import OptimizeResult

        residuals = self.fun(p)
        result = OptimizeResult(x=np.copy(p), fun=residuals, nit=self.steps, nfev=self.nfev)
        result["cost"] = 0.5 * self.loss.cost(residuals)
        self.steps += 1
        self.point = np.copy(p)
        try:
            self._observe(result)
        except StopIteration as stop:
            raise _Stopped from stop

    def step_and_jac(self, p: Any) -> Any:
        """The Jacobian for an optimiser that wants one for each point that it has come to, and for no other."""
        self.step(p)
        return checked_jacobian(self.jac(p))


def solve(
    fun: Vector,
    jac: Vector,
    p0: Any,
    bounds: tuple[Any, Any],
    method: str,
    x_scale: Any,
    max_nfev: int | None,
    loss: Loss,
    observe: Callable[[Any], Any],
) -> Solution:
    """Minimise the sum of the squares of `fun`, or of another loss."""
    if method == "lm" and not loss.is_linear:
        raise ArgumentError("method='lm' is for loss='linear' alone; use 'trf' or 'dogbox'")
    watched = _Watched(fun, jac, loss, observe)
    bounded = bool(np.isfinite(bounds[0]).any() or np.isfinite(bounds[1]).any())
    if bounded and method not in _WITH_BOUNDS:
        raise ArgumentError(f"method={method!r} takes no bounds; use one of {', '.join(_WITH_BOUNDS)}")
    run = _by_least_squares if method in LEAST_SQUARES else _by_minimize
    with np.errstate(all="ignore"):  # a trial step may overflow; SciPy then takes a shorter one
        try:
            found = run(watched, p0, bounds if bounded else None, method, x_scale, max_nfev)
        except _Stopped:
            return Solution(watched.point, False, "stopped by the callback", watched.nfev, watched.njev)
        x, residuals = np.asarray(found.x, float), watched.fun(found.x)
        if not np.isfinite(residuals).all():
            return Solution(
                x, False, "residuals became inf or nan; start elsewhere, or set bounds", watched.nfev, watched.njev
            )
        success = bool(found.success)
        if success or max_nfev is None:  # what has used up its evaluations gets no more of them
            x, residuals = _at_bounds(watched, x, residuals, bounds)
            x, offset = _polished(watched, x, residuals, bounds)
            success = success or offset < 1e-8
    return Solution(x, success, str(found.message), watched.nfev, watched.njev)


def _by_least_squares(
    watched: _Watched, p0: Any, bounds: tuple[Any, Any] | None, method: str, x_scale: Any, max_nfev: int | None
) -> Any:
    from scipy.optimize import least_squares

    tight = dict.fromkeys(("ftol", "xtol", "gtol"), 1e-15)
    limits = bounds if bounds is not None else (-np.inf, np.inf)
    budget = max_nfev if max_nfev is not None else 2000 * (len(p0) + 1)
    return least_squares(
        watched.fun,
        p0,
        jac=watched.step_and_jac,
        bounds=limits,
        method=method,
        x_scale=x_scale,
        max_nfev=budget,
        loss=watched.loss.name,
        f_scale=watched.loss.f_scale,
        **tight,
    )


def _by_minimize(
    watched: _Watched, p0: Any, bounds: tuple[Any, Any] | None, method: str, x_scale: Any, max_nfev: int | None
) -> Any:
    from scipy.optimize import Bounds, minimize

    scale = np.ones(len(p0)) if isinstance(x_scale, str) else np.broadcast_to(np.asarray(x_scale, float), len(p0))

    def half_squares(q: Any) -> Any:
        residuals = watched.fun(q * scale)
        cost = 0.5 * watched.loss.cost(residuals)
        if method in ("Nelder-Mead", "Powell"):
            return cost
        return cost, scale * (watched.jac(q * scale).T @ watched.loss.slope(residuals))

    def gauss_newton(q: Any) -> Any:
        jacobian = watched.jac(q * scale) * scale
        return (jacobian.T * watched.loss.weights(watched.fun(q * scale))) @ jacobian

    def step(q: Any, *state: Any) -> None:
        watched.step(q * scale)

    options: dict[str, Any] = {"callback": step, "jac": method not in ("Nelder-Mead", "Powell")}
    if method in _WITH_HESSIAN:
        options["hess"] = gauss_newton
    if bounds is not None:
        options["bounds"] = Bounds(bounds[0] / scale, bounds[1] / scale)
    if max_nfev is not None:
        options["options"] = {"maxiter": max_nfev}
    found = minimize(half_squares, p0 / scale, method=method, **options)
    found.x = found.x * scale
    return found


def _at_bounds(watched: _Watched, x: Any, residuals: Any, bounds: tuple[Any, Any]) -> tuple[Any, Any]:
    """`x` with those entries on their bounds that stopped just before them, and would be beyond them without."""
    slope = watched.jac(x).T @ watched.loss.slope(residuals)
    near = 1e-6 * np.maximum(np.abs(x), 1.0)
    trial = np.where((x - bounds[0] < near) & (slope > 0), bounds[0], x)
    trial = np.where((bounds[1] - x < near) & (slope < 0), bounds[1], trial)
    if np.array_equal(trial, x):
        return x, residuals
    after = watched.fun(trial)
    return (trial, after) if watched.loss.cost(after) <= watched.loss.cost(residuals) * (1 + 1e-9) else (x, residuals)


def _polished(watched: _Watched, x: Any, residuals: Any, bounds: tuple[Any, Any], steps: int = 50) -> tuple[Any, float]:
    """Where Gauss-Newton steps from `x` lead, as long as the cost stays what it is and one of the next three steps is shorter.

    Optimisers stop when the sum of squares no longer changes, which is when the parameters have half the digits. The second result is the length
    of the shortest step, relative to the residuals: a measure of convergence (Bates and Watts, Technometrics 23, 1981).
    """
    free = (x > bounds[0]) & (x < bounds[1])
    highest = watched.loss.cost(residuals) * (1 + 1e-9)
    best, shortest, patience = x, np.inf, 3
    for _ in range(steps if free.any() else 0):
        step, length = _gauss_newton(*watched.loss.scaled(residuals, watched.jac(x)[:, free]))
        x = x.copy()
        x[free] += step
        if not ((x >= bounds[0]) & (x <= bounds[1])).all():
            break
        residuals = watched.fun(x)
        if not watched.loss.cost(residuals) <= highest:
            break
        if length < shortest:
            best, shortest, patience = x, length, 3
        elif (patience := patience - 1) == 0:
            break
    return best, shortest / np.sqrt(highest) if highest else shortest


def checked_jacobian(jacobian: Any) -> Any:
    """`jacobian`, which must be finite. FeedError names the data points where it is not."""
    bad = np.flatnonzero(~np.isfinite(jacobian).all(axis=1))
    if bad.size:
        raise FeedError(
            f"The derivative of the model is inf or nan for {bad.size} of {len(jacobian)} data points, the first of them number {bad[0]}: leave "
            "these points out, or write the model so that it is smooth there (a*sqrt(b)*sqrt(x) instead of a*sqrt(b*x) at x = 0)"
        )
    return jacobian


def _gauss_newton(residuals: Any, jacobian: Any) -> tuple[Any, float]:
    """The step to the minimum of the linearised sum of squares, and its length in units of the residuals; nan where there is none."""
    scale = np.linalg.norm(jacobian, axis=0)
    if not np.isfinite(scale).all():
        return np.full(scale.shape, np.nan), np.nan
    scale[scale == 0] = 1.0
    scaled = np.linalg.lstsq(jacobian / scale, -residuals, rcond=None)[0]
    return scaled / scale, float(np.linalg.norm(scaled))


@dataclass(frozen=True)
class Estimate:
    """What the Jacobian at the minimum tells of the parameters.

    Attributes:
        covariance: theirs; nan for entries at a bound, infinite variance for those that the data do not determine.
        undetermined, at_bound: which entries these are.
        determined: the covariance of that part of them which the data determine, over `variance`, that of a residual.
        unseen: what it takes to the rest: directions d with d @ unseen != 0 are not determined.
    """

    covariance: Any
    undetermined: Any
    at_bound: Any
    determined: Any
    variance: float
    unseen: Any

    def error_along(self, directions: Any) -> Any:
        """The standard error of the parameters' products with directions, (..., n): parameters at a bound count as known."""
        rest = np.linalg.norm(directions @ self.unseen, axis=-1)
        seen = np.sqrt(np.maximum(np.sum((directions @ self.determined) * directions, axis=-1), 0.0))
        seen = np.where(seen > 0, seen * np.sqrt(self.variance), 0.0)
        size = np.sum(np.abs(directions) * np.linalg.norm(self.unseen, axis=-1), axis=-1)
        return np.where(rest > 1e-8 * size, np.inf, seen)


def estimate(jacobian: Any, variance: float, x: Any, bounds: tuple[Any, Any]) -> Estimate:
    """What the Jacobian at x tells, `variance` being that of a residual: of what is determined the covariance is variance * inv(J'J).

    >>> estimate(np.array([[1.0, 0.0], [1.0, 0.0]]), 1.0, np.zeros(2), (np.full(2, -np.inf), np.full(2, np.inf))).covariance
    array([[0.5, 0. ],
           [0. , inf]])
    """
    checked_jacobian(jacobian)
    n = jacobian.shape[1]
    at_bound = (x <= bounds[0]) | (x >= bounds[1])
    free = np.flatnonzero(~at_bound)
    covariance, determined, unseen = np.full((n, n), np.nan), np.zeros((n, n)), np.zeros((n, n))
    undetermined = np.zeros(n, bool)
    if free.size:
        part, block = jacobian[:, free], np.ix_(free, free)
        scale = np.linalg.norm(part, axis=0)
        undetermined[free[scale == 0]] = True
        scale = np.where(scale == 0, 1.0, scale)
        _, singular, right = np.linalg.svd(part / scale, full_matrices=False)
        kept = singular > np.finfo(float).eps * max(part.shape) * singular[0]
        inverse = right[kept].T / singular[kept]
        determined[block] = (inverse @ inverse.T) / np.outer(scale, scale)
        covariance[block] = variance * determined[block]
        if kept.sum() < free.size:
            unseen[block] = (np.eye(free.size) - right[kept].T @ right[kept]) / scale[:, None]
        undetermined[free[(right[kept] ** 2).sum(axis=0) < 1 - 1e-8]] = True  # not all of it lies in what the data see
    places = np.flatnonzero(undetermined)
    covariance[places, places] = np.inf
    return Estimate(covariance, undetermined, at_bound, determined, variance, unseen)
