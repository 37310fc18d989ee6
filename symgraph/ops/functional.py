"""Operations that hold a function (a `Body`): sums, products and integrals are of this kind.

Differentiation stays within the kind: the gradient of a sum with respect to its free inputs is the sum whose body is the gradient of the body
(`Body.pullback`), for all free inputs at once; and so on for higher derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from ..graph import Node
from ..shapes import Spec, broadcast
from .base import PureOperation
from .functional_body import Body, Doubts, is_weak

__all__ = ["Functional", "at_point", "part"]


class Functional(PureOperation):
    """An operation with a body. Its inputs are the bounds, as many as the class says, then the values of the body's free inputs.

    Its value is that of the body's output; a tuple if there are several, from which `part` picks. A subclass defines `evaluate`.
    """

    attributes: ClassVar[tuple[str, ...]] = ("body",)
    bounds: ClassVar[int] = 0

    def __init__(self, body: Body, inputs: Sequence[Any], name: str | None = None) -> None:
        super().__init__(inputs, name)
        self.body = body
        if len(self.input_nodes) != self.bounds + len(body.free):
            raise TypeError(f"{len(self.input_nodes)} inputs for {self.bounds} bounds and {len(body.free)} free inputs")

    def like(self, body: Body, inputs: Sequence[Any]) -> Functional:
        """The same kind of operation with another body."""
        return type(self)(body, inputs)

    def rewritten(self, rewrite: Callable[[Sequence[Node]], list[Node]]) -> Functional:
        """The operation with a rewritten body."""
        return self.like(self.body.rewritten(rewrite), self.input_nodes)

    def infer(self, *specs: Spec) -> Spec:
        if len(self.body.out_ranks) != 1 or self.body.linear:
            return Spec()
        (rank,) = self.body.out_ranks
        loops = [spec.shape for spec in specs[: self.bounds]]
        for spec, core in zip(specs[self.bounds :], self.body.ranks, strict=True):
            loops.append(spec.shape[: max(len(spec.shape) - core, 0)])
        return Spec((*broadcast(*loops), *[None] * rank))

    def compute(self, *values: Any, xp: Any = np) -> Any:
        return self.compute_within(None, xp, *values)

    def compute_within(self, doubts: Doubts | None, xp: Any, *values: Any) -> Any:
        """The value as a part of another body, whose `doubts` these are."""
        outputs = self.evaluate(values[: self.bounds], values[self.bounds :], xp, doubts)
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def evaluate(self, bounds: Sequence[Any], free: Sequence[Any], xp: Any, doubts: Doubts | None) -> list[Any]:
        """The value for each output of the body. With `doubts` what has no value is nan, never an error."""
        raise NotImplementedError

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [
            *self.bound_gradients(self.body, self.input_nodes, grad),
            *self.free_gradients(self.body, self.input_nodes, grad),
        ]

    def bound_gradients(self, body: Body, inputs: Sequence[Node], grad: Node) -> Sequence[Node | None]:
        """The gradients with respect to the bounds, of the value with `body` on `inputs`."""
        return [None] * self.bounds

    def free_gradients(self, body: Body, inputs: Sequence[Node], grad: Node) -> Sequence[Node | None]:
        """Those with respect to the free inputs: parts of one operation, which computes them together."""
        pulled, places = body.pullback()
        return parts_of(lambda: self.like(pulled, [*inputs, grad]), places)


def parts_of(build: Callable[[], Functional], places: Sequence[int | None]) -> list[Node | None]:
    """For each place the node of that output of an operation, which is built if there is any."""
    if all(place is None for place in places):
        return [None] * len(places)
    together = build()
    if len(together.body.out_ranks) == 1:
        return [None if place is None else together for place in places]
    return [None if place is None else part(together, together.input_nodes, place) for place in places]


class part(PureOperation):
    """One of the outputs of a Functional that has several.

    Its inputs are that operation and the operation's own inputs, so that derivatives need not pass through a value that is a tuple.

    >>> from symgraph import gradients, placeholder
    >>> from symgraph.ops.functional_sums import sum_over
    >>> a, b = placeholder(), placeholder()
    >>> line = sum_over(Body.of_function(lambda k, a, b: a + k * b, ranks=[0, 0]).reduced(product=False), [1, 3, a, b])
    >>> [type(node).__name__ for node in gradients(line, [a, b])]
    ['unbroadcast', 'unbroadcast']
    """

    attributes = ("index",)

    def __init__(self, together: Functional, inputs: Sequence[Any], index: int, name: str | None = None) -> None:
        super().__init__([together, *inputs], name)
        self.index = index

    def infer(self, *specs: Spec) -> Spec:
        return Spec()

    def compute(self, together: Any, *inputs: Any, xp: Any = np) -> Any:
        return together[self.index]

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        together, *inputs = self.input_nodes
        assert isinstance(together, Functional)
        body = together.body.select(self.index)
        return [None, *together.bound_gradients(body, inputs, grad), *together.free_gradients(body, inputs, grad)]


class at_point(Functional):
    """The body's function at given values of all its inputs, its variable included.

    Every row of the batch is computed for itself, also where the outputs are gradients: these are not summed over broadcast axes.

    >>> square = Body.of_function(lambda x: x * x)
    >>> at_point(square.with_free_variable(), [[2.0, 3.0]]).eval()
    array([4., 9.])
    """

    def evaluate(self, bounds: Sequence[Any], free: Sequence[Any], xp: Any, doubts: Doubts | None) -> list[Any]:
        if self.body.linear:
            free = in_full(free, self.body.ranks, batch_of(free, self.body.ranks), xp)
        code = self.body.code()
        return [xp.asarray(value) for value in code.run(code.start(free, xp, doubts), (), xp, doubts)]


# --- batches of the inputs


def batch_of(values: Sequence[Any], ranks: Sequence[int]) -> tuple[int, ...]:
    """The common batch shape of values with these numbers of core axes."""
    shapes = [np.shape(value) for value in values]
    loops = [shape[: len(shape) - rank] for shape, rank in zip(shapes, ranks, strict=True)]
    return np.broadcast_shapes(*loops)


def in_full(values: Sequence[Any], ranks: Sequence[int], batch: tuple[int, ...], xp: Any) -> list[Any]:
    """The values repeated along all batch axes."""
    return [xp.broadcast_to(v, (*batch, *core_of(v, rank))) for v, rank in zip(values, ranks, strict=True)]


def core_of(value: Any, rank: int) -> tuple[int, ...]:
    """The core axes of a value."""
    shape: tuple[int, ...] = np.shape(value)
    return shape[len(shape) - rank :]


def with_axis(value: Any, rank: int, xp: Any = np) -> Any:
    """`value` with an axis of length 1 before its core axes, for the bound variable. Python numbers stay what they are."""
    if is_weak(value):
        return value
    shape = np.shape(value)
    return xp.reshape(value, (*shape[: len(shape) - rank], 1, *shape[len(shape) - rank :]))


def without_axis(value: Any, rank: int, xp: Any = np) -> Any:
    """`value` without the axis before its core axes, which has length 1."""
    value = xp.asarray(value)
    return value if value.ndim == rank else xp.squeeze(value, axis=-(rank + 1))


def real_dtype(values: Sequence[Any], default: Any) -> np.dtype[Any]:
    """The floating-point dtype of the parts of values that are floats or complex; `default` where there are none."""
    dtypes = [value.dtype for value in values if getattr(getattr(value, "dtype", None), "kind", "") in ("f", "c")]
    return np.empty(0, np.result_type(*dtypes)).real.dtype if dtypes else np.dtype(default)
