"""Shape and order of an array's entries. Axes may be negative; an axis number is an attribute, never an input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import Node
from ..shapes import UNKNOWN, Spec, as_shape, broadcast, format_shape, is_static, promote
from .base import PureOperation, as_real, core_rank, drop_axes, is_complex, normal_axes, of_core


class reshape(PureOperation):
    """The entries of x in row-major order, in another shape; one length may be -1.

    >>> reshape([[1, 2], [3, 4]], (4,)).eval()
    array([1, 2, 3, 4])
    """

    attributes = ("target",)

    def __init__(self, x: Any, shape: Any, name: str | None = None) -> None:
        super().__init__([x], name)
        self.target = tuple(int(n) for n in ([shape] if isinstance(shape, (int, np.integer)) else shape))

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        if is_static(x.shape):
            count = math.prod(n for n in x.shape if isinstance(n, int))
            known = math.prod(n for n in self.target if n != -1)
            if (
                (known == 0 or count % known)
                if -1 in self.target and count
                else known != count and -1 not in self.target
            ):
                raise ShapeError(
                    f"Cannot reshape an array of shape {format_shape(x.shape)} into {format_shape(self.target)}"
                )
            return Spec(
                tuple(n if n != -1 else (count // known if known else 0) for n in self.target), promote(x.dtype)
            )
        return Spec(tuple(None if n == -1 else n for n in self.target), promote(x.dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.reshape(x, self.target)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [reshape_like(grad, self.input_nodes[0])]


class reshape_like(PureOperation):
    """x in the shape of `like`.

    >>> reshape_like([1, 2], [[0], [0]]).eval()
    array([[1],
           [2]])
    """

    rowwise = True
    entrywise = True
    needs_equal_batches = True

    def __init__(self, x: Any, like: Any, name: str | None = None) -> None:
        super().__init__([x, like], name)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(specs[1].shape, promote(specs[0].dtype))

    def compute(self, x: Any, like: Any, *, xp: Any = np) -> Any:
        return xp.reshape(x, like.shape)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [reshape_like(grad, self.input_nodes[0]), None]


class transpose(PureOperation):
    """The axes of x in another order; by default reversed.

    >>> transpose([[1, 2], [3, 4]]).eval()
    array([[1, 3],
           [2, 4]])
    """

    attributes = ("perm",)

    def __init__(self, x: Any, perm: Sequence[int] | None = None, name: str | None = None) -> None:
        super().__init__([x], name)
        self.perm = None if perm is None else tuple(int(axis) for axis in perm)

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        if ... in x.shape:
            return Spec(UNKNOWN if self.perm is None else (None,) * len(self.perm), promote(x.dtype))
        perm = self.perm if self.perm is not None else tuple(reversed(range(len(x.shape))))
        if sorted(axis % len(perm) if perm else 0 for axis in perm) != list(range(len(x.shape))):
            raise ShapeError(f"perm={perm} is not an order of the axes of {format_shape(x.shape)}")
        return Spec(tuple(x.shape[axis] for axis in perm), promote(x.dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        x = xp.asarray(x)
        return xp.permute_dims(x, self.perm if self.perm is not None else tuple(reversed(range(x.ndim))))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        if self.perm is None:
            return [transpose(grad)]
        inverse = np.argsort([axis % len(self.perm) for axis in self.perm])
        return [transpose(grad, [int(axis) for axis in inverse])]


class permute_core(PureOperation):
    """The last len(perm) axes of x in another order, given by negative numbers; the axes before them stay.

    >>> permute_core([[1, 2], [3, 4]], (-1, -2)).eval()
    array([[1, 3],
           [2, 4]])
    """

    rowwise = True
    attributes = ("perm",)

    def __init__(self, x: Any, perm: Sequence[int], name: str | None = None) -> None:
        super().__init__([x], name)
        self.perm = tuple(int(axis) for axis in perm)

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        rank = len(self.perm)
        core = x.shape[x.shape[:1] == (...,) :]
        if len(core) < rank:
            return Spec((..., *(None,) * rank), promote(x.dtype))
        return Spec((*x.shape[: len(x.shape) - rank], *[core[axis] for axis in self.perm]), promote(x.dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        if self.perm == (-1, -2) and isinstance(x, np.ndarray):  # a view, in no time
            return x.mT
        return xp.permute_dims(x, (*range(x.ndim - len(self.perm)), *[x.ndim + axis for axis in self.perm]))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        rank = len(self.perm)
        inverse = np.argsort([axis + rank for axis in self.perm])
        return [permute_core(grad, [int(axis) - rank for axis in inverse])]


class expand_dims(PureOperation):
    """x with new axes of length 1 at the places `axis` of the result.

    >>> expand_dims([1, 2], -1).eval()
    array([[1],
           [2]])
    """

    attributes = ("axis",)

    def __init__(self, x: Any, axis: Any = 0, name: str | None = None) -> None:
        super().__init__([x], name)
        self.axis = normal_axes(axis) or ()

    @property
    def rowwise(self) -> bool:
        return all(axis < 0 for axis in self.axis)

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        negative = all(axis < 0 for axis in self.axis)
        if ... in x.shape and not (
            negative and max((-axis for axis in self.axis), default=0) <= len(x.shape) - 1 + len(self.axis)
        ):
            return Spec((..., 1) if self.axis == (-1,) else UNKNOWN, promote(x.dtype))
        rank = len(x.shape) + len(self.axis)
        places = {axis % rank for axis in self.axis}
        rest = iter(x.shape)
        return Spec(tuple(1 if axis in places else next(rest) for axis in range(rank)), promote(x.dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        x = xp.asarray(x)
        rank = x.ndim + len(self.axis)
        places = {axis % rank for axis in self.axis}
        rest = iter(x.shape)
        return xp.reshape(x, tuple(1 if axis in places else next(rest) for axis in range(rank)))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [squeeze(grad, self.axis)]


class squeeze(PureOperation):
    """x without the axes `axis`, which have length 1 (all such axes by default).

    >>> squeeze([[1, 2]]).eval()
    array([1, 2])
    """

    attributes = ("axis",)

    def __init__(self, x: Any, axis: Any = None, name: str | None = None) -> None:
        super().__init__([x], name)
        self.axis = normal_axes(axis)

    @property
    def rowwise(self) -> bool:
        return of_core(self.input_nodes[0], self.axis)

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        if self.axis is None:
            return Spec(tuple(n for n in x.shape if n != 1) if is_static(x.shape) else UNKNOWN, promote(x.dtype))
        return Spec(drop_axes(x.shape, self.axis, False), promote(x.dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        x = xp.asarray(x)
        axis = self.axis if self.axis is not None else tuple(i for i, n in enumerate(x.shape) if n == 1)
        return xp.squeeze(x, axis=axis)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [reshape_like(grad, self.input_nodes[0])]


class concat(PureOperation):
    """Arrays joined along an axis that they have.

    >>> concat([[1, 2], [3]], axis=0).eval()
    array([1, 2, 3])
    """

    needs_equal_batches = True
    attributes = ("axis",)

    def __init__(self, values: Sequence[Any], axis: int = 0, name: str | None = None) -> None:
        super().__init__(values, name)
        self.axis = int(axis)

    @property
    def rowwise(self) -> bool:
        return all(of_core(node, (self.axis,)) for node in self.input_nodes)

    def infer(self, *specs: Spec) -> Spec:
        dtype = promote(*[spec.dtype for spec in specs])
        shapes = [spec.shape for spec in specs]
        if any(... in shape for shape in shapes) or len({len(shape) for shape in shapes}) != 1:
            if not any(... in shape for shape in shapes):
                raise ShapeError(f"concat needs arrays of one rank, not {' and '.join(map(format_shape, shapes))}")
            return Spec(UNKNOWN, dtype)
        dims: list[Any] = []
        for place, lengths in enumerate(zip(*shapes, strict=True)):
            known = {n for n in lengths if n is not None}
            if place == self.axis % len(shapes[0]):
                dims.append(None if None in lengths else sum(lengths))
            elif len(known) > 1:
                raise ShapeError(
                    f"concat along axis {self.axis} needs equal other axes, not {' and '.join(map(format_shape, shapes))}"
                )
            else:
                dims.append(known.pop() if known else None)
        return Spec(tuple(dims), dtype)

    def compute(self, *values: Any, xp: Any = np) -> Any:
        return xp.concat(values, axis=self.axis)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [concat_part(grad, *self.input_nodes, axis=self.axis, part=i) for i in range(len(self.input_nodes))]


class concat_part(PureOperation):
    """The part of a concatenated array that came from the piece number `part`: `concat_part(joined, *pieces)`.

    >>> concat_part([1, 2, 3], [0, 0], [0], axis=0, part=1).eval()
    array([3])
    """

    needs_equal_batches = True
    attributes = ("axis", "part")

    def __init__(self, joined: Any, *pieces: Any, axis: int = 0, part: int = 0, name: str | None = None) -> None:
        super().__init__([joined, *pieces], name)
        self.axis, self.part = axis, part

    @property
    def rowwise(self) -> bool:
        return all(of_core(node, (self.axis,)) for node in self.input_nodes[1:])

    def infer(self, *specs: Spec) -> Spec:
        return Spec(specs[1 + self.part].shape, promote(specs[0].dtype))

    def compute(self, joined: Any, *pieces: Any, xp: Any = np) -> Any:
        start = sum(piece.shape[self.axis] for piece in pieces[: self.part])
        whole = list(pieces[self.part].shape)
        whole[self.axis] = sum(piece.shape[self.axis] for piece in pieces)
        if tuple(whole) != joined.shape:
            raise ShapeError(f"The pieces do not make up an array of shape {joined.shape} along axis {self.axis}")
        index = [slice(None)] * joined.ndim
        index[self.axis] = slice(start, start + pieces[self.part].shape[self.axis])
        return joined[tuple(index)]

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        from .creation import zeros_like

        pieces = self.input_nodes[1:]
        parts = [grad if i == self.part else zeros_like(piece) for i, piece in enumerate(pieces)]
        return [concat(parts, self.axis), *[None] * len(pieces)]


class stack(PureOperation):
    """Arrays of one shape joined along a new axis.

    >>> stack([[1, 2], [3, 4]], axis=-1).eval()
    array([[1, 3],
           [2, 4]])
    """

    needs_equal_batches = True
    attributes = ("axis",)

    def __init__(self, values: Sequence[Any], axis: int = 0, name: str | None = None) -> None:
        super().__init__(values, name)
        self.axis = int(axis)

    @property
    def rowwise(self) -> bool:
        return self.axis < 0 and all(-self.axis - 1 <= core_rank(node) for node in self.input_nodes)

    def infer(self, *specs: Spec) -> Spec:
        dtype = promote(*[spec.dtype for spec in specs])
        shape = specs[0].shape if specs else ()
        for spec in specs:
            if ... in spec.shape or ... in shape:
                return Spec(UNKNOWN, dtype)
            if len(spec.shape) != len(shape) or any(
                a != b and None not in (a, b) for a, b in zip(spec.shape, shape, strict=True)
            ):
                raise ShapeError(
                    f"stack needs arrays of one shape, not {' and '.join(format_shape(s.shape) for s in specs)}"
                )
        place = self.axis % (len(shape) + 1)
        return Spec((*shape[:place], len(specs), *shape[place:]), dtype)

    def compute(self, *values: Any, xp: Any = np) -> Any:
        return xp.stack([xp.asarray(value) for value in values], axis=self.axis)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        from .indexing import take

        return [take(grad, i, self.axis) for i in range(len(self.input_nodes))]


class broadcast_to(PureOperation):
    """x repeated to fill a shape.

    >>> broadcast_to([1, 2], (2, 2)).eval()
    array([[1, 2],
           [1, 2]])
    """

    attributes = ("target",)

    def __init__(self, x: Any, shape: Any, name: str | None = None) -> None:
        super().__init__([x], name)
        self.target = as_shape(shape)

    def infer(self, *specs: Spec) -> Spec:
        if broadcast(specs[0].shape, self.target) != self.target and ... not in specs[0].shape:
            raise ShapeError(
                f"An array of shape {format_shape(specs[0].shape)} cannot be broadcast to {format_shape(self.target)}"
            )
        return Spec(self.target, promote(specs[0].dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.broadcast_to(x, self.target)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad]


class broadcast_like(PureOperation):
    """x repeated to fill the shape of `like`.

    >>> broadcast_like(1.0, [0, 0]).eval()
    array([1., 1.])
    """

    rowwise = True
    entrywise = True
    moves = True

    def __init__(self, x: Any, like: Any, name: str | None = None) -> None:
        super().__init__([x, like], name)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(specs[1].shape, promote(specs[0].dtype))

    def compute(self, x: Any, like: Any, *, xp: Any = np) -> Any:
        return _filling(x, like.shape, xp)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad, None]


def _filling(x: Any, shape: Any, xp: Any) -> Any:
    try:
        return xp.broadcast_to(x, shape)
    except ValueError:
        raise ShapeError(f"An array of the shape {np.shape(x)} does not fill one of the shape {shape}") from None


def _unless_whole(dtype: Any) -> Any:
    """None for integers, whose sums may have another dtype than they have."""
    return dtype if dtype is not None and dtype.kind in "fc" else None


class unbroadcast(PureOperation):
    """A gradient summed over the axes along which `like` was broadcast, and its real part where `like` is real.

    This is the one place where gradients meet broadcasting; `gradients` puts it where shapes or dtypes may differ.

    >>> unbroadcast([1.0, 2.0], 0.0).eval()
    np.float64(3.0)
    """

    rowwise = True
    entrywise = True
    needs_equal_batches = True

    def __init__(self, grad: Any, like: Any, name: str | None = None) -> None:
        super().__init__([grad, like], name)

    @property
    def moves(self) -> bool:  # type: ignore[override]
        return self.input_nodes[0].shape == self.input_nodes[1].shape  # nothing is summed up

    def infer(self, *specs: Spec) -> Spec:
        grad, like = specs
        dtype = _unless_whole(promote(grad.dtype))
        return Spec(like.shape, None if like.is_complex is None else dtype if like.is_complex else as_real(dtype))

    def compute(self, grad: Any, like: Any, *, xp: Any = np) -> Any:
        shape = getattr(like, "shape", ())
        if is_complex(grad) and not is_complex(like):
            grad = xp.real(grad)
        have = getattr(grad, "shape", ())
        if have == shape:
            return grad
        extra = len(have) - len(shape)
        axes = tuple(i for i, n in enumerate(have) if i < extra or (n != 1 and shape[i - extra] == 1))
        total = xp.sum(grad, axis=axes, keepdims=True) if axes else xp.asarray(grad)
        return _filling(xp.reshape(total, total.shape[max(extra, 0) :]), shape, xp)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [broadcast_like(grad, self.input_nodes[0]), None]
