"""Limits of slowly converging sums and sequences, for many of them at once.

Arrays are (n, k, m): n times m sequences of k members. Results are the limits (n, m) and estimates of their errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["epsilon", "levin_sidi"]

_SETTINGS = [(m, step, n) for step in (1, 3, 9, 21) for m in (2, 3) for n in (8, 10)]
_STARTS = (4, 12)


def levin_sidi(
    terms: Any, settings: Sequence[tuple[int, int, int]] = _SETTINGS, starts: tuple[int, int] = _STARTS
) -> tuple[Any, Any]:
    """The sums of infinite series, from their first terms, by the d-transformation of D. Levin and A. Sidi (Appl. Math. Comput. 9, 1981).

    It takes the rest of a series after n terms to be a combination of the next terms' first m differences, with coefficients that are polynomials
    of some degree in 1/n, and finds these by solving linear equations. That is so for terms that satisfy a linear difference equation of order m:
    powers of n, alternating or not, cos(n x)/n, log(n)/n**2, and products of such.

    Args:
        terms: the first terms.
        settings: what to try: (m, distance between the partial sums that are used, number of coefficients for each difference).
        starts: the first partial sums to use; the error is what the results differ by.

    >>> terms = np.cos(np.arange(1.0, 100)) / np.arange(1.0, 100)
    >>> limit, error = levin_sidi(terms[None, :, None])
    >>> bool(abs(limit[0, 0] + np.log(2 * np.sin(0.5))) < 1e-13)
    True
    """
    count, length, width = terms.shape
    flat = np.moveaxis(terms, 1, 2).reshape(count * width, length)
    sums = np.cumsum(flat, axis=1)
    limit, error = np.zeros(len(flat), flat.dtype), np.full(len(flat), np.inf)
    todo = np.arange(len(flat))
    for order, step, number in settings:
        if max(starts) + step * order * number + order >= length or not todo.size:
            continue
        first, second = (_solved(flat[todo], sums[todo], order, step, number, start) for start in starts)
        with np.errstate(all="ignore"):
            distance = np.abs(first - second)
        better = distance < error[todo]
        limit[todo[better]], error[todo[better]] = second[better], distance[better]
        todo = todo[~(error[todo] <= 1e-14 * np.abs(limit[todo]))]
    return limit.reshape(count, width), error.reshape(count, width)


def _solved(terms: Any, sums: Any, order: int, step: int, number: int, start: int) -> Any:
    """The limits of (n, k) from one choice of partial sums; nan where the equations have no solution."""
    places = start + step * np.arange(order * number + 1)
    index = places + 1.0
    powers = (index[:, None] / index[0]) ** -np.arange(number)
    columns = [np.ones((len(terms), len(places), 1), terms.dtype)]
    differences = terms
    for k in range(order):
        columns.append((differences[:, places] * index ** (k + 1))[..., None] * powers)
        differences = np.diff(differences, axis=1)
    matrix = np.concatenate(columns, axis=2)
    scale = np.abs(matrix).max(axis=1, keepdims=True)
    matrix = matrix / np.where(scale > 0, scale, 1)
    usable = np.isfinite(matrix).all(axis=(1, 2)) & np.isfinite(sums[:, places]).all(axis=1)
    matrix[~usable] = np.eye(len(places))
    try:
        solution = np.linalg.solve(matrix, sums[:, places, None])
    except np.linalg.LinAlgError:
        solution = np.matmul(np.linalg.pinv(matrix), sums[:, places, None])
    return np.where(usable, solution[:, 0, 0], np.nan)


def epsilon(sums: Any) -> tuple[Any, Any]:
    """The limits of sequences by the epsilon algorithm (P. Wynn, Math. Tables Aids Comput. 10, 1956).

    Good where the distance from the limit is a sum of a few geometric sequences, complex ones included. The error is what the last
    approximations differ by.

    >>> limit, error = epsilon(np.cumsum(0.9 ** np.arange(9.0))[None, :, None])
    >>> bool(abs(limit[0, 0] - 10) < 1e-9)
    True
    """
    before, column = np.zeros_like(sums), sums
    even = sums
    limits = [sums[:, -1]]
    with np.errstate(all="ignore"):
        for order in range(1, sums.shape[1]):
            step = column[:, 1:] - column[:, :-1]
            before, column = column, before[:, 1:][:, : step.shape[1]] + 1 / step
            if (
                order % 2 == 0
            ):  # nan comes from members that were equal, where the limit is reached; inf from equal steps, without a limit
                even = column = np.where(np.isnan(column), even[:, 2:], column)
                limits.append(column[:, -1])
        approximations = np.stack(limits, axis=1)
        steps = np.abs(np.diff(approximations, axis=1))
        errors = steps[:, 1:] + steps[:, :-1]
    errors = np.where(np.isfinite(errors), errors, np.inf)
    best = np.argmin(errors, axis=1)[:, None]
    limit = np.take_along_axis(approximations[:, 2:], best, axis=1)[:, 0]
    return limit, np.take_along_axis(errors, best, axis=1)[:, 0]
