"""Reverse-mode differentiation: from nodes to nodes.

Convention for complex values: the gradient g of a real loss L with respect to z is the number for which dL = Re(g dz), so that the gradient of a
holomorphic function, seeded with 1, is its derivative. (Steepest ascent is along conj(g).) The gradient with respect to a real node is real.

Where a function has no derivative, its gradient is a value between the one-sided ones, if these are finite: 0 for abs and sign at 0, 0.5 for each of
two equal inputs of maximum, an equal part for each of the largest entries of reduce_max, 0 for steps. It is inf for sqrt and log at 0, and 0 by
both inputs for x**y at 0**0. Where the value is nan, as for x * log(x) at 0, so is the gradient.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import sympy

from .errors import GraphMismatchError, ShapeError
from .graph import OPERATORS, Node, name_scope, postorder, translating
from .nodes import Constant, Operation, as_node, constant
from .ops.arithmetic import abs, add, add_n, multiply, negative, sign, subtract
from .ops.array import expand_dims, unbroadcast
from .ops.base import Elementwise, PureOperation
from .ops.creation import assemble, ones_like, plain_number, zeros_like
from .ops.indexing import put
from .ops.linalg import matmul, rank_of_result
from .ops.logic import equal, is_nan, logical_and, where
from .ops.parts import angle, cast, conjugate, imag, real
from .ops.reduction import reduce_all, reduce_sum
from .shapes import broadcast, is_static

__all__ = ["gradients"]


def as_nodes(nodes: Any, what: str) -> list[Node]:
    items = list(nodes) if isinstance(nodes, (list, tuple)) else [nodes]
    for item in items:
        if not isinstance(item, Node):
            hint = ": use symgraph.translate to make a node of it" if isinstance(item, sympy.Basic) else ""
            raise TypeError(f"{what} must be nodes, but {item!r} is a {type(item).__name__}{hint}")
    return items


def _is_discrete(node: Node) -> bool:
    dtype = node.dtype
    return dtype is not None and dtype.kind not in "fc"


def in_form_of(contribution: Node, node: Node, one_batch: bool = False) -> Node:
    """`contribution` in the shape of `node` (real where that is real), whatever was broadcast. See `pull_back` for `one_batch`."""
    have, want = contribution.spec, node.spec
    core = want.shape[1:] if one_batch and want.shape[:1] == (...,) else want.shape
    if have.shape == want.shape and is_static(core):
        if want.is_complex or have.is_complex is False:
            return contribution
        if one_batch and isinstance(node, Elementwise) and not isinstance(node, NOT_HOLOMORPHIC):
            return contribution  # what is complex in it goes on to the real inputs, and ends there
    return unbroadcast(_summed(contribution, node), node)


def _summed(contribution: Node, node: Node) -> Node:
    """`contribution` summed over the axes that `node` is known not to have, or to have with length 1: kernels then need not ask for them."""
    have, want = contribution.shape, node.shape
    extra = len(have) - len(want)
    if ... in (*have, *want) or extra < 0:
        return contribution
    if extra:
        contribution = reduce_sum(contribution, tuple(range(extra)))
    single = tuple(axis - len(want) for axis, (n, m) in enumerate(zip(have[extra:], want, strict=True)) if m == 1 != n)
    return reduce_sum(contribution, single, keepdims=True) if single else contribution


def sum_of(contributions: Sequence[Node]) -> Node:
    return (
        contributions[0]
        if len(contributions) == 1
        else contributions[0] + contributions[1]
        if len(contributions) == 2
        else add_n(contributions)
    )


_MOST_ENTRIES = 4096


def _assembled(parts: list[Node], node: Node, one_batch: bool) -> list[Node]:
    """Gradients with respect to `node`, those of single entries put together: an array for each of them would cost the square of their number."""
    core = [n for n in node.shape[1:] if isinstance(n, int)]
    known = node.shape[:1] == (...,) and len(core) == len(node.shape) - 1
    if len(parts) < 4 or not known or not core or math.prod(core) > _MOST_ENTRIES:
        return parts
    entries: dict[tuple[int, ...], list[Node]] = {}
    rest = []
    for part in parts:
        inner = part.input_nodes[0] if isinstance(part, unbroadcast) and part.input_nodes[1] is node else part
        place = _place_of_entry(inner, node, core)
        if place is None:
            rest.append(part)
        else:
            entries.setdefault(place, []).append(inner.input_nodes[0])
    if len(entries) < 4:
        return parts
    values = [sum_of(entries[place]) if place in entries else 0.0 for place in np.ndindex(*core)]
    return [*rest, in_form_of(assemble(values, core), node, one_batch)]


def _place_of_entry(part: Node, node: Node, core: Sequence[int]) -> tuple[int, ...] | None:
    """Where `part` has its one entry, if it is `put` into the shape of `node`."""
    if not isinstance(part, put) or part.input_nodes[1] is not node or part.index[:1] != (...,):
        return None
    place = part.index[1:]
    if len(place) != len(core) or not all(isinstance(i, int) for i in place):
        return None
    return tuple(i % n for i, n in zip(place, core, strict=True))


# with values of which the real part, the size or the like counts: a gradient with respect to them is real where they are
NOT_HOLOMORPHIC = (real, imag, conjugate, angle, cast, abs, sign)
_LINEAR = (add, subtract, add_n, negative)


def _chooses(node: Node) -> bool:
    return isinstance(node, PureOperation) and node.chooses


def _behind_a_choice(order: Sequence[Node]) -> set[Node]:
    """The nodes on which an alternative of a `where`, `maximum` or the like depends.

    What is compared has a value: nan there is no alternative that is not taken. So products of matrices are no matter there, which make nan of a
    zero only beside infinite entries; to look for these would take long, in a network of relu for instance.
    """
    behind = postorder([source for node in order if isinstance(node, where) for source in node.input_nodes[1:]])
    compared = postorder(
        [source for node in order if _chooses(node) and not isinstance(node, where) for source in node.input_nodes]
    )
    return {*behind, *[node for node in compared if not isinstance(node, matmul)]}


def gradients(
    ys: Any,
    xs: Any,
    grad_ys: Any = None,
    name: str = "gradients",
    stop_gradients: Any = None,
    unconnected_gradients: str = "none",
) -> list[Node | None]:
    """The gradients of the sum of all entries of `ys` with respect to each of `xs`, as nodes.

    Args:
        ys, xs: a node, or a list of nodes, of one graph.
        grad_ys: a list of weights (nodes, or None for ones), one for each of `ys`, in their shapes.
        stop_gradients: nodes taken as constants.
        unconnected_gradients: what is given for an x on which no y depends (or which is an integer): "none" for None, "zero" for zeros.

    Returns a list with, for each x, a node of its shape, or None. A zero that comes into an elementwise operation (or into one on matrices)
    behind a choice (`where`, Piecewise, `maximum`, `reduce_max` and the like) stays a zero, also where the operation's own derivative is inf or nan:
    what is not taken has no gradient.

    >>> from symgraph import placeholder
    >>> x = placeholder()
    >>> gradients(x * x * x, x)[0].eval({x: 2.0})
    np.float64(12.0)
    """
    if unconnected_gradients not in ("none", "zero"):
        raise ValueError(f"unconnected_gradients must be 'none' or 'zero', not {unconnected_gradients!r}")
    ys, xs = as_nodes(ys, "ys"), as_nodes(xs, "xs")
    stops = set(as_nodes(stop_gradients, "stop_gradients")) if stop_gradients is not None else set()
    weights = list(grad_ys) if isinstance(grad_ys, (list, tuple)) else [grad_ys] * len(ys)
    if len(weights) != len(ys):
        raise ShapeError(f"{len(ys)} ys need as many grad_ys, but there are {len(weights)}")
    nodes = [*ys, *xs]
    if not nodes:
        return []
    graph = nodes[0].graph
    for node in nodes:
        if node.graph is not graph:
            raise GraphMismatchError(
                f"{node!r} must be from the same graph as {nodes[0]!r}: they are of {node.graph!r} and {graph!r}"
            )
    with name_scope(name, graph=graph):
        seeds = [_seed(y, weight) for y, weight in zip(ys, weights, strict=True)]
        results = pull_back(ys, xs, seeds, stops)
        missing = (lambda x: zeros_like(x)) if unconnected_gradients == "zero" else (lambda x: None)
        return [results[x] if x in results else missing(x) for x in xs]


def _seed(y: Node, weight: Any) -> Node:
    """A weight in the form of y; a Python number takes its dtype too."""
    if weight is None:
        return _ones(y)
    weights = as_node(weight, y.graph)
    broadcast(weights.shape, y.shape)  # raises ShapeError where they cannot fit
    return multiply(ones_like(y), weights) if is_weak(weights) else in_form_of(weights, y)


def _ones(y: Node) -> Node:
    """Ones in the form of y: a constant where y is a number of known dtype, so that nothing has to wait for its value."""
    known = y.shape == () and isinstance(y.dtype, np.dtype) and y.dtype.kind in "fc"
    return constant(1, dtype=y.dtype, graph=y.graph) if known else ones_like(y)


def pull_back(
    ys: Sequence[Node], xs: Iterable[Node], seeds: Sequence[Node], stops: Iterable[Node] = (), one_batch: bool = False
) -> dict[Node, Node]:
    """The gradients with respect to those of `xs` on which `ys` depend, where `seeds` are those with respect to `ys`.

    With `one_batch` all of `xs` and `seeds` are known to have the same batch axes, all that others may have: then a leading `...` stands for the same
    axes in all shapes on the way.
    """
    order = postorder(ys)
    wanted, stops = set(xs), set(stops)
    depends: set[Node] = set()
    for node in order:
        reached = node not in stops and any(source in depends for source in node.input_nodes)
        if reached or (node in wanted and not _is_discrete(node)):
            depends.add(node)
    guarded = _behind_a_choice([node for node in order if node in depends])
    contributions: dict[Node, list[Node]] = {}
    results: dict[Node, Node] = {}
    for y, seed in zip(ys, seeds, strict=True):
        if y in depends:
            contributions.setdefault(y, []).append(seed)
    for node in reversed(order):
        if node not in contributions:
            continue
        total = sum_of(_assembled(contributions.pop(node), node, one_batch))
        if node in wanted:
            results[node] = total
        if (
            not isinstance(node, Operation)
            or node in stops
            or not any(source in depends for source in node.input_nodes)
        ):
            continue
        for source, part in zip(node.input_nodes, _parts_of(node, total, node in guarded), strict=True):
            if part is not None and source in depends:
                contributions.setdefault(source, []).append(in_form_of(part, source, one_batch))
    return results


def _parts_of(node: Operation, grad: Node, guard: bool) -> Sequence[Node | None]:
    with translating(node.origin):
        parts = gradient_parts(node, grad)
        zero = _where_zero(node, grad) if guard else None
        if zero is None:
            return parts
        return [
            part
            if part is None or isinstance(part, Constant) or part is grad or _is_multiple(part, grad)
            else where(logical_and(zero, is_nan(part)), 0, part)
            for part in parts
        ]


def _is_multiple(part: Node, grad: Node) -> bool:
    """Whether a gradient is another one times a number, which is finite."""
    if not isinstance(part, multiply):
        return False
    x, y = part.input_nodes
    return x is grad and isinstance(y, Constant) and bool(np.all(np.isfinite(y.value)))


def _where_zero(node: Operation, grad: Node) -> Node | None:
    """Where the gradient with respect to a value is 0, in the form of those with respect to the inputs; None where a zero cannot become nan."""
    if isinstance(node, Elementwise):
        return None if isinstance(node, _LINEAR) or node.chooses else equal(grad, 0)
    rank = rank_of_result(node)
    if rank is None:
        return None
    zero = equal(grad, 0)
    return reduce_all(zero, (-1, -2), True) if rank else expand_dims(zero, (-1, -2))


def gradient_parts(node: Operation, grad: Node) -> Sequence[Node | None]:
    """What an operation's `gradient` gives for a gradient (or, of an elementwise one, for a change): one item for each input."""
    parts = node.gradient(grad)
    if not isinstance(parts, (list, tuple)):
        raise TypeError(
            f"{type(node).__name__}.gradient must return a list, with a node or None for each input, not {parts!r}"
        )
    if len(parts) != len(node.input_nodes):
        raise ShapeError(f"{type(node).__name__}.gradient gave {len(parts)} nodes for {len(node.input_nodes)} inputs")
    return _in_precision(parts, {grad, node, *node.input_nodes}) if any(map(is_weak, node.input_nodes)) else parts


def is_weak(node: Node) -> bool:
    """Whether its value is a Python number, which takes the dtype of what it meets."""
    return isinstance(node.spec.dtype, type)


def _in_precision(parts: Sequence[Node | None], ends: set[Node]) -> Sequence[Node | None]:
    """The same parts, in which numbers made of Python numbers alone are such as well, and so leave arrays in single precision."""
    found: dict[Node, Node] = {}
    for node in postorder(
        [part for part in parts if part is not None], lambda node: () if node in ends else node.input_nodes
    ):
        found[node] = node
        if node not in ends and isinstance(node, Operation):
            inputs = [found[source] for source in node.input_nodes]
            if any(a is not b for a, b in zip(inputs, node.input_nodes, strict=True)):
                found[node] = node.rebuild(inputs)
            if isinstance(node, Elementwise) and all(map(is_weak, inputs)):
                found[node] = _as_number(node, inputs)
    return [None if part is None else found[part] for part in parts]


def _as_number(node: Elementwise, inputs: Sequence[Node]) -> Node:
    values = [source.value for source in inputs if isinstance(source, Constant)]
    if len(values) < len(inputs):
        return plain_number(node.rebuild(inputs))
    with np.errstate(all="ignore"), suppress(ValueError):  # of integers to negative powers, which may not be asked for
        return constant(np.asarray(node.compute(*values)).item(), graph=node.graph)
    return node


OPERATORS["gradients"] = gradients  # for operations that hold a function, which are below this module
