"""What the Jacobian at the minimum tells of the parameters: their covariance, and which of them the data do not determine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import FeedError
from .polishing import column_norms

__all__ = ["Estimate", "checked_jacobian", "estimate"]


def checked_jacobian(jacobian: Any) -> Any:
    """`jacobian`, which must be finite. FeedError names the data points where it is not."""
    bad = np.flatnonzero(~np.isfinite(jacobian).all(axis=1))
    if bad.size:
        raise FeedError(
            f"The derivative of the model is inf or nan for {bad.size} of {len(jacobian)} data points, the first of them number {bad[0]}: leave "
            "these points out, or write the model so that it is smooth there (a*sqrt(b)*sqrt(x) instead of a*sqrt(b*x) at x = 0)"
        )
    return jacobian


@dataclass(frozen=True)
class Estimate:
    """What the Jacobian at the minimum tells of the parameters.

    Attributes:
        covariance: theirs; nan for entries at a bound, infinite variance for those that the data do not determine. All of it is nan where the
            Jacobian is not finite.
        undetermined, at_bound: which entries these are.
        determined: the covariance of that part of them which the data determine, over `variance`, that of a residual.
        rank: how many combinations of them are determined; entries at a bound count as such.
        unseen: what it takes to the rest: directions d with d @ unseen != 0 are not determined.
    """

    covariance: Any
    undetermined: Any
    at_bound: Any
    determined: Any
    variance: float
    unseen: Any
    rank: int

    def error_along(self, directions: Any) -> Any:
        """The standard error of the parameters' products with directions, (..., n): parameters at a bound count as known."""
        rest = np.linalg.norm(directions @ self.unseen, axis=-1)
        seen = np.sqrt(np.maximum(np.sum((directions @ self.determined) * directions, axis=-1), 0.0))
        seen = np.where(seen == 0, 0.0, seen * np.sqrt(self.variance))
        size = np.sum(np.abs(directions) * np.linalg.norm(self.unseen, axis=-1), axis=-1)
        return np.where(rest > 1e-8 * size, np.inf, seen)


def estimate(jacobian: Any, variance_of: Callable[[int], float], x: Any, bounds: tuple[Any, Any]) -> Estimate:
    """What the Jacobian at x tells (nothing where it is inf or nan): of what is determined the covariance is variance * inv(J'J).

    `variance_of(rank)` is the variance of a residual.

    >>> estimate(np.array([[1.0, 0.0], [1.0, 0.0]]), lambda rank: 1.0, np.zeros(2), (np.full(2, -np.inf), np.full(2, np.inf))).covariance
    array([[0.5, 0. ],
           [0. , inf]])
    """
    n = jacobian.shape[1]
    at_bound = (x <= bounds[0]) | (x >= bounds[1])
    if not np.isfinite(jacobian).all():
        unknown = np.full((n, n), np.nan)
        return Estimate(unknown, np.zeros(n, bool), at_bound, unknown, variance_of(n), np.zeros((n, n)), n)
    free = np.flatnonzero(~at_bound)
    covariance, determined, unseen = np.full((n, n), np.nan), np.zeros((n, n)), np.zeros((n, n))
    undetermined, rank = np.zeros(n, bool), n
    if free.size:
        part, block = jacobian[:, free], np.ix_(free, free)
        scale = column_norms(part)
        undetermined[free[scale == 0]] = True
        scale = np.where(scale == 0, 1.0, scale)
        _, singular, right = np.linalg.svd(part / scale, full_matrices=False)
        kept = singular > np.finfo(float).eps * max(part.shape) * singular[0]
        inverse = right[kept].T / singular[kept]
        determined[block] = (inverse @ inverse.T) / np.outer(scale, scale)
        rank = int(n - free.size + kept.sum())
        if kept.sum() < free.size:
            unseen[block] = (np.eye(free.size) - right[kept].T @ right[kept]) / scale[:, None]
        undetermined[free[(right[kept] ** 2).sum(axis=0) < 1 - 1e-8]] = True  # not all of it lies in what the data see
        covariance[block] = variance_of(rank) * determined[block]
    places = np.flatnonzero(undetermined)
    covariance[places, places] = np.inf
    return Estimate(covariance, undetermined, at_bound, determined, variance_of(rank), unseen, rank)
