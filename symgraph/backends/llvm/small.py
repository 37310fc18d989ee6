"""Small matrices, unrolled into lanes."""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np

from .lanes import BOOL, Lane, Lanes, Unsupported, common, joined

__all__ = ["LinearAlgebra", "matmul"]

_LARGEST = 6  # rows of a matrix that is eliminated in lanes
_MOST_PRODUCTS = 512  # of entries, in products of matrices: what is larger, BLAS does better


def matmul(namespace: Any, a: Any, b: Any) -> Any:
    """The product of two matrices, summed from first to last; of arrays with equal axes in front, that of each pair."""
    a, b = (namespace.asarray(x) if isinstance(x, np.ndarray) else x for x in (a, b))
    if not isinstance(a, Lanes) or not isinstance(b, Lanes) or a.ndim < 2 or b.ndim < 2:
        raise Unsupported("a product of other than small matrices")
    if BOOL in (a.dtype, b.dtype):
        raise Unsupported("a product of conditions")
    if a.shape[:-2] != b.shape[:-2] or a.shape[-1] != b.shape[-2]:
        raise Unsupported("a product of matrices that do not fit")
    if a.size * b.shape[-1] > _MOST_PRODUCTS:
        raise Unsupported("a product of large matrices")
    result = np.empty((*a.shape[:-1], b.shape[-1]), object)
    zero = namespace.lane(0.0, common(a, b))
    for *loops, i, j in np.ndindex(result.shape):
        left, right = a.entries[*loops, i], b.entries[*loops, :, j]
        result[*loops, i, j] = functools.reduce(operator.add, map(operator.mul, left, right)) if len(left) else zero
    return joined(namespace, result)


class LinearAlgebra:
    """What stands in `numpy.linalg`."""

    def __init__(self, namespace: Any) -> None:
        self._namespace = namespace

    def __getattr__(self, name: str) -> Any:
        raise Unsupported(f"the function linalg.{name}")

    def trace(self, x: Any) -> Any:
        if not isinstance(x, Lanes) or x.ndim != 2:
            raise Unsupported("a trace of other than a small matrix")
        total = x.entries[0, 0]
        for k in range(1, min(x.shape)):
            total = total + x.entries[k, k]
        return total

    def diagonal(self, x: Any) -> Any:
        return x.with_entries(np.diagonal(x.entries, axis1=-2, axis2=-1))

    def det(self, x: Any) -> Any:
        """The determinant: by its formula up to 3 x 3, beyond by Gaussian elimination with the largest pivot of each column."""
        n = _order(x)
        if n <= 3:
            return _by_formula(x.entries) if n else self._namespace.lane(1.0, x.dtype)
        rows, result = self._eliminated(x)
        for k in range(n):
            result = result * rows[k][k]
        return result

    def slogdet(self, x: Any) -> tuple[Any, Any]:
        """The sign (of a complex determinant the unit number of its direction; 0 where it is 0) and the logarithm of the size of the determinant."""
        xp, n = self._namespace, _order(x)
        rows, sign = self._eliminated(x)
        size = xp.lane(0.0, np.empty(0, x.dtype).real.dtype)
        for k in range(n):
            pivot = rows[k][k]
            length = xp.abs(pivot)
            sign = sign * (
                xp.sign(pivot) if x.dtype.kind != "c" else pivot / xp.where(xp.equal(length, 0.0), 1.0, length)
            )
            size = size + xp.log(length)
        return sign, size

    def inv(self, x: Any) -> Any:
        """The inverse; nan in all entries of a singular matrix."""
        identity = np.eye(_order(x)).astype(object)
        return self.solve(x, joined(self._namespace, identity).astype(x.dtype) if x.size else x)

    def solve(self, a: Any, b: Any) -> Any:
        """The x with a @ x = b, for matrices: Gaussian elimination with the largest pivot of each column; nan where one of them is 0."""
        xp, n = self._namespace, _order(a)
        if not isinstance(b, Lanes) or b.ndim != 2 or len(b.entries) != n or b.shape[1] > _LARGEST:
            raise Unsupported("a right side that is no small matrix")
        dtype = common(a, b)
        if not b.size:
            return xp.astype(b, dtype)
        rows, _ = self._eliminated(xp.astype(a, dtype), xp.astype(b, dtype))
        regular = xp.not_equal(rows[0][0], 0.0)
        for k in range(1, n):
            regular = xp.logical_and(regular, xp.not_equal(rows[k][k], 0.0))
        result = np.empty(b.shape, object)
        for column in range(b.shape[1]):
            for i in range(n - 1, -1, -1):
                value = rows[i][n + column]
                for j in range(i + 1, n):
                    value = value - rows[i][j] * result[j, column]
                result[i, column] = value / rows[i][i]
        for place in np.ndindex(result.shape):
            result[place] = xp.where(regular, result[place], float("nan"))
        return joined(xp, result)

    def matrix_power(self, x: Any, n: int) -> Any:
        """x multiplied by itself, n >= 0 times, by squaring."""
        order = _order(x)
        if n < 0 or n.bit_length() * order**3 > _MOST_PRODUCTS:
            raise Unsupported("a high power of a matrix")
        result: Any = None
        while n:
            if n & 1:
                result = x if result is None else matmul(self._namespace, result, x)
            n >>= 1
            x = matmul(self._namespace, x, x) if n else x
        return result if result is not None else joined(self._namespace, np.eye(order).astype(object)).astype(x.dtype)

    def _eliminated(self, a: Any, b: Any = None) -> tuple[list[list[Lane]], Lane]:
        """The rows of [a, b] after elimination, of which the part below the diagonal does not count, and the sign of the exchanges of rows."""
        n = _order(a)
        rows = [
            [*row] if b is None else [*row, *right]
            for row, right in zip(a.entries, a.entries if b is None else b.entries, strict=True)
        ]
        sign = self._namespace.lane(1.0, a.dtype)
        for k in range(n):
            sign = _pivot(self._namespace, rows, k, sign)
            _eliminate(self._namespace, rows, k)
        return rows, sign


def _order(x: Any) -> int:
    """How many rows a small square matrix has."""
    if not isinstance(x, Lanes) or x.ndim != 2 or x.shape[0] != x.shape[1]:
        raise Unsupported("a matrix that is not square")
    if len(x.entries) > _LARGEST:
        raise Unsupported("a large matrix")
    if x.dtype == BOOL:
        raise Unsupported("a matrix of conditions")
    return len(x.entries)


def _by_formula(e: np.ndarray[Any, Any]) -> Lane:
    if len(e) == 1:
        return e[0, 0]  # type: ignore[no-any-return]
    if len(e) == 2:
        return e[0, 0] * e[1, 1] - e[0, 1] * e[1, 0]  # type: ignore[no-any-return]
    minors = [e[1, (j + 1) % 3] * e[2, (j + 2) % 3] - e[1, (j + 2) % 3] * e[2, (j + 1) % 3] for j in range(3)]
    return e[0, 0] * minors[0] + e[0, 1] * minors[1] + e[0, 2] * minors[2]  # type: ignore[no-any-return]


def _pivot(xp: Any, rows: list[list[Lane]], k: int, sign: Lane) -> Lane:
    """Bring the row with the largest entry in column k, of those from k on, to place k; the sign changes with each exchange.

    Of equal ones the first row is taken, as in LAPACK; the size of a complex number is that of its parts together, as there.
    """
    for i in range(k + 1, len(rows)):
        larger = xp.greater(_size(xp, rows[i][k]), _size(xp, rows[k][k]))
        pairs = list(zip(rows[k][k:], rows[i][k:], strict=True))
        rows[k][k:] = [xp.where(larger, b, a) for a, b in pairs]
        rows[i][k:] = [xp.where(larger, a, b) for a, b in pairs]
        sign = xp.where(larger, -sign, sign)
    return sign


def _size(xp: Any, x: Lane) -> Lane:
    if x.dtype.kind != "c":
        return xp.abs(x)  # type: ignore[no-any-return]
    return xp.abs(xp.real(x)) + xp.abs(xp.imag(x))  # type: ignore[no-any-return]


def _eliminate(xp: Any, rows: list[list[Lane]], k: int) -> None:
    """Make the entries below place k of column k zero (they are not written down). Where the pivot is 0, all of them are already."""
    if k == len(rows) - 1:
        return
    pivot = xp.where(xp.equal(rows[k][k], 0.0), 1.0, rows[k][k])
    for i in range(k + 1, len(rows)):
        factor = rows[i][k] / pivot
        rows[i][k + 1 :] = [b - factor * a for a, b in zip(rows[k][k + 1 :], rows[i][k + 1 :], strict=True)]
