"""Selection of an array's entries, and the ways back that gradients take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import ShapeError
from ..graph import Node
from ..shapes import UNKNOWN, Shape, Spec, format_shape, is_static, promote
from .base import PureOperation, drop_axes


class take(PureOperation):
    """The entry number `index` along an axis, which disappears.

    >>> take([[1, 2], [3, 4]], 1, axis=-1).eval()
    array([2, 4])
    """

    attributes = ("index", "axis")

    def __init__(self, x: Any, index: int = 0, axis: int = 0, name: str | None = None) -> None:
        super().__init__([x], name)
        self.index, self.axis = int(index), int(axis)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(drop_axes(specs[0].shape, (self.axis,), False), promote(specs[0].dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        index = [slice(None)] * x.ndim
        index[self.axis] = self.index  # type: ignore[call-overload]
        return x[tuple(index)]

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [put(grad, x, _at(self.axis, self.index))]


def _at(axis: int, index: int) -> Any:
    whole = slice(None)
    return (*[whole] * axis, index) if axis >= 0 else (..., index, *[whole] * (-axis - 1))


class _Slice(NamedTuple):
    """A slice that can be hashed (Python's can from 3.12 on)."""

    start: Any
    stop: Any
    step: Any


def _freeze_index(index: Any) -> tuple[Any, ...]:
    items: list[Any] = []
    for item in index if isinstance(index, tuple) else (index,):
        if isinstance(item, slice):
            items.append(_Slice(item.start, item.stop, item.step))
        elif item is None or item is ... or isinstance(item, (int, np.integer, _Slice)):
            items.append(item)
        else:
            raise TypeError(
                f"{item!r} cannot be an index: use int, slice, None or ...; for an array of indices use symgraph.gather"
            )
    return tuple(items)


def _thaw_index(index: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(slice(*item) if isinstance(item, _Slice) else item for item in index)


class getitem(PureOperation):
    """x[index] for an index of integers, slices, None and `...`; written `x[index]`.

    >>> getitem([1, 2, 3], slice(0, 2)).eval()
    array([1, 2])
    """

    attributes = ("index",)

    def __init__(self, x: Any, index: Any = (), name: str | None = None) -> None:
        super().__init__([x], name)
        self.index = _freeze_index(index)

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        if not is_static(x.shape):
            return Spec(UNKNOWN, promote(x.dtype))
        try:
            shape = np.broadcast_to(np.int8(0), x.shape)[_thaw_index(self.index)].shape  # type: ignore[arg-type]
        except IndexError as error:
            raise ShapeError(f"{error} (for shape {format_shape(x.shape)})") from None
        return Spec(shape, promote(x.dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return x[_thaw_index(self.index)]

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [put(grad, self.input_nodes[0], self.index)]


class put(PureOperation):
    """Zeros in the shape of `like`, with `values` at [index]: the gradient of getitem.

    >>> put([5, 6], [0, 0, 0], slice(0, 2)).eval()
    array([5, 6, 0])
    """

    attributes = ("index",)

    def __init__(self, values: Any, like: Any, index: Any = (), name: str | None = None) -> None:
        super().__init__([values, like], name)
        self.index = _freeze_index(index)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(specs[1].shape, promote(specs[0].dtype))

    def compute(self, values: Any, like: Any, *, xp: Any = np) -> Any:
        values = xp.asarray(values)
        result = xp.zeros(like.shape, dtype=values.dtype)
        result[_thaw_index(self.index)] = values
        return result

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [getitem(grad, _thaw_index(self.index)), None]


class gather(PureOperation):
    """The entries of x along `axis` at integer `indices`; negative indices and those past the end are an error.

    The result has the shape of x with that axis replaced by the axes of `indices`.

    >>> gather([10, 20, 30], [2, 0]).eval()
    array([30, 10])
    """

    attributes = ("axis",)

    def __init__(self, x: Any, indices: Any, axis: int = 0, name: str | None = None) -> None:
        super().__init__([x, indices], name)
        self.axis = int(axis)

    def infer(self, *specs: Spec) -> Spec:
        x, indices = specs
        shape: Shape = UNKNOWN
        if ... not in x.shape and ... not in indices.shape:
            place = self.axis % max(len(x.shape), 1)
            shape = (*x.shape[:place], *indices.shape, *x.shape[place + 1 :])
        return Spec(shape, promote(x.dtype))

    def compute(self, x: Any, indices: Any, *, xp: Any = np) -> Any:
        return xp.take(x, checked_indices(indices, x.shape[self.axis], xp), axis=self.axis)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        x, indices = self.input_nodes
        return [scatter(grad, x, indices, axis=self.axis), None]


class scatter(PureOperation):
    """Zeros in the shape of `like`, with `values` added at integer `indices` along `axis`: the gradient of gather.

    >>> scatter([1.0, 2.0], [0.0, 0.0, 0.0], [1, 1]).eval()
    array([0., 3., 0.])
    """

    attributes = ("axis",)

    def __init__(self, values: Any, like: Any, indices: Any, axis: int = 0, name: str | None = None) -> None:
        super().__init__([values, like, indices], name)
        self.axis = int(axis)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(specs[1].shape, promote(specs[0].dtype))

    def compute(self, values: Any, like: Any, indices: Any, *, xp: Any = np) -> Any:
        result = xp.zeros(like.shape, dtype=values.dtype)
        index = [slice(None)] * like.ndim
        index[self.axis] = checked_indices(indices, like.shape[self.axis], xp)
        xp.add.at(result, tuple(index), values)
        return result

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [gather(grad, self.input_nodes[2], self.axis), None, None]


def checked_indices(indices: Any, length: int, xp: Any = np) -> Any:
    """`indices` as integers (floats with integer values are taken), each in [0, length); else IndexError."""
    indices = xp.asarray(indices)
    if indices.dtype.kind == "f":
        whole = xp.astype(indices, np.int64)
        if not bool(xp.all(xp.equal(whole, indices))):
            raise IndexError("An index is not an integer")
        indices = whole
    if indices.size and (int(xp.min(indices)) < 0 or int(xp.max(indices)) >= length):
        raise IndexError(f"An index between {int(xp.min(indices))} and {int(xp.max(indices))} is not in [0, {length})")
    return indices
