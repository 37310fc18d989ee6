"""Small matrices, unrolled into lanes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .lanes import Lane, Lanes, Unsupported, joined

__all__ = ["LinearAlgebra", "matmul"]


def matmul(namespace: Any, a: Any, b: Any) -> Any:
    """The product of two matrices, summed from first to last."""
    if not isinstance(a, Lanes) or not isinstance(b, Lanes) or a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise Unsupported("a product of other than two small matrices")
    result = np.empty((a.shape[0], b.shape[1]), object)
    for i, j in np.ndindex(result.shape):
        total = namespace.lane(0.0, a.dtype) if not a.shape[1] else a.entries[i, 0] * b.entries[0, j]
        for k in range(1, a.shape[1]):
            total = total + a.entries[i, k] * b.entries[k, j]
        result[i, j] = total
    return joined(namespace, result)


class LinearAlgebra:
    """What stands in `numpy.linalg`."""

    def __init__(self, namespace: Any) -> None:
        self._namespace = namespace

    def __getattr__(self, name: str) -> Any:
        raise Unsupported(f"the function linalg.{name}")

    def trace(self, x: Any) -> Any:
        total = x.entries[0, 0]
        for k in range(1, min(x.shape)):
            total = total + x.entries[k, k]
        return total

    def diagonal(self, x: Any) -> Any:
        return x.with_entries(np.diagonal(x.entries))

    def det(self, x: Any) -> Any:
        """The determinant: by its formula up to 3 x 3, beyond by Gaussian elimination with the largest pivot of each column."""
        _check_square(x)
        e, n = x.entries, len(x.entries)
        if n <= 3:
            return _by_formula(e) if n else self._namespace.lane(1.0, x.dtype)
        rows, sign = [list(row) for row in e], self._namespace.lane(1.0, x.dtype)
        for k in range(n):
            sign = _pivot(self._namespace, rows, k, sign)
            _eliminate(self._namespace, rows, k)
        for k in range(n):
            sign = sign * rows[k][k]
        return sign


def _check_square(x: Any) -> None:
    if not isinstance(x, Lanes) or x.ndim != 2 or x.shape[0] != x.shape[1]:
        raise Unsupported("a matrix that is not square")


def _by_formula(e: np.ndarray[Any, Any]) -> Lane:
    if len(e) == 1:
        return e[0, 0]  # type: ignore[no-any-return]
    if len(e) == 2:
        return e[0, 0] * e[1, 1] - e[0, 1] * e[1, 0]  # type: ignore[no-any-return]
    minors = [e[1, (j + 1) % 3] * e[2, (j + 2) % 3] - e[1, (j + 2) % 3] * e[2, (j + 1) % 3] for j in range(3)]
    return e[0, 0] * minors[0] + e[0, 1] * minors[1] + e[0, 2] * minors[2]  # type: ignore[no-any-return]


def _pivot(xp: Any, rows: list[list[Lane]], k: int, sign: Lane) -> Lane:
    """Bring the row with the largest entry in column k, of those from k on, to place k; the sign changes with each exchange."""
    for i in range(k + 1, len(rows)):
        larger = xp.greater(xp.abs(rows[i][k]), xp.abs(rows[k][k]))
        above = [xp.where(larger, b, a) for a, b in zip(rows[k], rows[i], strict=True)]
        below = [xp.where(larger, a, b) for a, b in zip(rows[k], rows[i], strict=True)]
        rows[k], rows[i] = above, below
        sign = xp.where(larger, -sign, sign)
    return sign


def _eliminate(xp: Any, rows: list[list[Lane]], k: int) -> None:
    """Make the entries below place k of column k zero (they are not written down). Where the pivot is 0, all of them are already."""
    pivot = xp.where(xp.equal(rows[k][k], 0.0), 1.0, rows[k][k])
    for i in range(k + 1, len(rows)):
        factor = rows[i][k] / pivot
        rows[i][k + 1 :] = [b - factor * a for a, b in zip(rows[k][k + 1 :], rows[i][k + 1 :], strict=True)]
