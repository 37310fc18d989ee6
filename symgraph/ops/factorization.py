"""Factorizations of square matrices. Each factor is unique: its signs are fixed where the factorization leaves them open.

Gradients: Giles, "Collected matrix derivative results" (2008); Seeger et al., arXiv:1710.08717; Boeddeker et al., arXiv:1701.00392. They are of
the complex Wirtinger kind that `differentiate` states, except for singular vectors, whose gradient is for real matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Node
from ..shapes import UNKNOWN, Shape, Spec, promote
from .array import expand_dims
from .base import PureOperation, as_real, is_complex
from .creation import eye, size
from .diagonalization import eigen
from .forms import diag
from .linalg import _OfMatrix, adjoint, matmul, matrix_transpose, solve
from .logic import where
from .parts import conjugate, real
from .spectra import floating


class band_part(PureOperation):
    """A matrix of which only `lower` diagonals below the main one and `upper` above it are kept; -1 for all.

    >>> band_part([[1, 2], [3, 4]], lower=0, upper=-1).eval()
    array([[1, 2],
           [0, 4]])
    """

    attributes = ("lower", "upper")

    def __init__(self, x: Any, lower: int = -1, upper: int = -1, name: str | None = None) -> None:
        super().__init__([x], name)
        self.lower, self.upper = int(lower), int(upper)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(specs[0].shape, promote(specs[0].dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        if self.lower >= 0:
            x = xp.triu(x, k=-self.lower)
        return xp.tril(x, k=self.upper) if self.upper >= 0 else x

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [band_part(grad, self.lower, self.upper)]


class _Factor(_OfMatrix):
    """A factor that has the shape of the matrix."""

    scalar = False

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        result = self.evaluate(floating(np.asarray(x)))
        return result if xp is np else xp.asarray(result)

    def evaluate(self, x: Any) -> Any:
        """The factor of each matrix of a stack of NumPy's."""
        raise NotImplementedError


def _over(a: Node, b: Node) -> Node:
    """a @ inv(b)."""
    return matrix_transpose(solve(matrix_transpose(b), matrix_transpose(a)))


# --- LU


def _lu(x: Any) -> tuple[Any, Any]:
    n = x.shape[-1]
    upper, lower = x.copy(), np.broadcast_to(np.eye(n, dtype=x.dtype), x.shape).copy()
    for k in range(n - 1):
        pivot, below = upper[..., k, k], upper[..., k + 1 :, k]
        if np.any((pivot == 0) & (below != 0).any(axis=-1)):
            raise np.linalg.LinAlgError(
                "a matrix is no product of a lower and an upper triangular one: exchange its rows"
            )
        factor = below / np.where(pivot == 0, 1, pivot)[..., None]
        lower[..., k + 1 :, k] = factor
        upper[..., k + 1 :, k:] -= factor[..., None] * upper[..., k, None, k:]
        upper[..., k + 1 :, k] = 0
    return lower, upper


class lu_lower(_Factor):
    """The lower triangular factor of x = L @ U, with ones on its diagonal; rows are not exchanged.

    >>> lu_lower([[2.0, 1.0], [4.0, 5.0]]).eval()
    array([[1., 0.],
           [2., 1.]])
    """

    def evaluate(self, x: Any) -> Any:
        return _lu(x)[0]

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        transposed = matrix_transpose(self)
        inner = matmul(transposed, grad)
        strict = inner - band_part(inner, 0, -1)
        return [_over(solve(transposed, strict), matrix_transpose(lu_upper(x)))]


class lu_upper(_Factor):
    """The upper triangular factor of x = L @ U, where L has ones on its diagonal; rows are not exchanged.

    >>> lu_upper([[2.0, 1.0], [4.0, 5.0]]).eval()
    array([[2., 1.],
           [0., 3.]])
    """

    def evaluate(self, x: Any) -> Any:
        return _lu(x)[1]

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        transposed = matrix_transpose(self)
        inner = band_part(matmul(grad, transposed), 0, -1)
        return [_over(solve(matrix_transpose(lu_lower(x)), inner), transposed)]


# --- Cholesky


class cholesky(_Factor):
    """The lower triangular L with a positive diagonal and x = L @ L.H. Raises LinAlgError unless x is Hermitian and positive definite.

    >>> cholesky([[4.0, 2.0], [2.0, 2.0]]).eval()
    array([[2., 0.],
           [1., 1.]])
    """

    def evaluate(self, x: Any) -> Any:
        gap = np.abs(x - np.conj(np.swapaxes(x, -1, -2))).max(axis=(-2, -1), initial=0)
        if np.any(gap > 1e-8 * np.abs(x).max(axis=(-2, -1), initial=0)):
            raise np.linalg.LinAlgError("a matrix is not symmetric (Hermitian), so that it has no Cholesky factor")
        return np.linalg.cholesky(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        transposed = matrix_transpose(self)
        inner = band_part(matmul(transposed, grad), -1, 0)
        halved = inner - band_part(inner, 0, 0) / 2
        result = _over(solve(transposed, halved), conjugate(self))
        return [(result + adjoint(result)) / 2]


# --- QR


def _qr(x: Any) -> tuple[Any, Any]:
    q, r = np.linalg.qr(x)
    diagonal = np.diagonal(r, axis1=-2, axis2=-1)
    size_of = np.abs(diagonal)
    phase = np.where(size_of == 0, 1, diagonal / np.where(size_of == 0, 1, size_of))
    return q * phase[..., None, :], r * np.conj(phase)[..., :, None]


class qr_orthogonal(_Factor):
    """The unitary factor of x = Q @ R, where the diagonal of R is positive.

    >>> qr_orthogonal([[0.0, 1.0], [2.0, 0.0]]).eval() + 0.0
    array([[0., 1.],
           [1., 0.]])
    """

    def evaluate(self, x: Any) -> Any:
        return _qr(x)[0]

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        inner = matmul(matrix_transpose(self), grad)
        return [_qr_gradient(self, qr_triangular(x), inner, -inner)]


class qr_triangular(_Factor):
    """The upper triangular factor of x = Q @ R, with a positive diagonal.

    >>> qr_triangular([[0.0, 1.0], [2.0, 0.0]]).eval() + 0.0
    array([[2., 0.],
           [0., 1.]])
    """

    def evaluate(self, x: Any) -> Any:
        return _qr(x)[1]

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [_qr_gradient(qr_orthogonal(x), self, None, matmul(grad, matrix_transpose(self)))]


def _qr_gradient(q: Node, r: Node, whole: Node | None, half: Node) -> Node:
    """conj(q) @ w @ inv(r).T for w = whole + the strict upper half of `half`, its adjoint, and the real part of its diagonal."""
    strict = half - band_part(half, -1, 0)
    weights = strict + adjoint(strict) + real(band_part(half, 0, 0))
    if whole is not None:
        weights = whole + weights
    return matmul(conjugate(q), _over(weights, matrix_transpose(r)))


# --- eigenvalues and eigenvectors


class eigenvalues(_OfMatrix):
    """The eigenvalues of a matrix, in ascending order of their real, then of their imaginary parts; complex unless all are real.

    >>> eigenvalues([[2.0, 0.0], [0.0, 1.0]]).eval()
    array([1., 2.])
    """

    def infer(self, *specs: Spec) -> Spec:
        return Spec(_without_columns(super().infer(*specs).shape, specs[0].shape), None)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        result = eigen(np.asarray(x))[0]
        return result if xp is np else xp.asarray(result)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        transposed = matrix_transpose(eigenvectors(self.input_nodes[0]))
        return [matmul(solve(transposed, diag(grad)), transposed)]


def _without_columns(loops: Shape, shape: Shape) -> Shape:
    return UNKNOWN if len(shape) < 2 or ... in shape[-2:] else (*loops, shape[-1])


class eigenvectors(_Factor):
    """The eigenvectors of a matrix, as columns in the order of `eigenvalues`: of length 1, and their largest entry positive.

    >>> eigenvectors([[2.0, 0.0], [0.0, 1.0]]).eval()
    array([[0., 1.],
           [1., 0.]])
    """

    def infer(self, *specs: Spec) -> Spec:
        return super().infer(*specs)._replace(dtype=None)

    def evaluate(self, x: Any) -> Any:
        return eigen(x)[1]

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [eigenvectors_gradient(grad, eigenvalues(x), self)]


class eigenvectors_gradient(PureOperation):
    """The gradient of `eigenvectors` with respect to the matrix, from its eigenvalues (which must be different) and eigenvectors.

    >>> eigenvectors_gradient([[1.0, 0.0], [0.0, 0.0]], [1.0, 2.0], [[0.0, 1.0], [1.0, 0.0]]).eval()
    array([[ 0., -1.],
           [ 0.,  0.]])
    """

    def __init__(self, grad: Any, values: Any, vectors: Any, name: str | None = None) -> None:
        super().__init__([grad, values, vectors], name)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(UNKNOWN, None)

    def compute(self, grad: Any, values: Any, vectors: Any, *, xp: Any = np) -> Any:
        grad, values, vectors = np.asarray(grad), np.asarray(values), np.asarray(vectors)
        # the length of each vector and the phase of its largest entry do not change
        along = (grad * vectors).sum(axis=-2, keepdims=True)
        fixed = grad - along.real * np.conj(vectors)
        if is_complex(vectors):
            place = np.argmax(np.abs(vectors) >= 0.999 * np.abs(vectors).max(axis=-2, keepdims=True), axis=-2)
            largest = np.take_along_axis(vectors, place[..., None, :], -2)
            at_largest = np.arange(vectors.shape[-1])[:, None] == place[..., None, :]
            fixed = fixed - at_largest * 1j * along.imag / largest.real
        n = vectors.shape[-1]
        gaps = np.where(np.eye(n, dtype=bool), 1, values[..., None, :] - values[..., :, None])
        transposed = np.swapaxes(vectors, -1, -2)
        inner = np.where(np.eye(n, dtype=bool), 0, transposed @ fixed / gaps)
        result = np.linalg.solve(transposed, inner) @ transposed
        return result if xp is np else xp.asarray(result)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        raise NotImplementedError("the second derivative of eigenvectors")


# --- singular values


class singular_values(_OfMatrix):
    """The singular values of a matrix, in descending order.

    >>> singular_values([[3.0, 0.0], [0.0, -4.0]]).eval()
    array([4., 3.])
    """

    def infer(self, *specs: Spec) -> Spec:
        spec = super().infer(*specs)
        return Spec(_without_columns(spec.shape, specs[0].shape), as_real(spec.dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        result = np.linalg.svd(floating(np.asarray(x)), compute_uv=False)
        return result if xp is np else xp.asarray(result)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        u, v = left_singular_vectors(x), right_singular_vectors(x)
        return [matmul(conjugate(u) * expand_dims(grad, -2), matrix_transpose(v))]


def _svd(x: Any) -> tuple[Any, Any]:
    """Left and right singular vectors as columns; the largest entry of each left one is positive."""
    from .diagonalization import phase

    u, _, vh = np.linalg.svd(x)
    turn = phase(u)
    return u / turn, np.conj(np.swapaxes(vh, -1, -2)) / turn


class left_singular_vectors(_Factor):
    """U of x = U @ S @ V.H, its columns in the order of `singular_values`, with the largest entry of each positive.

    >>> left_singular_vectors([[3.0, 0.0], [0.0, -4.0]]).eval()
    array([[0., 1.],
           [1., 0.]])
    """

    def evaluate(self, x: Any) -> Any:
        return _svd(x)[0]

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        v, s = right_singular_vectors(x), singular_values(x)
        return [_svd_gradient(self, v, _paired(self, grad, s) * expand_dims(s, -2))]


class right_singular_vectors(_Factor):
    """V of x = U @ S @ V.H, its columns in the order of `singular_values`, with the signs that go with those of U.

    >>> right_singular_vectors([[3.0, 0.0], [0.0, -4.0]]).eval() + 0.0
    array([[ 0.,  1.],
           [-1.,  0.]])
    """

    def evaluate(self, x: Any) -> Any:
        return _svd(x)[1]

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        u, s = left_singular_vectors(x), singular_values(x)
        return [_svd_gradient(u, self, _paired(self, grad, s) * expand_dims(s, -1))]


def _paired(vectors: Node, grad: Node, s: Node) -> Node:
    """w + w.T for w = vectors.T @ grad, divided by the differences of squares of singular values."""
    squares = s * s
    one = eye(size(s, -1))
    gaps = where(one, 1, expand_dims(squares, -2) - expand_dims(squares, -1))
    inner = where(one, 0, matmul(matrix_transpose(real_only(vectors)), grad) / gaps)
    both: Node = inner + matrix_transpose(inner)
    return both


def _svd_gradient(u: Node, v: Node, inner: Node) -> Node:
    return matmul(matmul(u, inner), matrix_transpose(v))


class real_only(PureOperation):
    """x, if it is real; NotImplementedError at a run if it is complex.

    >>> real_only(1.0).eval()
    np.float64(1.0)
    """

    def __init__(self, x: Any, name: str | None = None) -> None:
        super().__init__([x], name)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(specs[0].shape, promote(specs[0].dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        if is_complex(x):
            raise NotImplementedError("the gradient of the singular vectors of a complex matrix")
        return xp.asarray(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad]


# --- the discrete Fourier transform


class dft(PureOperation):
    """The n x n matrix of the discrete Fourier transform, exp(-2 pi i j k / n) / sqrt(n); its inverse has the sign +1.

    >>> dft(2).eval().round(3)
    array([[ 0.707+0.j,  0.707+0.j],
           [ 0.707+0.j, -0.707-0.j]])
    """

    attributes = ("sign", "target")

    def __init__(self, n: Any, sign: int = -1, dtype: Any = np.complex128, name: str | None = None) -> None:
        super().__init__([n], name)
        self.sign, self.target = int(sign), np.dtype(dtype)

    def infer(self, *specs: Spec) -> Spec:
        return Spec((None, None), self.target)

    def compute(self, n: Any, *, xp: Any = np) -> Any:
        from .creation import whole_number

        count = whole_number(n, "A dimension")
        turns = np.arange(count)[:, None] * np.arange(count) % max(count, 1) / max(count, 1)
        matrix = np.exp(self.sign * 2j * np.pi * turns) / np.sqrt(max(count, 1))
        return xp.asarray(matrix, dtype=self.target)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None]
