"""Eigenvalues, and analytic functions of matrices by them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Node
from ..shapes import UNKNOWN, Spec, broadcast
from .base import PureOperation
from .linalg import _OfMatrix
from .spectra import floating


class eigensystem(_OfMatrix):
    """The eigenvalues of a matrix (as first row), and its eigenvectors (as columns below): of length 1, their largest entry positive.

    Eigenvalues are in ascending order of their real, then of their imaginary parts. They are real for Hermitian matrices, and where a whole stack
    of real matrices has real ones. nan for a matrix with entries that are not finite.

    >>> eigensystem([[2.0, 0.0], [0.0, 1.0]]).eval()
    array([[1., 2.],
           [0., 1.],
           [1., 0.]])
    """

    scalar = False

    def infer(self, *specs: Spec) -> Spec:
        shape = super().infer(*specs).shape
        if shape == UNKNOWN:
            return Spec(UNKNOWN, None)
        rows = None if shape[-1] is None else shape[-1] + 1  # type: ignore[operator]
        return Spec((*shape[:-2], rows, shape[-1]), None)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        values, vectors = eigen(np.asarray(x))
        result = np.concatenate([values[..., None, :], vectors], axis=-2)
        return result if xp is np else xp.asarray(result)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        raise NotImplementedError("eigensystem has no gradient of its own: take it of `spectral` or of `eigenvalues`")


def eigen(x: Any) -> tuple[Any, Any]:
    """Eigenvalues and eigenvectors of a stack, as `eigensystem` orders and scales them."""
    x = floating(x)
    finite = np.isfinite(x).all(axis=(-2, -1))[..., None, None]
    safe = np.where(finite, x, np.eye(x.shape[-1], dtype=x.dtype))
    if (safe == np.conj(np.swapaxes(safe, -1, -2))).all():
        values, vectors = np.linalg.eigh(safe)
    else:
        values, vectors = np.linalg.eig(safe)
        order = np.lexsort((values.imag, values.real), axis=-1)
        values, vectors = np.take_along_axis(values, order, -1), np.take_along_axis(vectors, order[..., None, :], -1)
    vectors = vectors / phase(vectors)
    return np.where(finite[..., 0], values, np.nan), np.where(finite, vectors, np.nan)


def phase(vectors: Any) -> Any:
    """For each column the sign (or the phase) of its entry of largest absolute value; of those that are as large, the first."""
    if not vectors.size:
        return np.ones(1)
    size = np.abs(vectors)
    first = np.argmax(size >= 0.999 * size.max(axis=-2, keepdims=True), axis=-2)
    largest = np.take_along_axis(vectors, first[..., None, :], -2)
    return largest / np.abs(largest)


_LARGEST_CONDITION = 1e8  # of the eigenvectors, up to which half of the digits are right


class spectral(PureOperation):
    """f(x) for a diagonalizable matrix x, where `values` are those of f, and `slopes` those of its derivative, at the eigenvalues in `system`.

    These three are taken as constants by `gradients`: how they change with x is in the gradient with respect to x.

    Raises LinAlgError where the eigenvectors of x are too near to being dependent. nan for a real matrix whose f(x) is not real.

    >>> spectral([[0.0, 1.0], [1.0, 0.0]], eigensystem([[0.0, 1.0], [1.0, 0.0]]), [0.0, 1.0], [0.0, 0.0]).eval().round(12)
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """

    def __init__(self, x: Any, system: Any, values: Any, slopes: Any = None, name: str | None = None) -> None:
        super().__init__([x, system, values, *([] if slopes is None else [slopes])], name)

    def infer(self, *specs: Spec) -> Spec:
        x, _, values, *_ = specs
        if len(x.shape) < 2 or ... in x.shape[-2:] or values.shape == ():
            return Spec(UNKNOWN, None)
        return Spec((*broadcast(x.shape[:-2], values.shape[:-1]), *x.shape[-2:]), None)

    def compute(self, x: Any, system: Any, values: Any, slopes: Any = None, *, xp: Any = np) -> Any:
        vectors = np.asarray(system)[..., 1:, :]
        result = _in_basis(vectors, np.asarray(values)[..., None, :] * np.eye(vectors.shape[-1]))
        kind = floating(np.asarray(x)).dtype
        result = (result if kind.kind == "c" else _as_real(result)).astype(kind)
        return result if xp is np else xp.asarray(result)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        if len(self.input_nodes) < 4:
            raise NotImplementedError("a function of a matrix whose derivative is not known has no gradient")
        x, system, values, slopes = self.input_nodes
        return [spectral_gradient(grad, x, system, values, slopes), None, None, None]


class spectral_gradient(PureOperation):
    """The gradient of `spectral` with respect to the matrix, by divided differences of f (Daleckii and Krein).

    >>> spectral_gradient([[1.0]], [[2.0]], eigensystem([[2.0]]), [4.0], [3.0]).eval()
    array([[3.]])
    """

    def __init__(self, grad: Any, x: Any, system: Any, values: Any, slopes: Any, name: str | None = None) -> None:
        super().__init__([grad, x, system, values, slopes], name)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(UNKNOWN, None)

    def compute(self, grad: Any, x: Any, system: Any, values: Any, slopes: Any, *, xp: Any = np) -> Any:
        points, vectors = np.asarray(system)[..., 0, :], np.asarray(system)[..., 1:, :]
        values, slopes = np.asarray(values)[..., :], np.asarray(slopes)[..., :]
        apart = points[..., :, None] - points[..., None, :]
        size = np.abs(points[..., :, None]) + np.abs(points[..., None, :])
        near = (
            np.abs(apart) <= 1e-6 * size
        )  # where the mean of the slopes is nearer than a difference of rounded values
        ratio = (values[..., :, None] - values[..., None, :]) / np.where(near, 1, apart)
        ratio = np.where(near, (slopes[..., :, None] + slopes[..., None, :]) / 2, ratio)
        transposed = np.linalg.inv(np.swapaxes(vectors, -1, -2))  # of x.T, whose eigenvectors these are
        inner = np.linalg.solve(transposed, np.asarray(grad) @ transposed) * ratio
        result = _in_basis(transposed, inner)
        result = _as_real(result) if np.asarray(x).dtype.kind != "c" and np.asarray(grad).dtype.kind != "c" else result
        return result if xp is np else xp.asarray(result)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        raise NotImplementedError("the second derivative of a function of a matrix that is computed by eigenvalues")


def _in_basis(vectors: Any, inner: Any) -> Any:
    """vectors @ inner @ vectors**-1."""
    condition = (
        np.linalg.cond(np.where(np.isfinite(vectors), vectors, np.eye(vectors.shape[-1]))) if vectors.size else 0
    )
    if np.any(condition > _LARGEST_CONDITION):
        raise np.linalg.LinAlgError(
            f"a matrix is not diagonalizable (its eigenvectors have condition {np.max(condition):.1e}), so that its eigenvalues "
            "do not give this function of it; exp, log, sin, cos, sinh, cosh, tan, tanh and powers need no eigenvalues"
        )
    return np.swapaxes(np.linalg.solve(np.swapaxes(vectors, -1, -2), np.swapaxes(vectors @ inner, -1, -2)), -1, -2)


def _as_real(result: Any) -> Any:
    if result.dtype.kind != "c":
        return result
    scale = np.abs(result).max(axis=(-2, -1), keepdims=True, initial=0)
    real = (np.abs(result.imag) <= 1e-6 * scale).all(axis=(-2, -1), keepdims=True)
    return np.where(real, result.real, np.nan)
