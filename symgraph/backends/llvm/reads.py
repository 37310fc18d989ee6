"""Entries of arrays that the terms of a sum read, for a whole block of terms: mostly a part of the array as it lies in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...graph import Node
from ...nodes import Constant
from ...ops.arithmetic import add, add_n, subtract
from ...ops.array import broadcast_like, unbroadcast
from ...ops.functional_body import Code, along
from ...ops.indexing import INDEX, KEPT, add_elements, element
from ...ops.reduction import reduce_sum
from .lanes import Unsupported

__all__ = ["Block", "Read", "same", "summed_back"]

_SAME = (along, broadcast_like, unbroadcast)  # for a single term these give their first input


def same(node: Node) -> Node:
    """The node whose value this one gives, for a single term."""
    while isinstance(node, _SAME) or (isinstance(node, reduce_sum) and node.axis == (-1,) and node.keepdims):
        node = node.input_nodes[0]
    return node


def _behind(node: Node) -> tuple[Node, list[Node]]:
    """The array that is put into the shapes of others on the way to a node, and these others."""
    likes = []
    while isinstance(node, (broadcast_like, unbroadcast)):
        node, like = node.input_nodes
        likes.append(like)
    return node, likes


def _shaped_like(node: Node, free: Sequence[Node]) -> Node | None:
    """The free input whose shape a gradient with respect to it has, or a sum of such; None for anything else."""
    while node not in free:
        if isinstance(node, (broadcast_like, unbroadcast, add_elements)):
            node = node.input_nodes[1]
        elif isinstance(node, (add, add_n)):
            node = node.input_nodes[0]
        else:
            return None
    return node


class Block:
    """Some terms: from which integer on and how many, if they are the same in all rows of the batch; else `start` is None.

    `bound()` gives the values of the variable and, if there is one, of the mask.
    """

    def __init__(self, start: float | None, count: int, bound: Callable[[], list[Any]]) -> None:
        self.start, self.count, self._bound = start, count, bound
        self._values: list[Any] | None = None

    def bound(self) -> list[Any]:
        if self._values is None:
            self._values = self._bound()
        return self._values


class Read:
    """An `element` of one of the free inputs, or the `add_elements` that is its gradient.

    Args:
        node: that step.
        bound, free: the placeholders of the variable and perhaps the mask, and of the free inputs.
    """

    def __init__(self, node: Node, bound: Sequence[Node], free: Sequence[Node]) -> None:
        if not isinstance(node, (element, add_elements)) or KEPT in node.pattern:
            raise Unsupported("other than elementwise operations on numbers")
        array, *indices = node.input_nodes[isinstance(node, add_elements) :]
        source, likes = _behind(array)
        shapes = [_shaped_like(like, free) for like in likes]
        if source not in free or None in shapes:
            raise Unsupported("entries of an array that is computed")
        self._operation, self.place = node, free.index(source)
        self._likes = [free.index(like) for like in dict.fromkeys(shapes) if like is not None]
        self._offset = _offset(indices[0], bound[0]) if len(indices) == 1 else None
        self._code = Code(bound, free, indices)

    def value(self, given: Sequence[Any], block: Block) -> Any:
        """The entries, along the last axis."""
        array = given[self.place]
        if any(given[like].shape != array.shape for like in self._likes):
            raise Unsupported("an array that is repeated or summed up before its entries are read")
        part = self._part(array.shape, block)
        return array[part] if part else self._operation.compute(array, *self._indices(given, block))

    def scatter(self, values: Any, into: Any, given: Sequence[Any], block: Block) -> None:
        """Add values to the entries that would be read."""
        part = self._part(into.shape, block)
        if part:
            into[part] += summed_back(values, into[part].shape)
            return
        indices = self._indices(given, block)
        loops = into.shape[: into.ndim - len(self._operation.pattern)]
        shape = np.broadcast_shapes(loops, *[np.shape(index) for index in indices])
        into += self._operation.compute(summed_back(values, shape), into, *indices)

    def _indices(self, given: Sequence[Any], block: Block) -> list[Any]:
        return self._code.run(self._code.start(given), block.bound())

    def _part(self, shape: Sequence[int], block: Block) -> tuple[Any, ...] | None:
        """The index of a part of the array, if that is what is read."""
        pattern = self._operation.pattern
        core = shape[len(shape) - len(pattern) :]
        if self._offset is None or block.start is None or shape[len(shape) - len(pattern) - 1] != 1:
            return None
        first = block.start + self._offset
        places: list[Any] = []
        for place, length in zip(pattern, core, strict=True):
            low, high = (first, first + block.count) if place == INDEX else (place, place + 1)
            if not 0 <= low <= high <= length:
                return None  # whose error is the operation's own
            places.append(slice(int(low), int(high)) if place == INDEX else place)
        return (..., 0, *places)


def _offset(index: Node, variable: Node) -> float | None:
    """The whole number c of an index that is the variable + c."""
    if index is variable:
        return 0.0
    if not isinstance(index, (add, subtract)):
        return None
    a, b = index.input_nodes
    if isinstance(a, Constant) and isinstance(index, add):
        a, b = b, a
    if a is not variable or not isinstance(b, Constant) or np.ndim(b.value) or b.value != int(b.value):
        return None
    return float(b.value) if isinstance(index, add) else -float(b.value)


def summed_back(values: Any, shape: Sequence[int]) -> Any:
    """An array summed over the axes that are not there, or 1, in `shape`, and repeated along those that it does not have.

    >>> summed_back(np.ones((2, 3)), (1, 3))
    array([[2., 2., 2.]])
    """
    extra = values.ndim - len(shape)
    if extra < 0:
        values, extra = values.reshape((*[1] * -extra, *values.shape)), 0
    axes = tuple(i for i, n in enumerate(values.shape) if i < extra or (n != 1 and shape[i - extra] == 1))
    total = np.sum(values, axis=axes, keepdims=True) if axes else values
    return np.broadcast_to(total.reshape(total.shape[extra:]), shape)
