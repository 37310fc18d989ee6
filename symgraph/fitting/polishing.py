"""How near a point is to the minimum, whatever the units of data and parameters; and the steps that lead there, to the last digit."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from .losses import Loss

__all__ = ["Measured", "column_norms", "descended", "polished", "relative_offset", "sizes"]

_EPS = float(np.finfo(float).eps)
_CLOSE = 1e-8  # the relative offset below which costs hardly differ any more in floating point

Bounds = tuple[Any, Any]


class Measured(Protocol):
    """Residuals with their Jacobian and loss, in units in which the cost is near 1; `observed` are the data in the same unit."""

    loss: Loss

    @property
    def observed(self) -> Any: ...

    def fun(self, p: Any) -> Any: ...

    def jac(self, p: Any) -> Any: ...


def column_norms(matrix: Any) -> Any:
    """The length of each column; no square overflows."""
    largest = np.max(np.abs(matrix), axis=0, initial=0.0)
    return largest * np.linalg.norm(matrix / np.where(largest > 0, largest, 1.0), axis=0)


def sizes(jacobian: Any, x: Any) -> Any:
    """What changes of the entries of x change the residuals by about 1.

    Those of entries that hardly matter at x are limited to a thousand times the entry itself, since the model is not linear as far as that.

    >>> sizes(np.array([[2.0, 1e-30], [0.0, 0.0]]), np.array([0.5, 3.0]))
    array([5.e-01, 3.e+03])
    """
    norms = column_norms(jacobian)
    effects, entries = norms * np.abs(x), np.abs(x)
    least = np.divide(1e-3 * np.max(effects), entries, out=np.zeros(len(x)), where=entries > 0)
    norms = np.maximum(norms, least)
    return np.divide(1.0, norms, out=np.ones(len(x)), where=(norms > 0) & np.isfinite(norms))


def relative_offset(measured: Measured, x: Any, bounds: Bounds) -> float:
    """The part of the residuals that parameters could still take away as far as the model is linear, over all of them; 0 within rounding errors.

    This is the measure of convergence of Bates and Watts (Technometrics 23, 1981): it has no units, neither those of the data nor those of the
    parameters. Parameters that the gradient holds at their bounds take away nothing.
    """
    slope, cost = measured.loss.slope(measured.fun(x)), measured.loss.cost(measured.fun(x))
    _, jacobian, gradient, free = _local(measured, x, bounds)
    if not (np.isfinite(jacobian).all() and np.isfinite(cost)):
        return float("nan")
    if not free.any() or not cost:
        return 0.0
    norms = column_norms(jacobian)
    part = jacobian[:, free] / np.where(norms > 0, norms, 1.0)[free]
    _, singular, right = np.linalg.svd(part, full_matrices=False)
    seen = singular > _EPS * max(part.shape) * max(singular[0], _EPS)
    along = right[seen] @ (gradient / np.where(norms > 0, norms, 1.0))[free] / singular[seen]
    rounding = 4 * _EPS * (norms @ np.abs(x) + np.linalg.norm(measured.observed))
    turned = (
        8 * _EPS * np.sqrt(len(part)) * np.linalg.norm(slope) / singular[seen]
    )  # weak directions are inexact themselves
    excess = np.maximum(np.abs(along) - turned - rounding, 0.0)
    return float(np.linalg.norm(excess) / np.sqrt(cost))


def descended(measured: Measured, x: Any, bounds: Bounds, steps: int = 200) -> Any:
    """Where Levenberg-Marquardt steps lead from x, each to a lower cost."""
    cost, damping = measured.loss.cost(measured.fun(x)), 0.0
    for _ in range(steps):
        if not relative_offset(measured, x, bounds) > _CLOSE:
            break
        x, lower, damping = _lower(measured, x, cost, bounds, damping)
        if lower is None:
            break
        cost = lower
    return x


def _lower(measured: Measured, x: Any, cost: float, bounds: Bounds, damping: float) -> tuple[Any, float | None, float]:
    """A point of lower cost, its cost and the next damping; the cost is None where there is no such point."""
    residuals, jacobian, _, free = _local(measured, x, bounds)
    while damping < 1e16:
        if damping:  # where the full step fails, the loss may not be convex
            residuals, jacobian = measured.loss.weighted(measured.fun(x), measured.jac(x))
        trial = _step(residuals, jacobian, free, x, bounds, damping)
        after = measured.loss.cost(measured.fun(trial))
        # on the way to a bound that is near, costs may differ by rounding errors alone
        highest = cost * (1 + 1e-9) if _at_bounds(trial, bounds) > _at_bounds(x, bounds) else cost
        if after < highest and not np.array_equal(trial, x):
            return trial, after, damping / 10 if damping > 1e-10 else 0.0
        damping = max(10 * damping, 1e-4)
    return x, None, damping


def polished(measured: Measured, x: Any, bounds: Bounds, steps: int = 50) -> Any:
    """Where Gauss-Newton steps from `x` lead, as long as the cost stays what it is and one of the next three steps is shorter.

    Optimisers stop when the sum of squares no longer changes, which is when the parameters have half the digits.
    """
    highest = measured.loss.cost(measured.fun(x)) * (1 + 1e-9)
    best, shortest, patience = x, np.inf, 3
    for _ in range(steps):
        residuals, jacobian, _, free = _local(measured, x, bounds)
        after = _step(residuals, jacobian, free, x, bounds)
        length = float(np.linalg.norm((after - x) * column_norms(jacobian)))
        x = after
        if not measured.loss.cost(measured.fun(x)) <= highest:
            break
        if length < shortest:
            best, shortest, patience = x, length, 3
        elif (patience := patience - 1) == 0:
            break
        if not length:
            break
    return best


def _local(measured: Measured, x: Any, bounds: Bounds) -> tuple[Any, Any, Any, Any]:
    """Residuals and Jacobian of the sum of squares that the cost is near x, its gradient, and which entries that does not hold at a bound."""
    residuals, jacobian = measured.fun(x), measured.jac(x)
    gradient = jacobian.T @ measured.loss.slope(residuals)
    held = ((x <= bounds[0]) & (gradient >= 0)) | ((x >= bounds[1]) & (gradient <= 0))
    return *measured.loss.scaled(residuals, jacobian), gradient, ~held


def _at_bounds(x: Any, bounds: Bounds) -> int:
    return int(np.count_nonzero((x <= bounds[0]) | (x >= bounds[1])))


def _step(residuals: Any, jacobian: Any, free: Any, x: Any, bounds: Bounds, damping: float = 0.0) -> Any:
    """Where a damped Gauss-Newton step leads: entries that it takes beyond their bounds stop there, and the step of the others is found anew."""
    trial, free = x.copy(), free.copy()
    while free.any():
        places = np.flatnonzero(free)
        left = residuals + jacobian @ (trial - x)  # what entries at bounds have not changed yet
        aim = x[places] + _least_squares(left, jacobian[:, places], x[places], damping)
        inside = (aim > bounds[0][places]) & (aim < bounds[1][places])
        trial[places] = np.where(inside, aim, np.clip(aim, bounds[0][places], bounds[1][places]))
        if inside.all():
            break
        trial[places[inside]] = x[places[inside]]
        free[places[~inside]] = False
    return trial


def _least_squares(residuals: Any, jacobian: Any, x: Any, damping: float) -> Any:
    """The step to the minimum of the linearised sum of squares; nan where there is none."""
    scale = column_norms(jacobian)
    if not (np.isfinite(scale).all() and np.isfinite(residuals).all()):
        return np.full(scale.shape, np.nan)
    scale[scale == 0] = 1.0
    rows, right = jacobian / scale, -residuals
    if damping:
        rows = np.concatenate([rows, np.diag(np.sqrt(damping) / (scale * sizes(jacobian, x)))])
        right = np.concatenate([right, np.zeros(len(scale))])
    return np.linalg.lstsq(rows, right, rcond=None)[0] / scale
