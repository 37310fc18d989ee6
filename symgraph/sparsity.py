"""Which entries of outputs depend on which entries of inputs, known from the graph; and colours for the columns of a sparse matrix.

A dependence is found by walking the operations once, each with the shapes that its values have at some point: entry by entry through elementwise
operations, through what only moves entries by moving numbers in their place, through sums by their gradients, which move entries as well.
Through all others every entry of the result depends on every entry of the inputs. So no dependence is missed, at any point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .forward import _Cotangent
from .graph import Node, postorder
from .nodes import Constant, Operation
from .ops.array import (
    broadcast_like,
    broadcast_to,
    concat,
    concat_part,
    expand_dims,
    permute_core,
    reshape,
    reshape_like,
    squeeze,
    stack,
    transpose,
    unbroadcast,
)
from .ops.base import Elementwise
from .ops.contraction import einsum, reshape_core, unit_like
from .ops.creation import _Like, assemble, dimension, size
from .ops.directions import _along_directions, _ones_of_loops, _spread, _unit_directions
from .ops.forms import diag, diag_part, in_core_shape, join, join_part
from .ops.functional import part
from .ops.functional_body import along
from .ops.functional_sums import sum_over
from .ops.indexing import add_elements, element, gather, getitem, put, scatter, take
from .ops.linalg import matmul
from .ops.logic import where
from .ops.reduction import reduce_sum
from .ops.state import identity, stop_gradient
from .ops.windows import fill_window, window

__all__ = ["Dependence", "colours", "dependences"]

_SHAPE_ONLY = (_Like, dimension, size, unit_like, _unit_directions, _ones_of_loops, stop_gradient)
_MOVES_ALL = (concat, stack, assemble, join)  # all inputs are data
_MOVES_FIRST = (
    *(take, getitem, gather, element, put, reshape, reshape_like, reshape_core, transpose, permute_core, expand_dims),
    *(squeeze, broadcast_to, broadcast_like, concat_part, join_part, diag, diag_part, in_core_shape, identity, along),
    *(_spread, _along_directions, window),
)
_AT_INDICES = (gather, element, window, scatter, add_elements, fill_window)
_SUMS = (add_elements, scatter, fill_window, reduce_sum)
_MOST_PLACES = 4_000_000  # in one contraction; a larger one counts as dense


class Dependence(NamedTuple):
    """What is known of a node at a point.

    Attributes:
        value: its value, which gives the shape.
        rows: for each entry, in order, the inputs' entries on which it depends: a sparse matrix of booleans; None where there are none.
            A list of these for an operation with several outputs.
        varies: whether the value depends on more than the shapes of what is fed.
    """

    value: Any
    rows: Any = None
    varies: bool = False


def dependences(outputs: Sequence[Node], known: Mapping[Node, Dependence]) -> list[Dependence]:
    """Those of the outputs, where those of the leaves are `known`.

    >>> import scipy.sparse
    >>> from symgraph import placeholder
    >>> x = placeholder()
    >>> start = Dependence(np.ones(3), scipy.sparse.eye_array(3, dtype=bool, format="csr"), True)
    >>> (found,) = dependences([x[1:] * x[:-1]], {x: start})
    >>> found.rows.toarray().astype(int)
    array([[1, 1, 0],
           [0, 1, 1]])
    """
    found = dict(known)
    for node in postorder(outputs, lambda node: () if node in found else node.input_nodes):
        if node not in found:
            found[node] = _of_constant(node) if isinstance(node, Constant) else _of_operation(node, found)
    return [found[node] for node in outputs]


def _of_constant(node: Constant) -> Dependence:
    return Dependence(np.asarray(node.value))


def _of_operation(node: Any, found: dict[Node, Dependence]) -> Dependence:
    inputs = [found[source] for source in node.input_nodes]
    with np.errstate(all="ignore"):
        value = node.compute(*[each.value for each in inputs])
    if isinstance(node, _SHAPE_ONLY):
        return Dependence(value, varies=isinstance(node, stop_gradient) and inputs[0].varies)
    varies = any(each.varies for each in inputs)
    discrete = not isinstance(value, tuple) and np.asarray(value).dtype.kind not in "fc"
    if discrete or all(each.rows is None for each in inputs):
        return Dependence(value, None, varies)
    return Dependence(value, _rows(node, inputs, value, found), varies)


def _rows(node: Any, inputs: Sequence[Dependence], value: Any, found: dict[Node, Dependence]) -> Any:
    if isinstance(node, where):
        return _entrywise(inputs[1:], np.shape(value))
    if isinstance(node, Elementwise):
        return _entrywise(inputs, np.shape(value))
    if isinstance(node, unbroadcast):
        return _of_unbroadcast(inputs[0], np.shape(value)) if inputs[0].rows is not None else None
    if isinstance(node, _AT_INDICES) and any(each.varies for each in inputs[_first_index(node) :]):
        return _dense(inputs, value)
    if isinstance(node, _MOVES_ALL):
        return _moved(node, inputs, len(inputs))
    if isinstance(node, _MOVES_FIRST):
        return _moved(node, inputs, 1) if inputs[0].rows is not None else None
    if isinstance(node, _SUMS):
        return _of_sum(node, inputs, value, found)
    if isinstance(node, matmul) and all(np.ndim(each.value) == 2 for each in inputs):
        return _of_product(node, inputs)
    if isinstance(node, einsum):
        return _of_einsum(node, inputs, value)
    if isinstance(node, part):
        return inputs[0].rows[node.index] if isinstance(inputs[0].rows, list) else inputs[0].rows
    if type(node) is sum_over and not any(each.varies for each in inputs[:2]):
        return _of_body(node, inputs, value)
    return _dense(inputs, value)


def _first_index(node: Operation) -> int:
    return 2 if isinstance(node, (scatter, add_elements, fill_window)) else 1


# --- the kinds of operations


def _sparse(entries: Any, shape: tuple[int, int]) -> Any:
    """A matrix that is true at the places (rows, columns)."""
    import scipy.sparse

    rows, columns = entries
    return scipy.sparse.csr_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=shape)


def _union(parts: Sequence[Any]) -> Any:
    total = None
    for each in parts:
        if each is not None:
            total = each if total is None else total + each
    return total


def _entrywise(inputs: Sequence[Dependence], shape: Sequence[int]) -> Any:
    return _union([_repeated(each, shape) for each in inputs])


def _repeated(each: Dependence, shape: Sequence[int]) -> Any:
    """The rows of a value that is broadcast to a shape."""
    if each.rows is None or np.shape(each.value) == tuple(shape):
        return each.rows
    own = np.arange(np.size(each.value)).reshape(np.shape(each.value))
    return each.rows[np.broadcast_to(own, shape).reshape(-1)]


def _of_unbroadcast(each: Dependence, shape: tuple[int, ...]) -> Any:
    """Sums over the axes along which something was broadcast, or the broadcast of what has too few of them."""
    have = np.shape(each.value)
    whole = np.broadcast_shapes(have, shape)
    rows = _repeated(each, whole)
    places = np.broadcast_to(np.arange(int(np.prod(shape))).reshape(shape), whole).reshape(-1)
    return _sparse((places, np.arange(len(places))), (int(np.prod(shape)), len(places))) @ rows


def _moved(node: Operation, inputs: Sequence[Dependence], count: int) -> Any:
    """Where entries only change their places: numbers from 1 on are moved in their place, and 0 is what comes from nowhere."""
    rows, labelled, start = [], [], 1
    for place, each in enumerate(inputs):
        if place >= count:
            labelled.append(each.value)
            continue
        number = np.size(each.value)
        if each.rows is None:
            labelled.append(np.zeros(np.shape(each.value)))
            continue
        labelled.append(np.arange(start, start + number, dtype=float).reshape(np.shape(each.value)))
        rows.append(each.rows)
        start += number
    import scipy.sparse

    empty = scipy.sparse.csr_array((1, rows[0].shape[1]), dtype=bool)
    stacked = scipy.sparse.vstack([empty, *rows], format="csr")
    return stacked[np.asarray(node.compute(*labelled)).reshape(-1).astype(int)]


def _of_sum(node: Operation, inputs: Sequence[Dependence], value: Any, found: dict[Node, Dependence]) -> Any:
    """Where each entry of the first input is added to one entry of the result: its gradient takes the number of that entry back."""
    each = inputs[0]
    if each.rows is None:
        return None
    grad = _Cotangent(node)
    (back,) = list(node.gradient(grad)[:1])
    total = np.size(value)
    numbers = np.arange(total, dtype=float).reshape(np.shape(value))
    table = {**found, node: Dependence(value), grad: Dependence(numbers)}
    assert back is not None
    order = postorder([back], lambda item: () if item in table else item.input_nodes)
    for item in order:
        if item not in table:
            given = [table[source].value for source in item.input_nodes]
            table[item] = Dependence(item.value if isinstance(item, Constant) else item.compute(*given))  # type: ignore[attr-defined]
    places = np.asarray(table[back].value)
    rows = _repeated(each, places.shape)
    flat = places.reshape(-1).astype(int)
    return _sparse((flat, np.arange(len(flat))), (total, len(flat))) @ rows


def _of_product(node: Operation, inputs: Sequence[Dependence]) -> Any:
    """A product of matrices; a factor that is a constant counts with its zeros."""
    import scipy.sparse

    (rows, _inner), (_, columns) = np.shape(inputs[0].value), np.shape(inputs[1].value)
    first, second = (
        each.value != 0 if isinstance(source, Constant) else np.ones(np.shape(each.value), dtype=bool)
        for source, each in zip(node.input_nodes, inputs, strict=True)
    )
    parts = []
    if inputs[0].rows is not None:  # entry (i, j) depends on the entries (i, k) with second[k, j]
        spread = scipy.sparse.kron(scipy.sparse.eye_array(rows, dtype=bool), scipy.sparse.csr_array(second.T))
        parts.append(spread.tocsr() @ inputs[0].rows)
    if inputs[1].rows is not None:  # and on the entries (k, j) with first[i, k]
        spread = scipy.sparse.kron(scipy.sparse.csr_array(first), scipy.sparse.eye_array(columns, dtype=bool))
        parts.append(spread.tocsr() @ inputs[1].rows)
    return _union(parts)


def _of_einsum(node: einsum, inputs: Sequence[Dependence], value: Any) -> Any:
    """Each entry of the result depends on those of an input with the same indices at the labels that both have."""
    left, _, output = node.equation.partition("->")
    shapes = [np.shape(each.value) for each in inputs]
    labels = [_labels(term, len(shape)) for term, shape in zip(left.split(","), shapes, strict=True)]
    wanted = _labels(output, np.ndim(value))
    lengths: dict[Any, int] = {}
    for names, shape in zip([*labels, wanted], [*shapes, np.shape(value)], strict=True):
        for name, length in zip(names, shape, strict=True):
            lengths[name] = max(lengths.get(name, 1), length)
    parts = []
    for each, names, shape in zip(inputs, labels, shapes, strict=True):
        if each.rows is None:
            continue
        together = list(dict.fromkeys([*wanted, *names]))
        if int(np.prod([lengths[name] for name in together])) > _MOST_PLACES:
            return _dense(inputs, value)
        grid = dict(zip(together, np.indices([lengths[name] for name in together]), strict=True))
        entries = _flat(grid, wanted, np.shape(value)), _flat(grid, names, shape)
        parts.append(_sparse(entries, (np.size(value), np.size(each.value))) @ each.rows)
    return _union(parts)


def _labels(term: str, rank: int) -> list[Any]:
    """A name for each axis; those of batch axes count from the last one."""
    names = list(term.removeprefix("..."))
    return [*range(len(names) - rank, 0), *names]


def _flat(grid: Mapping[Any, Any], names: Sequence[Any], shape: Sequence[int]) -> Any:
    """The place of the entry with these indices in an array of that shape, for all indices."""
    if not names:
        return np.zeros(next(iter(grid.values())).size if grid else 1, dtype=int)
    indices = [np.minimum(grid[name], length - 1).reshape(-1) for name, length in zip(names, shape, strict=True)]
    return np.ravel_multi_index(indices, tuple(shape))


def _of_body(node: Any, inputs: Sequence[Dependence], value: Any) -> Any:
    """A sum over fixed bounds: the body, with all values of the variable at once."""
    lower, upper = (float(np.asarray(each.value).real) for each in inputs[:2])
    variable = np.arange(lower, upper + 1)
    known: dict[Node, Dependence] = {node.body.variable: Dependence(variable)}
    for leaf, rank, each in zip(node.body.free, node.body.ranks, inputs[2:], strict=True):
        shape = np.shape(each.value)
        inside = np.reshape(each.value, (*shape[: len(shape) - rank], 1, *shape[len(shape) - rank :]))
        known[leaf] = Dependence(inside, each.rows, each.varies)
    outputs = node.body.nodes()
    if len(variable) == 0 or any(type(item) is sum_over for item in postorder([o for o in outputs if o is not None])):
        return _dense(inputs, value)
    nodes = [output for output in outputs if output is not None]
    found = iter(dependences(nodes, known))
    rows = [None if output is None else next(found).rows for output in outputs]
    return rows if isinstance(value, tuple) else rows[0]


def _dense(inputs: Sequence[Dependence], value: Any) -> Any:
    """All of the result depends on all of the inputs."""
    each = [rows for item in inputs if item.rows is not None for rows in _listed(item.rows)]
    width = each[0].shape[1]
    reached = np.unique(np.concatenate([rows.indices for rows in each]))
    values = value if isinstance(value, tuple) else (value,)
    result = []
    for item in values:
        number = np.size(item)
        entries = np.repeat(np.arange(number), len(reached)), np.tile(reached, number)
        result.append(_sparse(entries, (number, width)))
    return result if isinstance(value, tuple) else result[0]


def _listed(rows: Any) -> list[Any]:
    return [each for each in rows if each is not None] if isinstance(rows, list) else [rows]


# --- colours


def colours(pattern: Any) -> Any:
    """A number for each column, from 0 on, such that columns with a true entry in one row have different numbers.

    Greedy, in the order of the columns (A. R. Curtis, M. J. D. Powell, J. K. Reid, "On the estimation of sparse Jacobian matrices", 1974).

    >>> import scipy.sparse
    >>> colours(scipy.sparse.eye_array(3, k=1, format="csr") + scipy.sparse.eye_array(3, format="csr"))
    array([0, 1, 0])
    """
    rows, columns = pattern.tocsr(), pattern.tocsc()
    result = np.full(pattern.shape[1], -1)
    for column in range(pattern.shape[1]):
        taken = set[int]()
        for row in columns.indices[columns.indptr[column] : columns.indptr[column + 1]]:
            taken.update(result[rows.indices[rows.indptr[row] : rows.indptr[row + 1]]].tolist())
        colour = 0
        while colour in taken:
            colour += 1
        result[column] = colour
    return result
