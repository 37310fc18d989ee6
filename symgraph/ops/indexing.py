"""Selection of an array's entries, and the ways back that gradients take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import OutOfRangeError, ShapeError
from ..graph import Node
from ..shapes import UNKNOWN, Shape, Spec, broadcast, format_shape, is_static, promote
from .base import PureOperation, core_rank, drop_axes, of_core


class take(PureOperation):
    """The entry number `index` along an axis, which disappears.

    >>> take([[1, 2], [3, 4]], 1, axis=-1).eval()
    array([2, 4])
    """

    attributes = ("index", "axis")

    def __init__(self, x: Any, index: int = 0, axis: int = 0, name: str | None = None) -> None:
        super().__init__([x], name)
        self.index, self.axis = int(index), int(axis)

    @property
    def rowwise(self) -> bool:
        return of_core(self.input_nodes[0], (self.axis,))

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


def _is_of_core(index: tuple[Any, ...], node: Node) -> bool:
    """Whether an index, after a leading `...`, concerns axes alone that are known to be there."""
    rest = index[1:]
    return index[:1] == (...,) and ... not in rest and sum(item is not None for item in rest) <= core_rank(node)


class getitem(PureOperation):
    """x[index] for an index of integers, slices, None and `...`; written `x[index]`.

    >>> getitem([1, 2, 3], slice(0, 2)).eval()
    array([1, 2])
    """

    attributes = ("index",)

    def __init__(self, x: Any, index: Any = (), name: str | None = None) -> None:
        super().__init__([x], name)
        self.index = _freeze_index(index)

    @property
    def rowwise(self) -> bool:
        return _is_of_core(self.index, self.input_nodes[0])

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

    needs_equal_batches = True
    attributes = ("index",)

    def __init__(self, values: Any, like: Any, index: Any = (), name: str | None = None) -> None:
        super().__init__([values, like], name)
        self.index = _freeze_index(index)

    @property
    def rowwise(self) -> bool:
        return _is_of_core(self.index, self.input_nodes[1])

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


def checked_indices(indices: Any, length: int, xp: Any = np, label: str = "An index") -> Any:
    """`indices` as integers (floats with integer values are taken), each in [0, length); else OutOfRangeError, which is an IndexError."""
    indices = xp.asarray(indices)
    if indices.dtype.kind not in "iu":
        whole = xp.astype(xp.real(indices), np.int64)
        if not bool(xp.all(xp.equal(whole, indices))):
            raise OutOfRangeError(f"{label}: an index is {_first(indices, whole != indices)}, which is not an integer")
        indices = whole
    if indices.size and (int(xp.min(indices)) < 0 or int(xp.max(indices)) >= length):
        wrong = _first(indices, (indices < 0) | (indices >= length))
        raise OutOfRangeError(f"{label}: the index {wrong} is not in [0, {length})")
    return indices


def _first(values: Any, where: Any) -> Any:
    return np.asarray(values)[np.asarray(where)].reshape(-1)[0]


# --- entries of the last axes, at places that may differ from one batch to the next


INDEX, KEPT = "index", "all"
"""In the pattern of an `element`: this axis is indexed by the next of the inputs; this axis stays."""


class element(PureOperation):
    """Entries of the last axes of x: x[..., i, j], where the indices are broadcast against the leading axes.

    Args:
        x: the array; its last len(pattern) axes are indexed.
        indices: integers (also as floats), in [0, length); else a run raises OutOfRangeError.
        pattern: for each of these axes an int (that entry), INDEX (the next of `indices`), or KEPT (the axis stays, at the end).
        label: what the entry is called in messages.

    >>> element([[1, 2], [3, 4]], [[0, 1], 1]).eval()
    array([2, 4])
    """

    attributes = ("pattern", "label")

    def __init__(
        self,
        x: Any,
        indices: Sequence[Any],
        pattern: Sequence[Any] | None = None,
        label: str = "element",
        name: str | None = None,
    ) -> None:
        super().__init__([x, *indices], name)
        self.pattern: tuple[Any, ...] = tuple(pattern if pattern is not None else [INDEX] * len(self.input_nodes[1:]))
        self.label = label

    @property
    def rowwise(self) -> bool:
        return core_rank(self.input_nodes[0]) >= len(self.pattern)

    def infer(self, *specs: Spec) -> Spec:
        x, *indices = specs
        core = last_axes(x.shape, len(self.pattern))
        if core is None:
            return Spec(UNKNOWN, promote(x.dtype))
        loops = broadcast(x.shape[: len(x.shape) - len(core)], *[index.shape for index in indices])
        return Spec(
            (*loops, *[n for n, p in zip(core, self.pattern, strict=True) if p == KEPT]),
            promote(x.dtype),
        )

    def compute(self, x: Any, *indices: Any, xp: Any = np) -> Any:
        part = _stretch(self, x.shape, indices)
        if part is not None:
            return x[part]
        front, places = _places(self, x.shape, indices, xp)
        return xp.permute_dims(x, front)[places]

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        x, *indices = self.input_nodes
        if INDEX not in self.pattern:
            whole = slice(None)
            return [put(grad, x, (..., *[whole if p == KEPT else p for p in self.pattern]))]
        return [add_elements(grad, x, indices, self.pattern, self.label), *[None] * len(indices)]


class add_elements(PureOperation):
    """Zeros in the shape of `like`, to which `values` are added at the places that `element` reads: its gradient.

    >>> add_elements([1.0, 2.0], [0.0, 0.0, 0.0], [[1, 1]]).eval()
    array([0., 3., 0.])
    """

    attributes = ("pattern", "label")

    def __init__(
        self,
        values: Any,
        like: Any,
        indices: Sequence[Any],
        pattern: Sequence[Any] | None = None,
        label: str = "element",
        name: str | None = None,
    ) -> None:
        super().__init__([values, like, *indices], name)
        self.pattern: tuple[Any, ...] = tuple(pattern if pattern is not None else [INDEX] * len(self.input_nodes[2:]))
        self.label = label

    def infer(self, *specs: Spec) -> Spec:
        return Spec(specs[1].shape, promote(specs[0].dtype))

    def compute(self, values: Any, like: Any, *indices: Any, xp: Any = np) -> Any:
        part = _stretch(self, like.shape, indices)
        if part is not None:
            result = xp.zeros(like.shape, dtype=values.dtype)
            result[part] = values
            return result
        front, places = _places(self, like.shape, indices, xp)
        if not any(isinstance(place, np.ndarray) for place in places):
            alone = xp.zeros(like.shape, dtype=xp.asarray(values).dtype)
            xp.permute_dims(alone, front)[places] = values
            return alone
        shape = tuple(like.shape[axis] for axis in front)
        kept = shape[len(places) :]
        loops = np.broadcast_shapes(*[getattr(place, "shape", ()) for place in places])
        flat = np.ravel_multi_index([np.broadcast_to(p, loops).reshape(-1) for p in places], shape[: len(places)])
        values = xp.reshape(xp.broadcast_to(values, (*loops, *kept)), (math.prod(loops), *kept))
        result = xp.zeros((math.prod(shape[: len(places)]), *kept), dtype=values.dtype)
        xp.add.at(result, flat, values)
        return xp.permute_dims(xp.reshape(result, shape), tuple(int(axis) for axis in np.argsort(front)))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        indices = self.input_nodes[2:]
        return [element(grad, indices, self.pattern, self.label), *[None] * (1 + len(indices))]


def last_axes(shape: Shape, count: int) -> Shape | None:
    """The last `count` axes of a static shape; None where they are not known."""
    known = shape[shape[:1] == (...,) :]
    if len(known) < count:
        if ... not in shape:
            raise ShapeError(f"{count} indices for an array of shape {format_shape(shape)}")
        return None
    return known[len(known) - count :]


def _stretch(op: element | add_elements, shape: Sequence[int], indices: Sequence[Any]) -> tuple[Any, ...] | None:
    """The index, as a slice, of entries at evenly rising places of one axis, the same for all batches: u[i + 1] or X[i, 0] under a sum over i."""
    rank = len(op.pattern)
    if op.pattern.count(INDEX) != 1 or KEPT in op.pattern or len(shape) <= rank or shape[-rank - 1] != 1:
        return None
    if np.ndim(indices[0]) != 1 or len(indices[0]) < 2:
        return None
    core = shape[len(shape) - rank :]
    places, length = np.asarray(indices[0]), core[op.pattern.index(INDEX)]
    first, step = places[0], places[1] - places[0]
    last = first + step * (len(places) - 1)
    if places.dtype.kind not in "iuf" or not (0 <= first <= last < length and step >= 1 and first % 1 == step % 1 == 0):
        return None
    if not np.array_equal(places, np.arange(len(places)) * step + first):
        return None
    if not all(place == INDEX or 0 <= place < n for place, n in zip(op.pattern, core, strict=True)):
        return None
    span = slice(int(first), int(last) + 1, int(step))
    return (..., 0, *[span if place == INDEX else place for place in op.pattern])


def _places(op: element | add_elements, shape: Sequence[int], indices: Sequence[Any], xp: Any) -> tuple[Any, Any]:
    """The order of axes in which those that stay come last, and the index of all others, one array or number for each."""
    loops = len(shape) - len(op.pattern)
    rest = iter(indices)
    places: list[Any] = []
    for axis, part in enumerate(op.pattern, loops):
        if part != KEPT:
            if part == INDEX:
                place = checked_indices(next(rest), shape[axis], xp, op.label)
            else:
                place = checked_indices(part, shape[axis], np, op.label)
            places.append(int(place) if place.ndim == 0 else place)
    if not all(isinstance(place, int) for place in places):
        arrays = [xp.reshape(xp.arange(n), (n, *[1] * (loops - 1 - i))) for i, n in enumerate(shape[:loops])]
    else:
        arrays = [slice(None)] * loops
    kept = [axis for axis, part in enumerate(op.pattern, loops) if part == KEPT]
    indexed = [axis for axis in range(loops, len(shape)) if axis not in kept]
    return (*range(loops), *indexed, *kept), (*arrays, *places)
