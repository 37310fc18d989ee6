"""Functions as small graphs of their own: what sums, products and integrals hold and evaluate many times.

A `Body` has placeholders for a bound variable and for each free input. Inside it the bound variable is one more batch axis: free inputs come with
an axis of length 1 before their core axes, and the variable is an array along that axis. So the body knows nothing of sums, and one
evaluation of it serves many terms, or many points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import ConvergenceError
from ..graph import OPERATORS, Graph, Node, postorder
from ..nodes import Constant, Operation, constant, placeholder
from ..shapes import Spec, broadcast, promote
from .array import expand_dims
from .base import PureOperation
from .logic import where
from .reduction import reduce_prod, reduce_sum

__all__ = ["Body", "Code", "along", "is_weak"]

Build = Callable[[bool], Sequence[Node | None]]


class along(PureOperation):
    """x repeated along the axis of the bound variable: to its batch shape, the last `rank` axes of x being core axes.

    >>> along(2.0, [0.0, 1.0]).eval()
    array([2., 2.])
    """

    attributes = ("rank",)

    def __init__(self, x: Any, variable: Any, rank: int = 0, name: str | None = None) -> None:
        super().__init__([x, variable], name)
        self.rank = int(rank)
        self.entrywise = self.rank == 0

    @property
    def rowwise(self) -> bool:
        return self.rank == 0

    def infer(self, *specs: Spec) -> Spec:
        x, variable = specs
        return Spec(broadcast(x.shape, (*variable.shape, *[1] * self.rank)), promote(x.dtype))

    def compute(self, x: Any, variable: Any, *, xp: Any = np) -> Any:
        if is_weak(x):  # a Python number takes the precision of the variable
            x = xp.asarray(x, dtype=xp.result_type(x, variable))
        shape = np.broadcast_shapes(x.shape, (*variable.shape, *[1] * self.rank))
        return x if x.shape == shape else xp.broadcast_to(x, shape)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad, None]


def is_weak(value: Any) -> bool:
    """Whether a value is a Python number, which takes the dtype of what it meets."""
    return type(value) in (bool, int, float, complex)


ACCEPTED = 1e-9  # the largest relative error of what a numerical method finds
TOLERATED = 1.0  # within the body of another one, which weighs the errors


class Doubts:
    """The errors, relative to the value, of what numerical methods found within a body.

    Attributes:
        accepted: what is less accurate than this is nan.
        errors: arrays in the batch shape of the body, the axis of its variable included.
        failures: what is to be said where a method found no value.
    """

    def __init__(self, accepted: float) -> None:
        self.accepted = accepted
        self.errors: list[Any] = []
        self.failures: list[str] = []

    def add(self, error: Any) -> None:
        """Note errors, unless all are as small as they usually are."""
        if np.any(error > 1e-11):
            self.errors.append(error)

    def check(self, value: Any) -> None:
        """Raise ConvergenceError where a method failed and nothing but nan is left of the whole value."""
        if self.failures and bool(np.all(np.isnan(value))):
            raise ConvergenceError(self.failures[0])


class Code:
    """Nodes of a body as straight-line code. Steps that no bound variable reaches are run once by `start`, the others at each `run`."""

    def __init__(self, bound: Sequence[Node], free: Sequence[Node], outputs: Sequence[Node]) -> None:
        order = postorder(outputs)
        leaves = [*free, *bound]
        constants = [node for node in order if isinstance(node, Constant)]
        operations = [node for node in order if isinstance(node, Operation)]
        number = {node: i for i, node in enumerate([*leaves, *constants, *operations])}
        varying = set(bound)
        for node in operations:
            if any(source in varying for source in node.input_nodes):
                varying.add(node)
        steps = [(node, tuple(number[source] for source in node.input_nodes), number[node]) for node in operations]
        self._free = len(free)
        self._bound = slice(len(free), len(leaves))
        self._constants = [node.value for node in constants]
        self._once = [step for step in steps if step[0] not in varying]
        self._each = [step for step in steps if step[0] in varying]
        self._holds_bodies = any(hasattr(node, "compute_within") for node in operations)
        self._computes = [[_call(node, np, None) for node, _, _ in part] for part in (self._once, self._each)]
        self._outputs = [number[node] for node in outputs]
        self._ends = self._last_uses()
        self.scalar = all(np.shape(value) == () for value in self._constants)  # no constant has axes of its own

    def _last_uses(self) -> list[tuple[int, ...]]:
        """For each repeated step, the values of such steps that are not needed after it."""
        made = {output for _, _, output in self._each} - set(self._outputs)
        result = []
        for _, inputs, output in reversed(self._each):
            ends = tuple(made.intersection((*inputs, output)))
            made.difference_update(ends)
            result.append(ends)
        return result[::-1]

    def start(self, free: Sequence[Any], xp: Any = np, doubts: Doubts | None = None) -> list[Any]:
        """The values that stay the same from run to run, for these values of the free inputs."""
        slots = [*free, *[None] * (self._bound.stop - self._free), *self._constants]
        slots += [None] * (len(self._once) + len(self._each))
        for (_, inputs, output), compute in zip(self._once, self._calls(self._once, xp, doubts), strict=True):
            slots[output] = compute(*[slots[i] for i in inputs])
        return slots

    def run(
        self,
        slots: Sequence[Any],
        bound: Sequence[Any],
        xp: Any = np,
        doubts: Doubts | None = None,
        sizes: list[int] | None = None,
    ) -> list[Any]:
        """The outputs for these values of the bound variables. The size of each step's value is appended to `sizes`."""
        work = list(slots)
        work[self._bound] = bound
        calls = self._calls(self._each, xp, doubts)
        for (_, inputs, output), compute, ends in zip(self._each, calls, self._ends, strict=True):
            work[output] = compute(*[work[i] for i in inputs])
            if sizes is not None:
                sizes.append(_size(work[output]))
            for end in ends:
                work[end] = None
        return [work[i] for i in self._outputs]

    def _calls(self, steps: Sequence[_Step], xp: Any, doubts: Doubts | None) -> Sequence[Callable[..., Any]]:
        """What computes each step."""
        if xp is not np or self._holds_bodies:
            return [_call(operation, xp, doubts) for operation, _, _ in steps]
        return self._computes[steps is self._each]


def _size(value: Any) -> int:
    """How many numbers a value holds; that of an operation with several outputs is a tuple of arrays."""
    return sum(map(_size, value)) if isinstance(value, tuple) else math.prod(np.shape(value))


_Step = tuple[Operation, tuple[int, ...], int]
_PACKAGE = f"{__name__.partition('.')[0]}."


def _call(operation: Operation, xp: Any, doubts: Doubts | None) -> Callable[..., Any]:
    """What computes the operation; one that holds a body itself tells its errors to `doubts`."""
    if not operation.takes_xp or (xp is np and not type(operation).__module__.startswith(_PACKAGE)):
        return partial(_foreign, operation)
    if doubts is not None and hasattr(operation, "compute_within"):
        return partial(operation.compute_within, doubts, xp)
    return operation.compute if xp is np else partial(operation.compute, xp=xp)


def _foreign(operation: Operation, *values: Any) -> Any:
    """A user's `compute`: it gets arrays that it cannot write to."""
    arrays = [np.asarray(value).view() for value in values]
    for array in arrays:
        array.flags.writeable = False
    return np.asarray(operation.compute(*arrays))


class Body:
    """A function of a bound variable and of free inputs, as a part of a graph of its own.

    Args:
        key: equal bodies have equal keys; two bodies without one (None) are different.
        variable: the placeholder of the bound variable; None if all inputs are free.
        mask: the placeholder of a condition that says which values of the variable count; None if all always do.
        free: the placeholders of the free inputs.
        ranks: how many core axes each of them has.
        build: from whether the mask is used to the nodes of the outputs, None for an output that is always 0.
        out_ranks: how many core axes each output has.
        linear: the last free input enters linearly: it is the gradient with respect to what the outputs were derived from.
        targets: for each output of a body of gradients, the number of the free input that it is the gradient with respect to.

    `Body.of_function` makes one of a Python function.
    """

    def __init__(
        self,
        key: Hashable,
        variable: placeholder | None,
        mask: placeholder | None,
        free: Sequence[placeholder],
        ranks: Sequence[int],
        build: Build,
        out_ranks: Sequence[int],
        linear: bool = False,
        targets: Sequence[int] = (),
    ) -> None:
        self._key = key
        self.variable, self.mask = variable, mask
        self.free, self.ranks = tuple(free), tuple(ranks)
        self._build, self.out_ranks = build, tuple(out_ranks)
        self.linear, self.targets = linear, tuple(targets)
        self._nodes: dict[bool, list[Node | None]] = {}
        self._codes: dict[bool, Code] = {}
        self._pullback: tuple[Body, list[int | None]] | None = None
        self.graph = (*self.free, variable)[0].graph  # type: ignore[union-attr]  # there is an input

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Body) and self._key is not None and self._key == other._key)

    def __hash__(self) -> int:
        return hash(self._key) if self._key is not None else id(self)

    def __repr__(self) -> str:
        return f"<Body of {len(self.free)} free inputs, {len(self.graph)} nodes>"

    def derived_key(self, *what: Hashable) -> Hashable:
        """The key of a body that is made from this one."""
        return None if self._key is None else (self._key, *what)

    def nodes(self, masked: bool = False) -> list[Node | None]:
        """The outputs."""
        with self.graph._lock:
            if masked not in self._nodes:
                self._nodes[masked] = list(self._build(masked))
            return self._nodes[masked]

    def code(self, masked: bool = False) -> Code:
        """The outputs as code; its bound values are the variable and, if `masked`, the mask."""
        with self.graph._lock:
            if masked not in self._codes:
                bound = [node for node in (self.variable, self.mask if masked else None) if node is not None]
                zero = constant(0.0, graph=self.graph)
                self._codes[masked] = Code(bound, self.free, [n if n is not None else zero for n in self.nodes(masked)])
            return self._codes[masked]

    def select(self, output: int) -> Body:
        """The body with one output only."""
        if len(self.out_ranks) == 1:
            return self
        key = self.derived_key("select", output)
        rank = self.out_ranks[output]
        targets = self.targets[output : output + 1]
        return self._with(
            key, self.free, self.ranks, lambda masked: [self.nodes(masked)[output]], [rank], self.linear, targets
        )

    def pullback(self) -> tuple[Body, list[int | None]]:
        """The gradient of the (only) output: a body with one more free input, the gradient with respect to that output, and for each free
        input the number of the output that is the gradient with respect to it (None where that is always 0)."""
        with self.graph._lock:
            if self._pullback is None:
                grad = self._input(f"gradient_{len(self.graph)}")

                def build(masked: bool) -> Sequence[Node | None]:
                    return self.vjp(self.nodes(masked)[0], grad)

                self._pullback = self.with_gradients(build, [grad], self.out_ranks, "pullback")
            return self._pullback

    def vjp(self, output: Node | None, grad: Node) -> list[Node | None]:
        """The gradients with respect to the free inputs, where `grad` is the one with respect to `output`."""
        if output is None:
            return [None] * len(self.free)
        with self.graph.as_default():
            return list(OPERATORS["gradients"]([output], list(self.free), [grad]))

    def with_gradients(
        self, build: Build, inputs: Sequence[placeholder], ranks: Sequence[int], what: str
    ) -> tuple[Body, list[int | None]]:
        """The body whose outputs are those of the gradients given by `build` (for each free input) that are not always 0."""
        kept = [i for i, node in enumerate(build(False)) if node is not None]
        body = self._with(
            self.derived_key(what),
            (*self.free, *inputs),
            (*self.ranks, *ranks),
            lambda masked: [nodes[i] for nodes in [build(masked)] for i in kept],
            [self.ranks[i] for i in kept],
            True,
            kept,
        )
        return body, [kept.index(i) if i in kept else None for i in range(len(self.free))]

    def with_free_variable(self) -> Body:
        """The same function with its variable as the first of the free inputs."""
        assert self.variable is not None
        body = self._with(
            self.derived_key("free"),
            (self.variable, *self.free),
            (0, *self.ranks),
            lambda masked: self.nodes(False),
            self.out_ranks,
            self.linear,
            [1 + target for target in self.targets],
        )
        body.variable = body.mask = None
        return body

    def _with(
        self,
        key: Hashable,
        free: Any,
        ranks: Any,
        build: Build,
        out_ranks: Any,
        linear: bool,
        targets: Sequence[int] = (),
    ) -> Body:
        return Body(key, self.variable, self.mask, free, ranks, build, out_ranks, linear, targets)

    def _input(self, name: str) -> placeholder:
        with self.graph.as_default():
            return placeholder(name=name)

    # --- bodies from the node of one term

    @classmethod
    def of_function(
        cls, function: Callable[..., Node], ranks: Sequence[int] = (), rank: int = 0, neutral: float = 0.0
    ) -> Body:
        """The body of a Python function that makes a node of nodes: of the variable, and of a free input for each of `ranks`.

        >>> body = Body.of_function(lambda k, x: x * k, ranks=[0])
        >>> code = body.code()
        >>> code.run(code.start([10.0]), [np.arange(3)])
        [array([ 0., 10., 20.])]
        """
        with Graph().as_default():
            variable = placeholder(name="variable")
            free = [placeholder(name=f"input_{i}") for i in range(len(ranks))]
            return cls.of_term(None, variable, free, ranks, function(variable, *free), rank, neutral)

    @classmethod
    def of_term(
        cls,
        key: Hashable,
        variable: placeholder,
        free: Sequence[placeholder],
        ranks: Sequence[int],
        term: Node,
        rank: int,
        neutral: float,
        where_counted: Callable[[Node], Node] | None = None,
    ) -> Body:
        """The function itself, whose values that do not count are replaced by `neutral`.

        `where_counted` makes, of the mask, the term that also can be computed where it does not count.
        """
        with variable.graph.as_default():
            mask = placeholder(bool, name="mask")

        def build(masked: bool) -> Sequence[Node]:
            value = along(where_counted(mask) if masked and where_counted else term, variable, rank)
            if not masked:
                return [value]
            return [where(expand_dims(mask, tuple(range(-rank, 0))) if rank else mask, value, neutral)]

        return cls((key, neutral) if key is not None else None, variable, mask, free, ranks, build, [rank])

    def mapped(self, what: str, function: Callable[[Node], Node]) -> Body:
        """The body of a function of each value. What does not count becomes the function of what it was."""

        def build(masked: bool) -> Sequence[Node | None]:
            (value,) = self.nodes(masked)
            return [None if value is None else function(value)]

        return self._with(self.derived_key(what), self.free, self.ranks, build, self.out_ranks, False)

    def rewritten(self, rewrite: Callable[[Sequence[Node]], list[Node]]) -> Body:
        """The body whose outputs `rewrite` gives instead of these."""

        def build(masked: bool) -> Sequence[Node | None]:
            nodes = self.nodes(masked)
            new = iter(rewrite([node for node in nodes if node is not None]))
            return [None if node is None else next(new) for node in nodes]

        key = self.derived_key("rewritten")
        return self._with(key, self.free, self.ranks, build, self.out_ranks, self.linear, self.targets)

    def reduced(self, product: bool) -> Body:
        """The body whose output is the sum (or product) of this one's over the axis of the variable, which becomes 1 long."""
        (rank,) = self.out_ranks
        operation = reduce_prod if product else reduce_sum

        def build(masked: bool) -> Sequence[Node | None]:
            (value,) = self.nodes(masked)
            return [None if value is None else operation(value, -(rank + 1), True)]

        return self._with(
            self.derived_key("product" if product else "sum"), self.free, self.ranks, build, [rank], False
        )
