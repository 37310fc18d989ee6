"""Forward mode: how outputs change when inputs change in given directions, as nodes.

No operation has a rule for it. Elementwise operations act on a change by the same factor as their `gradient` on a gradient; of operations that are
linear in each input the change is their own value with that input replaced by its change; all others are transposed: a `gradient` is linear in
`grad`, and the gradient of that is the change (double reverse mode, one operation at a time). So an operation whose `gradient` cannot be
differentiated (eigenvectors) has no forward mode.

Convention for complex values: for a change dx of x, the result is the change dy of y, whether y is holomorphic or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .differentiate import NOT_HOLOMORPHIC, as_nodes, gradient_parts, in_form_of, is_weak, sum_of
from .errors import GraphMismatchError, ShapeError
from .graph import Node, name_scope, postorder, translating
from .nodes import Operation, as_node
from .ops.arithmetic import add, add_n, multiply, negative, subtract
from .ops.array import broadcast_like, expand_dims, permute_core, squeeze
from .ops.base import Elementwise
from .ops.contraction import einsum, reshape_core
from .ops.creation import ones_like
from .ops.directions import _spread
from .ops.indexing import getitem, take
from .ops.linalg import matmul, trace
from .ops.logic import where
from .ops.parts import conjugate, real
from .ops.reduction import reduce_mean, reduce_sum
from .ops.state import identity, stop_gradient
from .shapes import broadcast, format_shape, is_static

__all__ = ["tangents"]

_PACKAGE = f"{__name__.partition('.')[0]}."
# linear in each of the inputs whose places are given (None: all); for these, changes may have loop axes that the values lack
_LINEAR: dict[type[Operation], tuple[int, ...] | None] = {
    matmul: None,
    einsum: None,
    take: None,
    getitem: None,
    trace: None,
    squeeze: None,
    expand_dims: None,
    permute_core: None,
    reduce_sum: None,
    reduce_mean: None,
    reshape_core: (0,),
    identity: None,
    negative: None,
    conjugate: None,
    real: None,
}


def tangents(ys: Any, xs: Any, directions: Any, name: str = "tangents") -> list[Node | None]:
    """The change of each of `ys` when `xs` change in `directions`: the product of the Jacobian with a vector, by forward mode.

    Args:
        ys, xs: a node, or a list of nodes, of one graph.
        directions: for each x a node, number or array that can be broadcast to its shape; None where it does not change.

    Returns a list with, for each y, a node of its shape, or None where it depends on none of `xs`.

    >>> from symgraph import placeholder
    >>> x = placeholder()
    >>> tangents(x * x, x, 10.0)[0].eval({x: 3.0})
    np.float64(60.0)
    """
    ys, xs = as_nodes(ys, "ys"), as_nodes(xs, "xs")
    given = list(directions) if isinstance(directions, (list, tuple)) else [directions]
    if len(given) != len(xs):
        raise ShapeError(f"{len(xs)} xs need as many directions, but there are {len(given)}")
    for node in [*ys, *xs]:
        if node.graph is not xs[0].graph:
            raise GraphMismatchError(f"{node!r} must be from the same graph as {xs[0]!r}")
    if not xs:
        return [None] * len(ys)
    with name_scope(name, graph=xs[0].graph):
        start = {x: _direction(way, x) for x, way in zip(xs, given, strict=True) if way is not None}
        changes = propagate(ys, start)
        return [in_form_of(changes[y], y) if y in changes else None for y in ys]


def _direction(way: Any, x: Node) -> Node:
    """A direction in the shape of x; a Python number takes its dtype too."""
    direction = as_node(way, x.graph)
    if is_weak(direction):
        return multiply(ones_like(x), direction)
    if is_static(direction.shape) and is_static(x.shape) and broadcast(direction.shape, x.shape) != x.shape:
        raise ShapeError(f"A direction of the shape {format_shape(direction.shape)} does not fit {x!r}")
    return broadcast_like(direction, x)


def propagate(ys: Sequence[Node], start: Mapping[Node, Node]) -> dict[Node, Node]:
    """The changes of all nodes between those in `start`, where the changes are given, and `ys`.

    A change can be broadcast to the shape of its node; it may lack axes along which it is constant.
    """
    changes = dict(start)
    for node in postorder(ys):
        if node not in start and isinstance(node, Operation) and any(source in changes for source in node.input_nodes):
            with translating(node.origin):
                change = _change(node, [changes.get(source) for source in node.input_nodes])
            if change is not None:
                changes[node] = change
    return changes


def keeps_loops(ys: Sequence[Node], xs: Sequence[Node]) -> bool:
    """Whether the changes on the way from `xs` to `ys` may have more loop axes than the values."""
    depends = set(xs)
    for node in postorder(ys):
        if node in depends or not any(source in depends for source in node.input_nodes):
            continue
        depends.add(node)
        if not _keeps_loops(node):
            return False
    return True


def _keeps_loops(node: Node) -> bool:
    if isinstance(node, (where, add_n)) or _by_factor(node):
        return True
    if type(node) not in _LINEAR:
        return False
    axis = getattr(node, "axis", -1)
    axes = axis if isinstance(axis, tuple) else (axis,)
    index = getattr(node, "index", (...,))
    return (
        None not in axes
        and all(a < 0 for a in axes)
        and (isinstance(index, int) or index[:1] == (...,))
        and ("..." in getattr(node, "equation", "..."))
    )


def _by_factor(node: Node) -> bool:
    """Whether the operation's gradient multiplies by the derivative, entry by entry, and so gives the change as well."""
    ours = isinstance(node, Elementwise) and type(node).__module__.startswith(_PACKAGE)
    return ours and not isinstance(node, NOT_HOLOMORPHIC)


def _change(node: Operation, changes: Sequence[Node | None]) -> Node | None:
    if isinstance(node, stop_gradient):
        return None
    if isinstance(node, (add, subtract, add_n)):
        return _of_sum(node, changes)
    if isinstance(node, where):
        return _of_choice(node, changes)
    if type(node) in _LINEAR:
        return _of_linear(node, changes)
    if _by_factor(node):
        return _of_elementwise(node, changes)
    return _transposed(node, changes)


def _of_sum(node: Operation, changes: Sequence[Node | None]) -> Node | None:
    terms = [
        negative(c) if place and isinstance(node, subtract) else c for place, c in enumerate(changes) if c is not None
    ]
    return sum_of(terms)


def _of_choice(node: where, changes: Sequence[Node | None]) -> Node | None:
    condition, _, _ = node.input_nodes
    _, x, y = changes
    return None if x is None and y is None else where(condition, 0.0 if x is None else x, 0.0 if y is None else y)


def _of_linear(node: Operation, changes: Sequence[Node | None]) -> Node | None:
    places = _LINEAR[type(node)]
    terms = []
    for place, change in enumerate(changes):
        if change is not None and (places is None or place in places):
            inputs = list(node.input_nodes)
            inputs[place] = _spread(change, inputs[place])
            terms.append(node.rebuild(inputs))
    return sum_of(terms) if terms else None


def _of_elementwise(node: Operation, changes: Sequence[Node | None]) -> Node | None:
    terms = []
    for place, change in enumerate(changes):
        if change is not None:
            term = gradient_parts(node, change)[place]
            if term is not None:
                terms.append(term)
    return sum_of(terms) if terms else None


class _Cotangent(identity):
    """A node of the shape and dtype of another one, on which nothing depends yet."""


def _transposed(node: Operation, changes: Sequence[Node | None]) -> Node | None:
    """The change by the gradient of the gradient, which is linear in `grad`."""
    grad = _Cotangent(node)
    parts = gradient_parts(node, grad)
    contributions: dict[Node, list[Node]] = {}
    roots: list[Node] = []
    elementwise = isinstance(node, Elementwise)
    for part, source, change in zip(parts, node.input_nodes, changes, strict=True):
        if part is not None and change is not None:
            root = part if elementwise else in_form_of(part, source)
            roots.append(root)
            contributions.setdefault(root, []).append(change if elementwise else _spread(change, source))

    # what existed before `grad` cannot depend on it, so that only the new nodes are looked at
    order = postorder(roots, lambda item: [source for source in item.input_nodes if source.serial >= grad.serial])
    depends: set[Node] = {grad}
    for item in order:
        if any(source in depends for source in item.input_nodes):
            depends.add(item)
    for item in reversed(order):
        if item not in contributions or item not in depends or item is grad:
            continue
        assert isinstance(item, Operation)
        total = sum_of(contributions.pop(item))
        for source, part in zip(item.input_nodes, gradient_parts(item, total), strict=True):
            if part is not None and source in depends:
                plain = elementwise and not isinstance(source, NOT_HOLOMORPHIC)
                contributions.setdefault(source, []).append(part if plain else in_form_of(part, source))
    found = contributions.get(grad)
    return in_form_of(sum_of(found), node) if found else None
