"""Functions of matrices (not of their entries): exponential, logarithm, roots and powers, trigonometric functions.

The derivative of f at A in the direction E is the upper right block of f([[A, E], [0, A]]) (Mathias, SIAM J. Matrix Anal. Appl. 17 (1996) 610;
Najfeld and Havel (1995) for the exponential), and its adjoint is the derivative at the transpose of A; so gradients are again such functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Node
from ..shapes import UNKNOWN, Spec, broadcast, promote
from . import spectra
from .base import PureOperation, as_float
from .linalg import _OfMatrix, matmul, matrix_transpose


class _MatrixFunction(_OfMatrix):
    """A function of a matrix that is given by a power series."""

    scalar = False

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        result = self.evaluate(np.asarray(x))
        return result if xp is np else xp.asarray(result)

    def evaluate(self, x: Any) -> Any:
        """The function of each matrix of a stack of NumPy's."""
        raise NotImplementedError

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [_upper_right(self.rebuild([_block_upper(matrix_transpose(x), grad)]))]


class _block_upper(PureOperation):
    """The block matrix [[a, b], [0, a]] of square matrices."""

    def __init__(self, a: Any, b: Any, name: str | None = None) -> None:
        super().__init__([a, b], name)

    def infer(self, *specs: Spec) -> Spec:
        shape = broadcast(*[spec.shape for spec in specs])
        doubled = [None if n is None else 2 * n for n in shape[-2:]] if ... not in shape[-2:] else [None, None]  # type: ignore[operator]
        return Spec((*shape[:-2], *doubled), promote(*[spec.dtype for spec in specs]))

    def compute(self, a: Any, b: Any, *, xp: Any = np) -> Any:
        a, b = xp.broadcast_arrays(a, b)
        above, below = xp.concat([a, b], axis=-1), xp.concat([xp.zeros_like(a), a], axis=-1)
        return xp.concat([above, below], axis=-2)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [_upper_left(grad) + _lower_right(grad), _upper_right(grad)]


class _Block(PureOperation):
    """A quarter of a square matrix with an even number of rows."""

    below, right = False, False

    def __init__(self, x: Any, name: str | None = None) -> None:
        super().__init__([x], name)

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        if len(x.shape) < 2 or ... in x.shape[-2:]:
            return Spec(UNKNOWN, promote(x.dtype))
        return Spec((*x.shape[:-2], *[None if n is None else n // 2 for n in x.shape[-2:]]), promote(x.dtype))  # type: ignore[operator]

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        half = x.shape[-1] // 2
        first, second = slice(0, half), slice(half, 2 * half)
        return x[..., second if self.below else first, second if self.right else first]

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [_in_quarter(grad, self.below, self.right)]


class _upper_left(_Block):
    """The upper left quarter of a matrix."""


class _upper_right(_Block):
    """The upper right quarter of a matrix."""

    right = True


class _lower_right(_Block):
    """The lower right quarter of a matrix."""

    below, right = True, True


class _in_quarter(PureOperation):
    """A matrix as one quarter of a matrix of zeros."""

    attributes = ("below", "right")

    def __init__(self, x: Any, below: bool = False, right: bool = False, name: str | None = None) -> None:
        super().__init__([x], name)
        self.below, self.right = bool(below), bool(right)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(UNKNOWN, promote(specs[0].dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        zero = xp.zeros_like(x)
        row = xp.concat([zero, x] if self.right else [x, zero], axis=-1)
        empty = xp.zeros_like(row)
        return xp.concat([empty, row] if self.below else [row, empty], axis=-2)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        quarter = {(False, False): _upper_left, (False, True): _upper_right, (True, True): _lower_right}
        return [quarter[self.below, self.right](grad)]


class expm(_MatrixFunction):
    """The exponential of a matrix, I + x + x @ x / 2 + ...

    >>> expm([[0.0, 1.0], [0.0, 0.0]]).eval()
    array([[1., 1.],
           [0., 1.]])
    """

    def evaluate(self, x: Any) -> Any:
        return spectra.expm(x)


class logm(_MatrixFunction):
    """The principal logarithm of a matrix; nan for a real one with eigenvalues that are negative or 0.

    >>> logm([[1.0, 1.0], [0.0, 1.0]]).eval()
    array([[0., 1.],
           [0., 0.]])
    """

    def evaluate(self, x: Any) -> Any:
        return spectra.logm(x)


class sqrtm(_MatrixFunction):
    """The principal square root of a matrix; nan for a real one with negative eigenvalues.

    >>> sqrtm([[4.0, 0.0], [0.0, 9.0]]).eval()
    array([[2., 0.],
           [0., 3.]])
    """

    def evaluate(self, x: Any) -> Any:
        return spectra.sqrtm(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        transposed = matrix_transpose(self)  # s ds + ds s = dx
        return [sylvester(transposed, transposed, grad)]


class sylvester(PureOperation):
    """The x with a @ x + x @ b = q.

    >>> sylvester([[1.0]], [[3.0]], [[8.0]]).eval()
    array([[2.]])
    """

    def __init__(self, a: Any, b: Any, q: Any, name: str | None = None) -> None:
        super().__init__([a, b, q], name)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(broadcast(*[spec.shape for spec in specs]), as_float(promote(*[spec.dtype for spec in specs])))

    def compute(self, a: Any, b: Any, q: Any, *, xp: Any = np) -> Any:
        from scipy.linalg import solve_sylvester

        a, b, q = np.broadcast_arrays(*[spectra.floating(np.asarray(matrix)) for matrix in (a, b, q)])
        kind = np.result_type(a, b, q)
        flat = [spectra.flat(m) for m in (a, b, q)]
        result = np.full(flat[2].shape, np.nan, dtype=kind)
        for place, matrices in enumerate(zip(*flat, strict=True)):
            if all(np.isfinite(m).all() for m in matrices):
                result[place] = solve_sylvester(*matrices)
        result = result.reshape(q.shape)
        return result if xp is np else xp.asarray(result)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        a, b, _ = self.input_nodes
        by_q = sylvester(matrix_transpose(a), matrix_transpose(b), grad)
        transposed = matrix_transpose(self)
        return [-matmul(by_q, transposed), -matmul(transposed, by_q), by_q]


class fractional_matrix_power(PureOperation):
    """x to the power t, for a number t: by products where it is whole, else the principal value exp(t log(x)).

    nan for a real matrix whose power is not real.

    >>> fractional_matrix_power([[16.0, 0.0], [0.0, 1.0]], 0.25).eval()
    array([[2., 0.],
           [0., 1.]])
    """

    def __init__(self, x: Any, t: Any, name: str | None = None) -> None:
        super().__init__([x, t], name)

    def infer(self, *specs: Spec) -> Spec:
        x, t = specs
        dtype = as_float(promote(x.dtype, t.dtype))
        if len(x.shape) < 2 or ... in x.shape[-2:]:
            return Spec(UNKNOWN, dtype)
        return Spec((*broadcast(x.shape[:-2], t.shape), *x.shape[-2:]), dtype)

    def compute(self, x: Any, t: Any, *, xp: Any = np) -> Any:
        result = spectra.powm(x, t)
        return result if xp is np else xp.asarray(result)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        from .reduction import reduce_sum

        x, t = self.input_nodes
        by_x = _upper_right(fractional_matrix_power(_block_upper(matrix_transpose(x), grad), t))
        return [by_x, reduce_sum(grad * matmul(logm(x), self), (-1, -2))]


def _first_order(x: Any) -> Any:
    """(exp(x) - 1) / x, as a series, by the exponential of [[x, 1], [0, 0]]: accurate also where x is small."""
    zero = np.zeros_like(x)
    one = np.broadcast_to(np.eye(x.shape[-1], dtype=x.dtype), x.shape)
    joined = np.concatenate([np.concatenate([x, one], -1), np.concatenate([zero, zero], -1)], -2)
    return spectra.expm(joined)[..., : x.shape[-1], x.shape[-1] :]


def _sinh(x: Any) -> Any:
    return x @ ((_first_order(x) + _first_order(-x)) / 2)


def _cosh(x: Any) -> Any:
    return (spectra.expm(x) + spectra.expm(-x)) / 2


def _sin(x: Any) -> Any:
    return -1j * _sinh(1j * x) if x.dtype.kind == "c" else spectra.expm(1j * x).imag


def _cos(x: Any) -> Any:
    return _cosh(1j * x) if x.dtype.kind == "c" else spectra.expm(1j * x).real


class sinhm(_MatrixFunction):
    """The hyperbolic sine of a matrix.

    >>> sinhm([[0.0, 1.0], [0.0, 0.0]]).eval()
    array([[0., 1.],
           [0., 0.]])
    """

    def evaluate(self, x: Any) -> Any:
        return _sinh(spectra.floating(x))


class coshm(_MatrixFunction):
    """The hyperbolic cosine of a matrix.

    >>> coshm([[0.0, 1.0], [0.0, 0.0]]).eval()
    array([[1., 0.],
           [0., 1.]])
    """

    def evaluate(self, x: Any) -> Any:
        return _cosh(spectra.floating(x))


class tanhm(_MatrixFunction):
    """The hyperbolic tangent of a matrix; without overflow, by tanh(2 x) = 2 tanh(x) / (1 + tanh(x)**2).

    >>> tanhm([[0.0, 1.0], [0.0, 0.0]]).eval()
    array([[0., 1.],
           [0., 0.]])
    """

    def evaluate(self, x: Any) -> Any:
        x = spectra.floating(x)
        norm = np.abs(x).sum(axis=-1).max(initial=0)
        halvings = max(0, int(np.ceil(np.log2(norm / 64)))) if 64 < norm < np.inf else 0
        small = x / 2**halvings
        result = np.linalg.solve(_cosh(small), _sinh(small))
        for _ in range(halvings):
            result = np.linalg.solve(np.eye(x.shape[-1]) + result @ result, 2 * result)
        return result.astype(x.dtype)


class sinm(_MatrixFunction):
    """The sine of a matrix.

    >>> sinm([[0.0, 1.0], [0.0, 0.0]]).eval()
    array([[0., 1.],
           [0., 0.]])
    """

    def evaluate(self, x: Any) -> Any:
        return _sin(spectra.floating(x))


class cosm(_MatrixFunction):
    """The cosine of a matrix.

    >>> cosm([[0.0, 1.0], [0.0, 0.0]]).eval()
    array([[1., 0.],
           [0., 1.]])
    """

    def evaluate(self, x: Any) -> Any:
        return _cos(spectra.floating(x))


class tanm(_MatrixFunction):
    """The tangent of a matrix.

    >>> tanm([[0.0, 1.0], [0.0, 0.0]]).eval()
    array([[0., 1.],
           [0., 0.]])
    """

    def evaluate(self, x: Any) -> Any:
        return np.linalg.solve(_cos(spectra.floating(x)), _sin(spectra.floating(x)))
