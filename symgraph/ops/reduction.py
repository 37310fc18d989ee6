"""Reductions over axes. `axis` is None (all axes), a number or a sequence; `keepdims` keeps the axes with length 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import UnsupportedExpressionError
from ..graph import Node
from ..shapes import Spec, promote
from .array import broadcast_like, expand_dims, permute_core, reshape, reshape_like
from .base import PureOperation, as_float, as_sum, drop_axes, normal_axes, of_core
from .creation import arange, ones_like, size
from .logic import equal, less, where


class _Reduction(PureOperation):
    attributes = ("axis", "keepdims")

    def __init__(self, x: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> None:
        super().__init__([x], name)
        self.axis, self.keepdims = normal_axes(axis), bool(keepdims)

    @property
    def rowwise(self) -> bool:
        return of_core(self.input_nodes[0], self.axis)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(drop_axes(specs[0].shape, self.axis, self.keepdims), self._dtype(promote(specs[0].dtype)))

    def _dtype(self, dtype: Any) -> Any:
        return dtype

    def _spread(self, node: Node) -> Node:
        """`node`, of the result's shape, in the input's."""
        (x,) = self.input_nodes
        return broadcast_like(node if self.keepdims or self.axis is None else expand_dims(node, self.axis), x)


class reduce_sum(_Reduction):
    """The sum.

    >>> reduce_sum([[1, 2], [3, 4]], axis=1).eval()
    array([3, 7])
    """

    total = "sum"

    def _dtype(self, dtype: Any) -> Any:
        return as_sum(dtype)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return _sum(x, self.axis, self.keepdims, xp)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [self._spread(grad)]


class reduce_mean(_Reduction):
    """The mean.

    >>> reduce_mean([1.0, 2.0]).eval()
    np.float64(1.5)
    """

    def _dtype(self, dtype: Any) -> Any:
        return as_float(dtype)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        x = xp.asarray(x)
        if isinstance(x.dtype, np.dtype) and x.dtype.kind == "f" and x.dtype.itemsize > 2:  # as `mean`, in less time
            return _sum(x, self.axis, self.keepdims, xp) / _entries(x, self.axis)
        if 0 in x.shape:  # of nothing it is 0 / 0, without NumPy's warning
            return xp.divide(xp.sum(x, axis=self.axis, keepdims=self.keepdims), 0.0)
        return xp.mean(x, axis=self.axis, keepdims=self.keepdims)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [self._spread(grad / _count(x, self.axis))]


def _sum(x: Any, axis: tuple[int, ...] | None, keepdims: bool, xp: Any) -> Any:
    if xp is np and isinstance(x, np.ndarray):
        return _add_up(x, axis=axis, keepdims=keepdims)
    return xp.sum(x, axis=axis, keepdims=keepdims)


_add_up: Any = np.add.reduce  # what NumPy's `sum` calls at last


def _entries(x: Any, axis: tuple[int, ...] | None) -> float:
    """How many entries there are along the axes."""
    shape = np.shape(x)
    return float(math.prod(shape if axis is None else [shape[a] for a in axis]))


class _count(PureOperation):
    """How many entries of x one entry of its reduction over `axis` is made of."""

    attributes = ("axis",)

    def __init__(self, x: Any, axis: Any = None, name: str | None = None) -> None:
        super().__init__([x], name)
        self.axis = normal_axes(axis)

    def infer(self, *specs: Spec) -> Spec:
        return Spec((), float)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return _entries(x, self.axis)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None]


class reduce_prod(_Reduction):
    """The product.

    >>> reduce_prod([1.0, 2.0, 4.0]).eval()
    np.float64(8.0)
    """

    total = "prod"

    def _dtype(self, dtype: Any) -> Any:
        return as_sum(dtype)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.prod(x, axis=self.axis, keepdims=self.keepdims)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        if self.axis is None:
            return [self._spread(grad) * reshape_like(product_of_others(reshape(x, -1)), x)]
        result, rest = self._spread(grad), x
        for axis in self.axis:  # one axis at a time: the others in the same line, times the products of the other lines
            result = result * product_of_others(rest, axis)
            rest = reduce_prod(rest, axis, True)
        return [result]


class product_of_others(PureOperation):
    """For each entry the product of all others along an axis; right where entries are 0.

    >>> product_of_others([2.0, 0.0, 5.0]).eval()
    array([ 0., 10.,  0.])
    """

    attributes = ("axis",)

    def __init__(self, x: Any, axis: int = -1, name: str | None = None) -> None:
        super().__init__([x], name)
        self.axis = int(axis)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(specs[0].shape, promote(specs[0].dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        line = xp.moveaxis(x, self.axis, -1)
        before, after = xp.ones_like(line), xp.ones_like(line)
        before[..., 1:] = xp.cumprod(line[..., :-1], axis=-1)
        after[..., :-1] = xp.cumprod(line[..., :0:-1], axis=-1)[..., ::-1]
        return xp.moveaxis(before * after, -1, self.axis)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        # only products of products remain, which other operations differentiate: sum over i of grad_i prod_{k != i, j} x_k
        (x,) = self.input_nodes
        grad, x = self._swapped(grad), self._swapped(x)
        i = expand_dims(arange(size(x, -1)), -1)
        j = expand_dims(arange(size(x, -1)), -2)
        without = where(equal(i, j), 1.0, expand_dims(x, -2))  # row i: x with entry i set to 1
        pairs = where(equal(i, j), 0.0, product_of_others(without, -1))
        return [self._swapped(reduce_sum(expand_dims(grad, -1) * pairs, -2))]

    def _swapped(self, node: Node) -> Node:
        """`node` with this operation's axis exchanged with the last one."""
        (x,) = self.input_nodes
        axis = self.axis if self.axis < 0 or ... in x.shape else self.axis - len(x.shape)
        if axis >= 0:
            raise UnsupportedExpressionError(
                "The second derivative of a product along an axis counted from the front needs the number of axes: use a negative axis"
            )
        return permute_core(node, [-1, *range(axis + 1, -1), axis] if axis != -1 else [-1])


class _Extreme(_Reduction):
    chooses = True

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        loses = self._loses(x, self._spread(self))  # beside a nan no entry does, so that its derivative is not hidden
        count = self._spread(reduce_sum(where(loses, 0.0, ones_like(x)), self.axis, self.keepdims))  # in x's own dtype
        return [where(loses, 0, self._spread(grad) / count)]

    def _loses(self, x: Node, extreme: Node) -> Node:
        """Which entries are not the extreme one."""
        raise NotImplementedError


class reduce_max(_Extreme):
    """The largest entry; of equal ones each gets an equal part of the gradient.

    >>> reduce_max([1.0, 3.0]).eval()
    np.float64(3.0)
    """

    total = "max"

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.max(x, axis=self.axis, keepdims=self.keepdims)

    def _loses(self, x: Node, extreme: Node) -> Node:
        return less(x, extreme)


class reduce_min(_Extreme):
    """The smallest entry; of equal ones each gets an equal part of the gradient.

    >>> reduce_min([1.0, 3.0]).eval()
    np.float64(1.0)
    """

    total = "min"

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.min(x, axis=self.axis, keepdims=self.keepdims)

    def _loses(self, x: Node, extreme: Node) -> Node:
        return less(extreme, x)


class _Quantifier(_Reduction):
    def _dtype(self, dtype: Any) -> Any:
        return np.dtype(bool)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None]


class reduce_all(_Quantifier):
    """Whether all entries are true.

    >>> reduce_all([True, False]).eval()
    np.False_
    """

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.all(x, axis=self.axis, keepdims=self.keepdims)


class reduce_any(_Quantifier):
    """Whether any entry is true.

    >>> reduce_any([True, False]).eval()
    np.True_
    """

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.any(x, axis=self.axis, keepdims=self.keepdims)


class softmax(_Reduction):
    """exp(x) / sum(exp(x)) over the last axis (or `axis`), without overflow.

    >>> softmax([1000.0, 1000.0]).eval()
    array([0.5, 0.5])
    """

    def __init__(self, x: Any, axis: Any = -1, name: str | None = None) -> None:
        super().__init__(x, axis, True, name)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(specs[0].shape, as_float(promote(specs[0].dtype)))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        shifted = xp.exp(x - xp.max(x, axis=self.axis, keepdims=True))
        return shifted / xp.sum(shifted, axis=self.axis, keepdims=True)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        weighted = grad * self
        return [weighted - self * reduce_sum(weighted, self.axis, True)]


class reduce_logsumexp(_Reduction):
    """log(sum(exp(x))), without overflow.

    >>> reduce_logsumexp([1000.0, 1000.0]).eval()
    np.float64(1000.6931471805599)
    """

    def _dtype(self, dtype: Any) -> Any:
        return as_float(dtype)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        x = xp.asarray(x)
        top = xp.max(x, axis=self.axis, keepdims=True)
        top = xp.where(xp.isfinite(top), top, 0.0)
        total = xp.log(xp.sum(xp.exp(x - top), axis=self.axis, keepdims=True)) + top
        return (
            total
            if self.keepdims
            else xp.squeeze(total, axis=self.axis if self.axis is not None else tuple(range(x.ndim)))
        )

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        from .elementary import exp

        (x,) = self.input_nodes
        return [self._spread(grad) * exp(x - self._spread(self))]
