"""Matrices built from vectors and smaller matrices: Kronecker products, blocks and diagonals. Leading axes are batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import Node
from ..shapes import UNKNOWN, Shape, Spec, broadcast, format_shape, promote
from .base import PureOperation, as_sum, core_rank


def _open(shape: Shape) -> bool:
    return shape[:1] == (...,)


class kron(PureOperation):
    """The Kronecker product of two matrices (batched).

    >>> kron([[1, 2]], [[1], [10]]).eval()
    array([[ 1,  2],
           [10, 20]])
    """

    rowwise = True

    def __init__(self, a: Any, b: Any, name: str | None = None) -> None:
        super().__init__([a, b], name)

    def infer(self, *specs: Spec) -> Spec:
        a, b = specs
        dtype = promote(a.dtype, b.dtype)
        if len(a.shape) - _open(a.shape) < 2 or len(b.shape) - _open(b.shape) < 2:
            return Spec(UNKNOWN, dtype)
        core = [None if m is None or n is None else m * n for m, n in zip(a.shape[-2:], b.shape[-2:], strict=True)]  # type: ignore[operator]
        return Spec((*broadcast(a.shape[:-2], b.shape[:-2]), *core), dtype)

    def compute(self, a: Any, b: Any, *, xp: Any = np) -> Any:
        product = a[..., :, None, :, None] * b[..., None, :, None, :]
        m, p, n, q = product.shape[-4:]
        return xp.reshape(product, (*product.shape[:-4], m * p, n * q))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        a, b = self.input_nodes
        return [kron_gradient(grad, a, b, of=0), kron_gradient(grad, a, b, of=1)]


class kron_gradient(PureOperation):
    """The gradient of kron(a, b) with respect to a (`of=0`) or b (`of=1`).

    >>> kron_gradient([[1.0, 1.0]], [[1.0, 2.0]], [[3.0]], of=1).eval()
    array([[3.]])
    """

    rowwise = True
    needs_equal_batches = True
    attributes = ("of",)

    def __init__(self, grad: Any, a: Any, b: Any, of: int = 0, name: str | None = None) -> None:
        super().__init__([grad, a, b], name)
        self.of = of

    def infer(self, *specs: Spec) -> Spec:
        grad, a, b = specs
        return Spec(UNKNOWN, as_sum(promote(grad.dtype, (a, b)[1 - self.of].dtype)))

    def compute(self, grad: Any, a: Any, b: Any, *, xp: Any = np) -> Any:
        (m, n), (p, q) = a.shape[-2:], b.shape[-2:]
        blocks = xp.reshape(grad, (*grad.shape[:-2], m, p, n, q))
        if self.of == 0:
            return xp.sum(blocks * b[..., None, :, None, :], axis=(-3, -1))
        return xp.sum(blocks * a[..., :, None, :, None], axis=(-4, -2))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        outer, a, b = self.input_nodes
        if self.of == 0:
            return [kron(grad, b), None, kron_gradient(outer, grad, b, of=1)]
        return [kron(a, grad), kron_gradient(outer, a, grad, of=0), None]


class join(PureOperation):
    """Matrices side by side (`axis=-1`) or one above the other (`axis=-2`); unlike concat it broadcasts their batch axes.

    >>> join([[[1], [2]], [[[3], [4]], [[5], [6]]]], axis=-1).eval()
    array([[[1, 3],
            [2, 4]],
    <BLANKLINE>
           [[1, 5],
            [2, 6]]])
    """

    rowwise = True
    attributes = ("axis",)

    def __init__(self, pieces: Sequence[Any], axis: int = -1, name: str | None = None) -> None:
        super().__init__(pieces, name)
        self.axis = int(axis)

    def infer(self, *specs: Spec) -> Spec:
        dtype = promote(*[spec.dtype for spec in specs])
        shapes = [spec.shape for spec in specs]
        if any(len(shape) - _open(shape) < 2 for shape in shapes):
            return Spec(UNKNOWN, dtype)
        lengths = [shape[self.axis] for shape in shapes]
        total = None if None in lengths else sum(lengths)  # type: ignore[arg-type]
        others = {n for shape in shapes if (n := shape[-3 - self.axis]) is not None}
        if len(others) > 1:
            raise ShapeError(f"join needs matrices with one number of {('columns', 'rows')[self.axis]}, not {others}")
        other = others.pop() if others else None
        core = (other, total) if self.axis == -1 else (total, other)
        return Spec((*broadcast(*[shape[:-2] for shape in shapes]), *core), dtype)

    def compute(self, *pieces: Any, xp: Any = np) -> Any:
        loops = np.broadcast_shapes(*[piece.shape[:-2] for piece in pieces])
        return xp.concat([xp.broadcast_to(p, (*loops, *p.shape[-2:])) for p in pieces], axis=self.axis)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        count = len(self.input_nodes)
        return [join_part(grad, *self.input_nodes, axis=self.axis, part=i) for i in range(count)]


class join_part(PureOperation):
    """The part of joined matrices that came from the piece number `part`, with all batch axes: `join_part(joined, *pieces)`.

    >>> join_part([[1, 2, 3]], [[0]], [[0, 0]], axis=-1, part=1).eval()
    array([[2, 3]])
    """

    rowwise = True
    needs_equal_batches = True
    attributes = ("axis", "part")

    def __init__(self, joined: Any, *pieces: Any, axis: int = -1, part: int = 0, name: str | None = None) -> None:
        super().__init__([joined, *pieces], name)
        self.axis, self.part = int(axis), int(part)

    def infer(self, *specs: Spec) -> Spec:
        joined, piece = specs[0], specs[1 + self.part]
        dtype = promote(joined.dtype)
        if len(joined.shape) - _open(joined.shape) < 2 or len(piece.shape) - _open(piece.shape) < 2:
            return Spec(UNKNOWN, dtype)
        rows, columns = joined.shape[-2], joined.shape[-1]
        core = (rows, piece.shape[-1]) if self.axis == -1 else (piece.shape[-2], columns)
        return Spec((*joined.shape[:-2], *core), dtype)

    def compute(self, joined: Any, *pieces: Any, xp: Any = np) -> Any:
        start = sum(piece.shape[self.axis] for piece in pieces[: self.part])
        part = slice(start, start + pieces[self.part].shape[self.axis])
        return joined[..., part] if self.axis == -1 else joined[..., part, :]

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        from .creation import zeros_like

        pieces = self.input_nodes[1:]
        parts = [grad if i == self.part else zeros_like(piece) for i, piece in enumerate(pieces)]
        return [join(parts, self.axis), *[None] * len(pieces)]


class diag(PureOperation):
    """The square matrix with the entries of the last axis on its diagonal.

    >>> diag([1, 2]).eval()
    array([[1, 0],
           [0, 2]])
    """

    rowwise = True

    def __init__(self, x: Any, name: str | None = None) -> None:
        super().__init__([x], name)

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        return Spec((*x.shape, x.shape[-1]) if len(x.shape) - _open(x.shape) else UNKNOWN, promote(x.dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.where(xp.eye(x.shape[-1], dtype=bool), x[..., None], xp.zeros((), dtype=x.dtype))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [diag_part(grad)]


class diag_part(PureOperation):
    """The main diagonal of the last two axes.

    >>> diag_part([[1, 2], [3, 4]]).eval()
    array([1, 4])
    """

    rowwise = True

    def __init__(self, x: Any, name: str | None = None) -> None:
        super().__init__([x], name)

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        if len(x.shape) - _open(x.shape) < 2:
            return Spec(UNKNOWN, promote(x.dtype))
        m, n = x.shape[-2:]
        length = None if m is None or n is None else min(m, n)  # type: ignore[type-var]
        return Spec((*x.shape[:-2], length), promote(x.dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.linalg.diagonal(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        from .creation import eye, size

        (x,) = self.input_nodes
        rows, columns = size(x, -2), size(x, -1)
        return [_on_diagonal(grad, eye(rows, columns))]


class _on_diagonal(PureOperation):
    """`values` on the main diagonal of zeros in the shape of `pattern`."""

    def __init__(self, values: Any, pattern: Any, name: str | None = None) -> None:
        super().__init__([values, pattern], name)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(UNKNOWN, promote(specs[0].dtype))

    def compute(self, values: Any, pattern: Any, *, xp: Any = np) -> Any:
        result = xp.zeros((*values.shape[:-1], *pattern.shape[-2:]), dtype=values.dtype)
        place = xp.arange(values.shape[-1])
        result[..., place, place] = values
        return result

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [diag_part(grad), None]


class in_core_shape(PureOperation):
    """x, whose last axes must have the lengths `core` (None: any); a vector is taken for a core shape (m, 1).

    >>> in_core_shape([1, 2], (2, 1), "v").eval()
    array([[1],
           [2]])
    """

    attributes = ("core", "label")

    def __init__(self, x: Any, core: Sequence[int | None], label: str = "x", name: str | None = None) -> None:
        super().__init__([x], name)
        self.core, self.label = tuple(core), label

    @property
    def rowwise(self) -> bool:
        return core_rank(self.input_nodes[0]) >= len(self.core)

    def _fits(self, shape: Sequence[Any]) -> bool:
        tail = shape[len(shape) - len(self.core) :]
        return len(shape) >= len(self.core) and all(
            None in (m, n) or m == n for m, n in zip(tail, self.core, strict=True)
        )

    def _is_vector(self, shape: Sequence[Any]) -> bool:
        return len(shape) == 1 and len(self.core) == 2 and self.core[1] == 1 and self._fits((shape[0], 1))

    def _refuse(self, shape: Sequence[Any]) -> ShapeError:
        return ShapeError(
            f"A value of shape {format_shape(shape)} cannot stand for {self.label}, which has shape {format_shape(self.core)}"
        )

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        if not _open(x.shape) and not self._fits(x.shape) and not self._is_vector(x.shape):
            raise self._refuse(x.shape)
        return Spec(
            (..., *self.core) if _open(x.shape) else (*x.shape, 1) if self._is_vector(x.shape) else x.shape,
            promote(x.dtype),
        )

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        x = xp.asarray(x)
        if self._is_vector(x.shape):
            return x[:, None]
        if not self._fits(x.shape):
            raise self._refuse(x.shape)
        return x

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        from .array import reshape_like

        return [reshape_like(grad, self.input_nodes[0])]
