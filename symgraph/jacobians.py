"""Jacobians and Hessians, from nodes to nodes: `Jacobians` for nodes made of symbols, `jacobian` and `hessians` for any nodes of known shape."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any

from .differentiate import as_nodes, gradients, pull_back
from .errors import ShapeError
from .forward import keeps_loops, propagate
from .graph import Node, name_scope, postorder
from .nodes import Operation
from .ops.arithmetic import add
from .ops.array import expand_dims, permute_core, reshape, stack, unbroadcast
from .ops.contraction import reshape_core
from .ops.creation import ones_like, size, zeros_like
from .ops.directions import _along_directions, _ones_of_loops, _spread, _unit_directions
from .ops.functional import Functional, part
from .ops.indexing import take
from .shapes import format_shape, is_static

__all__ = ["hessians", "jacobian"]


# --- nodes whose shapes are known


def jacobian(y: Node, x: Node, name: str = "jacobian") -> Node:
    """The derivatives of all entries of y with respect to all entries of x, in the shape `y.shape + x.shape`, which must be known.

    >>> from symgraph import placeholder
    >>> x = placeholder("float64", (2,))
    >>> jacobian(x * x, x).eval({x: [1.0, 2.0]})
    array([[2., 0.],
           [0., 4.]])
    """
    (y,), (x,) = as_nodes(y, "y"), as_nodes(x, "x")
    for node in (y, x):
        if not is_static(node.shape):
            raise ShapeError(
                f"A Jacobian needs known shapes, but {node!r} has {format_shape(node.shape)}: give its placeholder a shape, or use Function.jac"
            )
    shape = (*y.shape, *x.shape)
    with name_scope(name, graph=x.graph):
        flat = reshape(y, (-1,))
        rows = [gradients(take(flat, i), x, unconnected_gradients="zero")[0] for i in range(_count(y.shape))]
        if not rows:
            return reshape(zeros_like(flat), shape)
        return reshape(stack(rows), shape)


def hessians(ys: Any, xs: Any, name: str = "hessians") -> list[Node]:
    """For each x the second derivatives of the sum of all entries of `ys`, in the shape `x.shape + x.shape`, which must be known.

    >>> from symgraph import placeholder, reduce_prod
    >>> x = placeholder("float64", (2,))
    >>> hessians(reduce_prod(x), x)[0].eval({x: [5.0, 7.0]})
    array([[0., 1.],
           [1., 0.]])
    """
    xs = as_nodes(xs, "xs")
    grads = gradients(ys, xs, unconnected_gradients="zero")
    return [jacobian(grad, x, name) for grad, x in zip(grads, xs, strict=True) if grad is not None]


def _count(shape: Sequence[Any]) -> int:
    return math.prod(shape)


# --- nodes with batch axes


def replaced(nodes: Sequence[Node], new: Mapping[Node, Node]) -> list[Node]:
    """The same computations on other leaves."""
    result = dict(new)
    for node in postorder(nodes, lambda node: () if node in new else node.input_nodes):
        if node in result:
            continue
        inputs = [result[source] for source in node.input_nodes]
        same = all(a is b for a, b in zip(inputs, node.input_nodes, strict=True))
        result[node] = node if same or not isinstance(node, Operation) else node.rebuild(inputs)
    return [result[node] for node in nodes]


def gradients_in_batch(ys: Sequence[Node], xs: Sequence[Node], seeds: Sequence[Node]) -> list[Node]:
    """The gradients of the sum of `ys`, weighted by `seeds`, in each row of the batch, where all of `xs` have all batch axes."""
    found = pull_back(ys, xs, seeds, one_batch=True)
    return [found[x] if x in found else zeros_like(x) for x in xs]


def gradients_of_scalar(y: Node, xs: Sequence[Node], x_cores: Sequence[Sequence[Any]]) -> list[Node]:
    """The same for one y without core axes. The weight is a 1 in each row, for which y itself need not be computed."""
    return gradients_in_batch([y], xs, [_ones_of_loops(xs[0], rank=len(x_cores[0]))]) if xs else []


def summed_gradient(grad: Node) -> Node:
    """A gradient without the operation that puts it into the form of x, where it has that form as the value of a sum, integral or the like."""
    inner = grad.input_nodes[0] if isinstance(grad, unbroadcast) else grad
    return inner if isinstance(inner, (Functional, part)) else grad


def jacobians_in_batch(
    values: Sequence[tuple[Node, Sequence[Any]]],
    xs: Sequence[Node],
    x_cores: Sequence[Sequence[Any]],
    leaves: Mapping[Node, int],
    repeated: Sequence[Node] = (),
) -> list[list[Node]]:
    """For each of the values (a node, and its core) its Jacobians by all of `xs` in each row of the batch, by forward mode.

    The Jacobian of y has the core axes of y, then those of x. `leaves` are all nodes that a y may depend on, `xs` among them, with the numbers of
    their core axes. Those of `repeated` have all batch axes, and must keep them: the values are gradients with respect to them.
    """
    depends = _dependences([y for y, _ in values], xs)
    zeros: dict[Any, Node] = {}  # for a scalar y one of them is for all scalar xs, whose batch axes are the same
    columns: list[list[Node]] = []
    for place, (x, core) in enumerate(zip(xs, x_cores, strict=True)):
        reached = [y for y, _ in values if depends[y] >> place & 1]
        changes = {} if core else propagate(reached, {x: ones_like(x)})
        column = []
        for y, y_core in values:
            if not depends[y] >> place & 1:
                key = y, core and x
                if key not in zeros:
                    zeros[key] = _zeros(y, len(y_core), x, len(core))
                column.append(zeros[key])
            elif core:
                column.append(_jacobian_in_batch(y, y_core, x, core, leaves, repeated))
            else:
                column.append(_spread(changes[y], y) if y in changes else zeros_like(y))
        columns.append(column)
    return [[column[row] for column in columns] for row in range(len(values))]


def _dependences(ys: Sequence[Node], xs: Sequence[Node]) -> dict[Node, int]:
    """For each node on the way to `ys` a number whose bit k tells whether it depends on x number k."""
    found = {x: 1 << place for place, x in enumerate(xs)}
    for node in postorder(ys):
        if node not in found:
            found[node] = reduce(or_, [found[source] for source in node.input_nodes], 0)
    return found


def _jacobian_in_batch(
    y: Node,
    y_core: Sequence[Any],
    x: Node,
    x_core: Sequence[Any],
    leaves: Mapping[Node, int],
    repeated: Sequence[Node],
) -> Node:
    ways = _unit_directions(x, _known(x_core))
    expanded: dict[Node, Node] = {leaf: expand_dims(leaf, -(rank + 1)) for leaf, rank in leaves.items()}
    (value,) = replaced([y], expanded)
    if not keeps_loops([value], [expanded[x]]):
        for leaf in (x, *repeated):
            expanded[leaf] = _along_directions(expand_dims(leaf, -(leaves[leaf] + 1)), ways, rank=leaves[leaf])
        (value,) = replaced([y], expanded)
    change = propagate([value], {expanded[x]: ways}).get(value)
    full = _along_directions(value, ways, rank=len(y_core))
    return _with_last(zeros_like(full) if change is None else _spread(change, full), y_core, x, x_core)


def _zeros(y: Node, y_rank: int, x: Node, x_rank: int) -> Node:
    """Zeros with the core axes of y, then those of x."""
    rows: Node = expand_dims(zeros_like(y), tuple(range(-x_rank, 0))) if x_rank else zeros_like(y)
    columns: Node = zeros_like(x)
    return add(rows, expand_dims(columns, tuple(range(-x_rank - y_rank, -x_rank))) if y_rank else columns)


def _with_last(change: Node, y_core: Sequence[Any], x: Node, x_core: Sequence[Any]) -> Node:
    """(..., n, *y_core) as (..., *y_core, *x_core)."""
    rank = len(y_core)
    if rank:
        change = permute_core(change, (*range(-rank, 0), -rank - 1))
    if len(x_core) == 1:
        return change
    return reshape_core(change, _lengths(x, x_core), rank=1)


def _known(core: Sequence[Any]) -> list[int | None]:
    return [n if isinstance(n, int) else None for n in core]


def reverse_jacobian_in_batch(
    y: Node,
    y_core: Sequence[Any],
    like: Node,
    xs: Sequence[Node],
    x_cores: Sequence[Sequence[Any]],
    leaves: Mapping[Node, int],
    repeated: Sequence[Node] = (),
) -> list[Node]:
    """The same by reverse mode, for several x at once. The lengths of y's core axes are known, or those of the last axes of `like`."""
    if not y_core:
        return gradients_of_scalar(y, xs, x_cores)
    if not _dependences([y], xs)[y]:
        return [_zeros(y, len(y_core), x, len(core)) for x, core in zip(xs, x_cores, strict=True)]
    ways = _unit_directions(like, _known(y_core))
    expanded: dict[Node, Node] = {leaf: expand_dims(leaf, -(rank + 1)) for leaf, rank in leaves.items()}
    for leaf in dict.fromkeys([*xs, *repeated]):
        expanded[leaf] = _along_directions(expanded[leaf], ways, rank=leaves[leaf])
    (value,) = replaced([y], expanded)
    starts = [expanded[x] for x in xs]
    grads = gradients_in_batch([value], starts, [_spread(ways, value)])
    rows = _lengths(like, y_core)
    return [
        reshape_core(grad, [*rows, *_lengths(x, core)], rank=1 + len(core))
        for x, grad, core in zip(xs, grads, x_cores, strict=True)
    ]


def _lengths(x: Node, core: Sequence[Any]) -> list[Any]:
    """The lengths of the last axes of x: numbers where they are known, else nodes."""
    return [size(x, axis) if n is None else n for axis, n in enumerate(_known(core), -len(core))]


def swapped(block: Node, first: int, second: int) -> Node:
    """A block of a matrix with `first` row axes and `second` column axes, transposed."""
    axes = range(-first - second, 0)
    return permute_core(block, (*axes[first:], *axes[:first])) if first and second else block


def pruned(outputs: Sequence[Node]) -> list[Node]:
    """The same values; where one part of an operation with several is needed, the others are not computed."""
    order = postorder(outputs)
    used: dict[Node, set[int]] = {}
    for node in order:
        if isinstance(node, part):
            used.setdefault(node.input_nodes[0], set()).add(node.index)
    result: dict[Node, Node] = {}
    for node in order:
        inputs = [result[source] for source in node.input_nodes]
        if isinstance(node, part) and len(used[node.input_nodes[0]]) == 1:
            whole = node.input_nodes[0]
            assert isinstance(whole, Functional)
            result[node] = whole.like(whole.body.select(node.index), inputs[1:])
        elif isinstance(node, Operation) and any(a is not b for a, b in zip(inputs, node.input_nodes, strict=True)):
            result[node] = node.rebuild(inputs)
        else:
            result[node] = node
    return [result[node] for node in outputs]
