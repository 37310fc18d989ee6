"""Least squares by SciPy's optimisers, in units that suit their tolerances; whether they have converged is decided here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .estimates import checked_jacobian
from .losses import Loss
from .polishing import Bounds, descended, polished, relative_offset, sizes

__all__ = ["METHODS", "Solution", "solve"]

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
_WITHOUT_GRADIENT = ("Nelder-Mead", "Powell")
METHODS = (*LEAST_SQUARES, *MINIMIZE, *_WITHOUT_GRADIENT)
_WITH_HESSIAN = ("Newton-CG", "trust-ncg", "trust-krylov", "trust-exact", "dogleg", "trust-constr")
_WITH_BOUNDS = ("trf", "dogbox", "L-BFGS-B", "TNC", "SLSQP", "trust-constr", *_WITHOUT_GRADIENT)
_RUNS = 8  # of one optimiser, each in units that suit where the one before has ended
_CONVERGED = 1e-6  # the relative offset: parameters are as near to the minimum as a millionth of their standard errors

Vector = Callable[[Any], Any]


class _Stopped(Exception):
    """The optimisation ends before the optimiser would end it; the message says why."""


class _CallbackStopped(_Stopped):
    """A callback asked for it."""


@dataclass
class Solution:
    """Where an optimiser ended, and how it went."""

    x: Any
    success: bool
    message: str
    nfev: int
    njev: int


class _Watched:
    """Residuals and Jacobian over a unit, a power of 2 that makes the cost a number near 1 without a change of digits: tolerances of optimisers are
    absolute, and squares overflow.

    Calls are counted and limited, `observe` is told of each step (`least_squares` has callbacks from SciPy 1.16 on only, and none for
    method="lm"), and the best point is kept.
    """

    def __init__(
        self, fun: Vector, jac: Vector, loss: Loss, observe: Callable[[Any], Any], observed: Any, bounds: Bounds
    ) -> None:
        self._fun, self._jac, self._loss, self._observe = fun, jac, loss, observe
        self._observed, self.bounds = observed, bounds
        self.unit, self.loss = 1.0, loss
        self.limit: float = np.inf
        self.nfev = self.njev = self.steps = 0
        self.point: Any = None  # of the last step
        self._best: tuple[Any, Any] = (None, None)
        self._last: tuple[Any, Any] = (None, None)
        self._last_jac: tuple[Any, Any] = (None, None)

    def measure(self, p: Any) -> float:
        """The unit that suits the point p, which is taken from now on."""
        residuals = self._residuals(p)
        largest = _power_of_2(np.max(np.abs(residuals)))  # first, lest squares overflow
        self.unit = _power_of_2(largest * np.sqrt(self._loss.over(largest).cost(residuals / largest)) or largest)
        self.loss = self._loss.over(self.unit)
        return self.unit

    @property
    def best(self) -> Any:
        """The point of lowest cost within the bounds."""
        return self._best[0]

    @property
    def observed(self) -> Any:
        return self._observed / self.unit

    def _residuals(self, p: Any) -> Any:
        for point, residuals in (self._last, self._best):
            if np.array_equal(point, p):
                return residuals
        if not np.isfinite(p).all():  # of a singular Jacobian where the gradient is 0, for instance
            raise _Stopped("the optimiser found no further step")
        if self.nfev >= self.limit:
            raise _Stopped(f"the limit of {self.limit} evaluations was reached")
        self.nfev += 1
        residuals = self._fun(p)
        self._last = np.copy(p), residuals
        return residuals

    def fun(self, p: Any) -> Any:
        residuals = self._residuals(p) / self.unit
        if self.best is None or self._is_better(p, residuals):
            self._best = np.copy(p), self._residuals(p)
        return residuals

    def _is_better(self, p: Any, residuals: Any) -> bool:
        inside = bool(((p >= self.bounds[0]) & (p <= self.bounds[1])).all())
        return inside and self.loss.cost(residuals) < self.loss.cost(self._best[1] / self.unit)

    def jac(self, p: Any) -> Any:
        if not np.array_equal(self._last_jac[0], p):
            self.njev += 1
            self._last_jac = np.copy(p), self._jac(p)
        return self._last_jac[1] / self.unit

    def step(self, p: Any) -> None:
        """Tell of a point that the optimiser has come to."""
        from scipy.optimize import OptimizeResult

        if np.array_equal(self.point, p):  # where it starts again
            return
        residuals = self._residuals(p)
        result = OptimizeResult(x=np.copy(p), fun=residuals, nit=self.steps, nfev=self.nfev)
        result["cost"] = 0.5 * self._loss.cost(residuals)
        self.steps += 1
        self.point = np.copy(p)
        try:
            self._observe(result)
        except StopIteration as stop:
            raise _CallbackStopped("stopped by the callback") from stop

    def step_and_jac(self, p: Any) -> Any:
        """The Jacobian for an optimiser that wants one for each point that it has come to, and for no other."""
        self.step(p)
        jacobian = self.jac(p)
        if not np.isfinite(jacobian).all():
            raise _Stopped("the derivative of the model became inf or nan")
        return jacobian

    def chosen(self, p: Any) -> Any:
        """p, where an optimiser says that it ended; or the best point, where that is better."""
        p = np.clip(np.asarray(p, float), *self.bounds)
        cost, best = self.loss.cost(self.fun(p)), self.loss.cost(self._best[1] / self.unit)
        if cost <= best * (1 + 1e-9):
            return p
        return p if np.isfinite(cost) and not np.isfinite(self.jac(self.best)).all() else self.best


def _power_of_2(number: float) -> float:
    """The one below a number; no denormal one, over which others would overflow."""
    return float(np.ldexp(1.0, max(np.frexp(number)[1] - 1, -900))) if number > 0 else 1.0


def solve(
    fun: Vector,
    jac: Vector,
    p0: Any,
    bounds: Bounds,
    method: str,
    x_scale: Any,
    max_nfev: int | None,
    loss: Loss,
    observe: Callable[[Any], Any],
    observed: Any = 0.0,
) -> Solution:
    """Minimise the sum of the squares of `fun`, or of another loss. `observed` has the size of what `fun` is a difference of, so its rounding errors.

    The optimiser's own word is not taken for convergence: the relative offset decides, which has no units.
    """
    if method == "lm" and not loss.is_linear:
        raise ArgumentError("method='lm' is for loss='linear' alone; use 'trf' or 'dogbox'")
    bounded = bool(np.isfinite(bounds[0]).any() or np.isfinite(bounds[1]).any())
    if bounded and method not in _WITH_BOUNDS:
        raise ArgumentError(f"method={method!r} takes no bounds; use one of {', '.join(_WITH_BOUNDS)}")
    watched = _Watched(fun, jac, loss, observe, observed, bounds)
    watched.limit = max_nfev if max_nfev is not None else 2000 * (len(p0) + 1)
    with np.errstate(all="ignore"):  # a trial step may overflow; SciPy then takes a shorter one
        watched.fun(p0)  # the best point so far
        if method not in _WITHOUT_GRADIENT:
            checked_jacobian(watched.jac(p0))
        try:
            x, ended, message = _optimised(watched, p0, bounded, method, x_scale)
        except _CallbackStopped as stopped:
            return Solution(watched.point, False, str(stopped), watched.nfev, watched.njev)
        except _Stopped as stopped:
            x, ended, message = watched.best, False, str(stopped)
        if max_nfev is None:
            watched.limit = np.inf
        x = _followed(watched, x)
        offset = relative_offset(watched, x, bounds)
    converged = offset <= _CONVERGED
    return Solution(x, converged, _told(converged, ended, message, offset), watched.nfev, watched.njev)


def _told(converged: bool, ended: bool, message: str, offset: float) -> str:
    """What the optimiser said, and what is to be added where it is wrong."""
    if np.isnan(offset) and ended:
        return f"{message.strip(' .:')}; but the derivative of the model is inf or nan there"
    if converged == ended:
        return message
    said = message.strip(" .:")
    if converged:
        return f"relative offset {offset:.1e}, although the optimiser ended with: {said}"
    return f"{said}; but the gradient is not 0 there, relative offset {offset:.2g}"


def _optimised(watched: _Watched, p0: Any, bounded: bool, method: str, x_scale: Any) -> tuple[Any, bool, str]:
    """Where the optimiser ends, whether it says that it has converged, and its message.

    It runs again from there as long as its tolerances were absolute numbers in a unit that has become too large.
    """
    run, x = _by_least_squares if method in LEAST_SQUARES else _by_minimize, p0
    unit = watched.measure(x)
    for _ in range(_RUNS):
        found = run(watched, x, watched.bounds if bounded else None, method, x_scale)
        x, before = watched.chosen(found.x), unit
        unit = watched.measure(x)
        if unit > before / 64 or relative_offset(watched, x, watched.bounds) <= _CONVERGED:
            break
    return x, bool(found.success), str(found.message)


def _followed(watched: _Watched, x: Any) -> Any:
    """Where our own steps lead from the optimiser's end."""
    try:
        for _ in range(_RUNS):
            unit = watched.measure(x)
            x = descended(watched, x, watched.bounds)
            if watched.measure(x) > unit / 64:
                break
        return polished(watched, x, watched.bounds)
    except _Stopped:
        return watched.best


def _by_least_squares(watched: _Watched, p0: Any, bounds: Bounds | None, method: str, x_scale: Any) -> Any:
    from scipy.optimize import least_squares

    return least_squares(
        watched.fun,
        p0,
        jac=watched.step_and_jac,
        bounds=bounds if bounds is not None else (-np.inf, np.inf),
        method=method,
        x_scale=x_scale,
        max_nfev=int(min(watched.limit, 10**9)),
        loss=watched.loss.rho(),
        f_scale=watched.loss.f_scale,
        ftol=1e-15,
        xtol=1e-15,
        gtol=1e-15 if method == "lm" else None,  # of "lm" it is an angle; of the others it has the unit of the gradient
    )


def _by_minimize(watched: _Watched, p0: Any, bounds: Bounds | None, method: str, x_scale: Any) -> Any:
    from scipy.optimize import Bounds, minimize

    scale = _scale(watched, p0, x_scale)

    def half_squares(q: Any) -> Any:
        residuals = watched.fun(q * scale)
        cost = 0.5 * watched.loss.cost(residuals)
        if method in _WITHOUT_GRADIENT:
            return cost if np.isfinite(cost) else np.inf
        gradient = scale * (watched.jac(q * scale).T @ watched.loss.slope(residuals))
        if not (np.isfinite(cost) and np.isfinite(gradient).all()):
            return np.inf, np.zeros(len(q))  # no place to be: every optimiser turns back from infinity, few from nan
        return cost, gradient

    def gauss_newton(q: Any) -> Any:
        jacobian = watched.jac(q * scale) * scale
        if not np.isfinite(jacobian).all():  # at a trial point
            return np.eye(len(q))
        return (jacobian.T * watched.loss.weights(watched.fun(q * scale))) @ jacobian

    def step(q: Any, *state: Any) -> None:
        watched.step(q * scale)

    options: dict[str, Any] = {"callback": step, "jac": method not in _WITHOUT_GRADIENT}
    if method in _WITH_HESSIAN:
        options["hess"] = gauss_newton
    if bounds is not None:
        options["bounds"] = Bounds(bounds[0] / scale, bounds[1] / scale)
    found = minimize(half_squares, p0 / scale, method=method, **options)
    found.x = found.x * scale
    return found


def _scale(watched: _Watched, p: Any, x_scale: Any) -> Any:
    """The unit of each parameter, a power of 2: that given, or that in which the residuals change by about 1."""
    wanted = (
        sizes(watched.jac(p), p) if isinstance(x_scale, str) else np.broadcast_to(np.asarray(x_scale, float), len(p))
    )
    return np.array([_power_of_2(size) for size in wanted])
