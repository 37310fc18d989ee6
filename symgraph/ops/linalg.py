"""Linear algebra on the last two axes; leading axes are batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import Node
from ..shapes import UNKNOWN, Shape, Spec, broadcast, format_shape, promote
from .array import expand_dims, permute_core
from .base import PureOperation, as_float, as_real, as_sum, core_rank, is_complex
from .parts import conjugate


def matrix_transpose(x: Any) -> Node:
    """The last two axes exchanged.

    >>> matrix_transpose([[1, 2], [3, 4]]).eval()
    array([[1, 3],
           [2, 4]])
    """
    return permute_core(x, (-1, -2))


def adjoint(x: Any) -> Node:
    """The conjugate of the transpose.

    >>> adjoint([[1j, 2], [3, 4]]).eval()
    array([[0.-1.j, 3.-0.j],
           [2.-0.j, 4.-0.j]])
    """
    return matrix_transpose(conjugate(x))


def _open(shape: Shape) -> bool:
    return shape[:1] == (...,)


def _matmul_shape(a: Shape, b: Shape) -> Shape:
    inner_b = b[0] if len(b) == 1 and not _open(b) else b[-2] if len(b) - _open(b) >= 2 else None
    inner_a = a[-1] if len(a) - _open(a) >= 1 else None
    if a == () or b == ():
        raise ShapeError("matmul needs arrays with at least one axis; use multiply for scalars")
    if inner_a is not None and inner_b is not None and inner_a != inner_b:
        raise ShapeError(
            f"Dimensions must be equal, but are {inner_a} and {inner_b} for matmul with shapes {format_shape(a)}, {format_shape(b)}"
        )
    if len(a) - _open(a) < 2 - (not _open(a)) or len(b) - _open(b) < 2 - (not _open(b)):
        return UNKNOWN
    vector_a, vector_b = not _open(a) and len(a) == 1, not _open(b) and len(b) == 1
    loops = broadcast(() if vector_a else a[:-2], () if vector_b else b[:-2])
    return (*loops, *(() if vector_a else (a[-2],)), *(() if vector_b else (b[-1],)))


class matmul(PureOperation):
    """The matrix product; arrays with one axis are vectors, as in NumPy. Written `a @ b`.

    >>> matmul([[1, 0], [0, -1]], [1, 2]).eval()
    array([ 1, -2])
    """

    rowwise = True
    of_matrices = True

    def __init__(self, a: Any, b: Any, name: str | None = None) -> None:
        super().__init__([a, b], name)

    def infer(self, *specs: Spec) -> Spec:
        a, b = specs
        return Spec(_matmul_shape(a.shape, b.shape), promote(a.dtype, b.dtype))

    def compute(self, a: Any, b: Any, *, xp: Any = np) -> Any:
        return xp.matmul(a, b)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        a, b = self.input_nodes
        if min(len(node.shape) - _open(node.shape) for node in (a, b)) >= 2:
            return [matmul(grad, matrix_transpose(b)), matmul(matrix_transpose(a), grad)]
        return [matmul_left_gradient(grad, a, b), matmul_right_gradient(grad, a, b)]


def _as_matrices(grad: Any, a: Any, b: Any, xp: Any) -> tuple[Any, Any, Any]:
    """The operands of a product as matrices: vectors become rows on the left and columns on the right."""
    grad, a, b = xp.asarray(grad), xp.asarray(a), xp.asarray(b)
    if b.ndim == 1:
        grad, b = grad[..., None], b[:, None]
    if a.ndim == 1:
        grad, a = (grad[..., None, :] if b.ndim > 1 else grad), a[None, :]
    return grad, a, b


class matmul_left_gradient(PureOperation):
    """grad @ b.T, where a or b may be a vector: the gradient of a @ b with respect to a.

    >>> matmul_left_gradient([1.0, 2.0], [[0.0], [0.0]], [3.0]).eval()
    array([[3.],
           [6.]])
    """

    def __init__(self, grad: Any, a: Any, b: Any, name: str | None = None) -> None:
        super().__init__([grad, a, b], name)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(UNKNOWN, promote(specs[0].dtype, specs[2].dtype))

    def compute(self, grad: Any, a: Any, b: Any, *, xp: Any = np) -> Any:
        vector = a.ndim == 1
        grad, a, b = _as_matrices(grad, a, b, xp)
        result = xp.matmul(grad, xp.matrix_transpose(b))
        return result[..., 0, :] if vector else result

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        outer, _, b = self.input_nodes
        return [matmul(grad, b), None, matmul_right_gradient(outer, grad, b)]


class matmul_right_gradient(PureOperation):
    """a.T @ grad, where a or b may be a vector: the gradient of a @ b with respect to b.

    >>> matmul_right_gradient([1.0, 2.0], [[3.0], [4.0]], [0.0]).eval()
    array([11.])
    """

    def __init__(self, grad: Any, a: Any, b: Any, name: str | None = None) -> None:
        super().__init__([grad, a, b], name)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(UNKNOWN, promote(specs[0].dtype, specs[1].dtype))

    def compute(self, grad: Any, a: Any, b: Any, *, xp: Any = np) -> Any:
        vector = b.ndim == 1
        grad, a, b = _as_matrices(grad, a, b, xp)
        result = xp.matmul(xp.matrix_transpose(a), grad)
        return result[..., 0] if vector else result

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        outer, a, _ = self.input_nodes
        return [matmul(a, grad), matmul_left_gradient(outer, a, grad), None]


class _OfMatrix(PureOperation):
    """A function of one square matrix, with values of a floating-point dtype."""

    rowwise = True

    scalar = True

    def __init__(self, x: Any, name: str | None = None) -> None:
        super().__init__([x], name)

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        core = x.shape[_open(x.shape) :]
        if (len(core) < 2 and not _open(x.shape)) or (
            len(core) >= 2 and None not in core[-2:] and core[-1] != core[-2]
        ):
            raise ShapeError(
                f"{type(self).__name__} needs square matrices on the last two axes, not {format_shape(x.shape)}"
            )
        dtype = as_float(promote(x.dtype))
        if len(core) < 2:
            return Spec(UNKNOWN, dtype)
        return Spec(x.shape[:-2] if self.scalar else x.shape, dtype)


def rank_of_result(node: Node) -> int | None:
    """How many core axes the value of an operation on matrices has; None for other operations, and where vectors may be among the inputs."""
    if isinstance(node, _OfMatrix):
        if node.scalar and node.shape != node.input_nodes[0].shape[:-2]:
            return None  # a vector, such as eigenvalues, or not known to be a number
        return 0 if node.scalar else 2
    if isinstance(node, (matmul, solve)) and all(len(x.shape) - _open(x.shape) >= 2 for x in node.input_nodes):
        return 2
    return None


class trace(_OfMatrix):
    """The sum of the diagonal.

    >>> trace([[1, 2], [3, 4]]).eval()
    np.int64(5)
    """

    def infer(self, *specs: Spec) -> Spec:
        return super().infer(*specs)._replace(dtype=as_sum(promote(specs[0].dtype)))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.linalg.trace(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        from .creation import eye_like

        return [expand_dims(grad, (-1, -2)) * eye_like(self.input_nodes[0])]


def _where_regular(function: Any, x: Any, xp: Any) -> Any:
    """function(x), where its values for singular matrices are nan: one such matrix takes nothing from the others of the batch."""
    try:
        return function(x)
    except np.linalg.LinAlgError:
        singular = xp.equal(xp.linalg.slogdet(x)[0], 0)[..., None, None]
        if not bool(xp.any(singular)):
            raise
        safe = xp.where(singular, xp.eye(x.shape[-1], dtype=x.dtype), x)
        return xp.where(singular, float("nan"), function(safe))


class matrix_inverse(_OfMatrix):
    """The inverse; nan in all entries where a matrix is singular (exactly, as far as elimination can tell).

    >>> matrix_inverse([[2.0, 0.0], [0.0, 4.0]]).eval()
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """

    scalar = False

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return _where_regular(xp.linalg.inv, x, xp)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        transposed = matrix_transpose(self)
        return [-matmul(transposed, matmul(grad, transposed))]


class determinant(_OfMatrix):
    """The determinant.

    >>> determinant([[2.0, 0.0], [0.0, 1.0]]).eval()
    np.float64(2.0)
    """

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.linalg.det(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        from .minors import cofactors

        return [expand_dims(grad, (-1, -2)) * cofactors(self.input_nodes[0])]


class slogdet(_OfMatrix):
    """log|det(x)|, without overflow.

    >>> slogdet([[2.0, 0.0], [0.0, 0.5]]).eval()
    np.float64(0.0)
    """

    def infer(self, *specs: Spec) -> Spec:
        spec = super().infer(*specs)
        return spec._replace(dtype=as_real(spec.dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.linalg.slogdet(x)[1]

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [expand_dims(grad, (-1, -2)) * matrix_transpose(matrix_inverse(self.input_nodes[0]))]


class logdet(_OfMatrix):
    """log(det(x)), without overflow: nan for a real matrix with a negative determinant, -inf for a singular one.

    >>> logdet([[2.0, 0.0], [0.0, 0.5]]).eval()
    np.float64(0.0)
    """

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        sign, size = xp.linalg.slogdet(x)
        if is_complex(x):
            return size + 1j * xp.atan2(xp.imag(sign), xp.real(sign))
        return xp.where(sign < 0, float("nan"), size)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [expand_dims(grad, (-1, -2)) * matrix_transpose(matrix_inverse(self.input_nodes[0]))]


class solve(PureOperation):
    """The x with a @ x = b, for square a and b with at least two axes (or one: a vector); nan where a is singular.

    >>> solve([[2.0, 0.0], [0.0, 4.0]], [1.0, 1.0]).eval()
    array([0.5 , 0.25])
    """

    rowwise = True

    def __init__(self, a: Any, b: Any, name: str | None = None) -> None:
        super().__init__([a, b], name)

    def infer(self, *specs: Spec) -> Spec:
        a, b = specs
        return Spec(_matmul_shape(a.shape, b.shape), as_float(promote(a.dtype, b.dtype)))

    def compute(self, a: Any, b: Any, *, xp: Any = np) -> Any:
        columns = b[:, None] if b.ndim == 1 else b
        result = _where_regular(lambda matrix: xp.linalg.solve(matrix, columns), a, xp)
        return result[..., 0] if b.ndim == 1 else result

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        a, _ = self.input_nodes
        by_b = solve(matrix_transpose(a), grad)
        return [-outer_product(by_b, self), by_b]


class outer_product(PureOperation):
    """a @ b.T for matrices, and the outer product for vectors.

    >>> outer_product([1.0, 2.0], [3.0]).eval()
    array([[3.],
           [6.]])
    """

    def __init__(self, a: Any, b: Any, name: str | None = None) -> None:
        super().__init__([a, b], name)

    @property
    def rowwise(self) -> bool:
        return all(core_rank(node) >= 2 for node in self.input_nodes)

    def infer(self, *specs: Spec) -> Spec:
        a, b = specs
        dtype = promote(a.dtype, b.dtype)
        if min(len(shape) - _open(shape) for shape in (a.shape, b.shape)) < 2:
            return Spec(UNKNOWN, dtype)
        return Spec((*broadcast(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-2]), dtype)

    def compute(self, a: Any, b: Any, *, xp: Any = np) -> Any:
        return a[:, None] * b[None, :] if a.ndim == 1 else xp.matmul(a, xp.matrix_transpose(b))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        a, b = self.input_nodes
        return [matmul(grad, b), matmul(matrix_transpose(grad), a)]


class matrix_power(_OfMatrix):
    """x @ x @ ... @ x, n times; negative n through the inverse.

    >>> matrix_power([[1, 1], [0, 1]], n=3).eval()
    array([[1, 3],
           [0, 1]])
    """

    attributes = ("n",)
    scalar = False

    def __init__(self, x: Any, n: int = 2, name: str | None = None) -> None:
        super().__init__(x, name)
        self.n = int(n)

    def infer(self, *specs: Spec) -> Spec:
        spec = super().infer(*specs)
        return spec if self.n < 0 else spec._replace(dtype=promote(specs[0].dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        if self.n < 0:
            return xp.linalg.matrix_power(_where_regular(xp.linalg.inv, x, xp), -self.n)
        return xp.linalg.matrix_power(x, self.n)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        if self.n < 0:
            inverse = matrix_transpose(matrix_inverse(x))
            inner = matrix_power(matrix_inverse(x), -self.n).gradient(grad)[0]
            assert inner is not None
            return [-matmul(inverse, matmul(inner, inverse))]
        t = matrix_transpose(x)
        terms = [matmul(matrix_power(t, i), matmul(grad, matrix_power(t, self.n - 1 - i))) for i in range(self.n)]
        return [sum(terms[1:], terms[0]) if terms else None]
