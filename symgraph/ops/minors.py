"""Determinants of parts of a matrix: the cofactors, and how they change. Right for singular matrices; leading axes are batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Node
from ..shapes import Spec, broadcast, promote
from .array import expand_dims
from .base import PureOperation, as_float
from .linalg import _OfMatrix, determinant, matmul, matrix_inverse, matrix_transpose
from .reduction import reduce_sum


class cofactors(_OfMatrix):
    """The matrix of cofactors, det(x) * inv(x).T: to 3 x 3 by minors, beyond by singular values, so that it is right for singular matrices.

    With x = U S V*, it is det(U) det(V*) conj(U) D V^T.. where D holds the products of all other singular values.

    >>> cofactors([[1.0, 2.0], [2.0, 4.0]]).eval().round(12)
    array([[ 4., -2.],
           [-2.,  1.]])
    """

    scalar = False

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        if 1 <= x.shape[-1] <= 3:
            x = x if x.dtype.kind in "fc" else xp.astype(x, np.float64)
            return xp.reshape(xp.stack(_minors(x, xp), axis=-1), x.shape)
        finite = xp.all(xp.isfinite(x), axis=(-2, -1), keepdims=True)
        u, s, vh = xp.linalg.svd(xp.where(finite, x, 0.0))  # which fails for all matrices if one is not finite
        n = s.shape[-1]
        others = [xp.prod(xp.concat([s[..., :i], s[..., i + 1 :]], axis=-1), axis=-1) for i in range(n)]
        scale = (xp.linalg.det(u) * xp.linalg.det(vh))[..., None] * xp.stack(others, axis=-1) if n else s
        return xp.where(finite, xp.matmul(xp.conj(u) * scale[..., None, :], xp.conj(vh)), float("nan"))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [cofactors_change(self.input_nodes[0], grad)]  # the second derivative of the determinant is symmetric


class cofactors_change(PureOperation):
    """The change of the cofactors of x when x changes by y: to 3 x 3 by minors, beyond by singular values, so that it is right for singular x.

    With x = U S V* and y = U Z V* it is made of Z and the products of all but two singular values. Its derivative with respect to x, of which the
    third one of a determinant is made, needs x to be regular.

    >>> cofactors_change([[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [5.0, 0.0]]).eval()
    array([[ 0., -5.],
           [-0.,  1.]])
    """

    rowwise = True

    def __init__(self, x: Any, y: Any, name: str | None = None) -> None:
        super().__init__([x, y], name)

    def infer(self, *specs: Spec) -> Spec:
        x, y = specs
        return Spec(broadcast(x.shape, y.shape), as_float(promote(x.dtype, y.dtype)))

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        order = x.shape[-1]
        if not 1 <= order <= 3:
            return _by_singular_values(x, y, xp)
        both = x + y
        if both.dtype.kind not in "fc":
            x, y = xp.astype(x, np.float64), xp.astype(y, np.float64)
        changes = [0 * both[..., 0, 0]] if order == 1 else _minors(y, xp) if order == 2 else _mixed_minors(x, y)
        return xp.broadcast_to(xp.reshape(xp.stack(changes, axis=-1), (*changes[0].shape, order, order)), both.shape)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        x, y = self.input_nodes
        # of det(X) (<K,Y><K,G> - <G,K Y.T K>) with K = inv(X).T, for which dK = -K dX.T K
        k = matrix_transpose(matrix_inverse(x))
        along_y, along_g = _product(k, y), _product(k, grad)
        ky, kg = matmul(k, matmul(matrix_transpose(y), k)), matmul(k, matmul(matrix_transpose(grad), k))
        both = matmul(ky, matmul(matrix_transpose(grad), k)) + matmul(kg, matmul(matrix_transpose(y), k))
        inner = (along_y * along_g - _product(grad, ky)) * k - along_g * ky - along_y * kg + both
        by_x = expand_dims(determinant(x), (-1, -2)) * inner
        return [by_x, cofactors_change(x, grad)]  # the second derivative of the determinant is symmetric


def _product(x: Node, y: Node) -> Node:
    """The inner product of matrices, as a matrix of one entry."""
    return reduce_sum(x * y, (-1, -2), True)


def _by_singular_values(x: Any, y: Any, xp: Any) -> Any:
    finite = xp.all(xp.isfinite(x), axis=(-2, -1), keepdims=True)
    u, s, vh = xp.linalg.svd(xp.where(finite, x, 0.0))
    z = xp.matmul(xp.conj(xp.matrix_transpose(u)), xp.matmul(y, xp.conj(xp.matrix_transpose(vh))))
    others = _products_of_all_but_two(s, xp)
    place = xp.arange(s.shape[-1])
    change = -others * xp.matrix_transpose(z)
    change[..., place, place] = xp.matmul(others, z[..., place, place][..., None])[..., 0]
    sign = (xp.linalg.det(u) * xp.linalg.det(vh))[..., None, None]
    return xp.where(finite, sign * xp.matmul(xp.conj(u), xp.matmul(change, xp.conj(vh))), float("nan"))


def _products_of_all_but_two(s: Any, xp: Any) -> Any:
    """At i, j the product of all entries but those two; 0 on the diagonal."""
    n = s.shape[-1]
    one = xp.ones_like(s[..., :1])
    result = xp.zeros((*s.shape, n), dtype=s.dtype)
    before = xp.cumprod(xp.concat([one, s[..., :-1]], axis=-1), axis=-1)
    after = xp.cumprod(xp.concat([one, s[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    for i in range(n - 1):
        between = xp.cumprod(xp.concat([one, s[..., i + 1 : -1]], axis=-1), axis=-1)
        result[..., i, i + 1 :] = before[..., i : i + 1] * between * after[..., i + 1 :]
    return result + xp.matrix_transpose(result)


def _minors(x: Any, xp: Any) -> list[Any]:
    """The cofactors of a matrix of at most 3 x 3, row by row: with cyclic places there are no signs at 3 x 3."""
    n = x.shape[-1]
    if n == 1:
        return [xp.ones_like(x[..., 0, 0])]
    if n == 2:
        return [x[..., 1, 1], -x[..., 1, 0], -x[..., 0, 1], x[..., 0, 0]]
    entry = [[x[..., i, j] for j in range(3)] for i in range(3)]
    return [entry[i][j] * entry[k][m] - entry[i][m] * entry[k][j] for i, k in _AROUND for j, m in _AROUND]


_AROUND = ((1, 2), (2, 0), (0, 1))


def _mixed_minors(x: Any, y: Any) -> list[Any]:
    """The change of the cofactors of 3 x 3 matrices, row by row."""
    a, b = [[[each[..., i, j] for j in range(3)] for i in range(3)] for each in (x, y)]
    return [
        a[i][j] * b[k][m] + b[i][j] * a[k][m] - a[i][m] * b[k][j] - b[i][m] * a[k][j]
        for i, k in _AROUND
        for j, m in _AROUND
    ]
