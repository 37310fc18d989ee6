"""Entries of arrays: `u[i + 1, j]`, `A[i, j]`, slices, and sums over products of entries that are contractions."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import sympy
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.tensor.array.expressions import ArrayElement

from ..errors import OutOfRangeError, ShapeError
from ..graph import Node, postorder
from ..nodes import Operation
from ..ops.arithmetic import multiply
from ..ops.contraction import LABELS
from ..ops.functional_sums import product_over, sum_over
from ..ops.indexing import INDEX, KEPT, element, getitem
from ..ops.logic import where
from ..ops.reduction import reduce_any
from ..ops.windows import window
from .arrays import contracted
from .rules import Value, rule
from .translator import Translator, brief

__all__ = ["as_contraction", "try_contraction"]


def _parts(expr: Any) -> tuple[Any, tuple[Any, ...]]:
    """The array that an entry is of, and its indices."""
    base, *rest = expr.args
    indices = tuple(rest[0]) if isinstance(expr, ArrayElement) else tuple(rest)
    return (sympy.Array(base) if isinstance(base, sympy.Tuple) else base), indices


def _computed(expr: Any) -> tuple[Any, ...]:
    """The array, and the indices that are no numbers."""
    base, indices = _parts(expr)
    return (base, *[index for index in indices if not index.is_Integer])


@rule(
    sympy.Indexed,
    MatrixElement,
    ArrayElement,
    children=_computed,
    refuse=lambda expr: (
        f"{_parts(expr)[0]} is a scalar symbol; use an ArraySymbol with a shape"
        if isinstance(_parts(expr)[0], sympy.Symbol)
        else None
    ),
)
def _element(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    _, indices = _parts(expr)
    rest = iter(values[1:])
    value = entry(values[0], [int(index) if index.is_Integer else next(rest) for index in indices], brief(expr))
    if len(values) > 1:
        translator.elements[value.node] = None
    return value


def entry(array: Value, indices: Sequence[Any], label: str) -> Value:
    """The entry of an array at indices: each an int, a scalar value, or None for an axis that stays."""
    if len(indices) != array.rank:
        raise ShapeError(f"{label}: {len(indices)} indices for an array with {array.rank} axes")
    for index, length in zip(indices, array.shape, strict=True):
        if isinstance(index, int) and (index < 0 or (isinstance(length, int) and index >= length)):
            within = f"[0, {length})" if isinstance(length, int) else "[0, length)"
            raise OutOfRangeError(f"{label}: the index {index} is not in {within}")
    pattern = [index if isinstance(index, int) else KEPT if index is None else INDEX for index in indices]
    nodes = [index.settled.node for index in indices if isinstance(index, Value)]
    shape = tuple(length for length, index in zip(array.shape, indices, strict=True) if index is None)
    return Value(element(array.settled.node, nodes, pattern, label), shape)


def read_where(translator: Translator, node: Node, taken: Node) -> Node:
    """`node`, where nothing is read in the rows that are not taken: the computed places that they would be read at may not exist.

    There entries are read at place 0, and sums over entries have no terms. A part of an axis is the same for all rows: it may reach beyond
    the axis if no row is taken.
    """
    new: dict[Node, Node] = {}
    for step in postorder([node]):
        inputs = [new.get(source, source) for source in step.input_nodes]
        reads = step in translator.elements
        if reads and isinstance(step, element):
            inputs[1:] = [where(taken, index, 0) for index in inputs[1:]]
        elif reads and isinstance(step, (sum_over, product_over)):
            inputs[:2] = [where(taken, inputs[0], 0), where(taken, inputs[1], -1)]
        if isinstance(step, Operation) and inputs != list(step.input_nodes):
            new[step] = step.rebuild(inputs)
        if reads and isinstance(step, window):
            new[step] = new.get(step, step).only_if(reduce_any(taken))  # type: ignore[attr-defined]
        if reads and step in new:
            translator.elements[new[step]] = None
    return new.get(node, node)


# --- slices of matrices


def _range(part: Any, length: Any) -> tuple[Any, Any, Any]:
    """Start, stop and step of a slice: int where they are known, stop None where it is the end."""
    start, stop, step = (sympy.sympify(item) for item in part)
    stop = None if stop == length else stop
    return (
        int(start) if start.is_Integer else start,
        int(stop) if stop is not None and stop.is_Integer else stop,
        step,
    )


def _ranges(expr: Any) -> list[tuple[Any, Any, Any]]:
    return [_range(part, n) for part, n in zip((expr.rowslice, expr.colslice), expr.parent.shape, strict=True)]


def _refuse_slice(expr: Any) -> str | None:
    if all(step.is_Integer and step > 0 for _, _, step in _ranges(expr)):
        return None
    return "the step of a slice must be a positive number"


@rule(
    MatrixSlice,
    children=lambda expr: (expr.parent, *[b for r in _ranges(expr) for b in r[:2] if isinstance(b, sympy.Expr)]),
    refuse=_refuse_slice,
)
def _slice(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    node = values[0].settled.node
    bounds = iter(values[1:])
    shape: list[Any] = []
    for axis, ((start, stop, step), length) in enumerate(zip(_ranges(expr), values[0].shape, strict=True), -2):
        step = int(step)
        end = length if stop is None else stop
        count = end - start if step == 1 else sympy.ceiling((sympy.sympify(end) - start) / step)
        shape.append(int(count) if sympy.sympify(count).is_Integer else count)
        if not isinstance(start, sympy.Expr) and not isinstance(stop, sympy.Expr):
            whole = (start, stop, step) == (0, None, 1)
            node = node if whole else getitem(node, (..., slice(start, stop, step), *[slice(None)] * (-axis - 1)))
            continue
        first = next(bounds).settled.node if isinstance(start, sympy.Expr) else start
        last = next(bounds) if isinstance(stop, sympy.Expr) else translator.scalar(end)
        node = window(node, first, last.settled.node, axis, step, brief(expr))
        translator.elements[node] = None
    return Value(node, tuple(shape))


# --- sums that are contractions


class _Factor(NamedTuple):
    """One factor of a summand: an expression; and, if it is an entry of an array, for each axis the summation variable and its offset, or None."""

    expr: Any
    axes: tuple[tuple[Any, int] | None, ...] = ()

    @property
    def labels(self) -> tuple[Any, ...]:
        return tuple(axis[0] for axis in self.axes if axis is not None)


def _factors(body: Any, variables: set[Any]) -> list[_Factor] | None:
    found: list[_Factor] = []
    constants: list[Any] = []
    for part in sympy.Mul.make_args(body):
        base, times = part.as_base_exp()
        if not part.has(*variables):
            constants.append(part)
        elif isinstance(base, (sympy.Indexed, MatrixElement, ArrayElement)) and times.is_Integer and 0 < times <= 8:
            axes = [_axis(index, variables) for index in _parts(base)[1]]
            if _parts(base)[0].has(*variables) or False in axes:
                return None
            found.extend([_Factor(base, tuple(axes))] * int(times))
        else:
            return None
    if constants:
        found.insert(0, _Factor(sympy.Mul(*constants)))
    return found


def _axis(index: Any, variables: set[Any]) -> Any:
    """(variable, offset) for an index `variable + offset`; None if no summation variable occurs in it; False for anything else."""
    within = [variable for variable in variables if index.has(variable)]
    if not within:
        return None
    offset = index - within[0]
    return (within[0], int(offset)) if offset.is_Integer else False


def _analysed(expr: Any) -> list[_Factor] | None:
    """The factors of a sum over products of entries; None if it is not of that form."""
    variables = {limit[0] for limit in expr.limits}
    if len(variables) != len(expr.limits) or not all(len(limit) == 3 for limit in expr.limits):
        return None
    if any(bound.has(*variables) for limit in expr.limits for bound in limit[1:]):
        return None
    factors = _factors(expr.function, variables)
    if factors is None or {label for factor in factors for label in factor.labels} != variables:
        return None
    return factors


def as_contraction(expr: Any) -> tuple[tuple[Any, ...], str] | None:
    """The factors of a sum over products of entries, and the contraction that it is: a term for each factor with the letters of its summed axes.

    None where some factor is not an entry with plain summation variables (and constant offsets) as indices, or a variable occurs in none.

    >>> i, j, k, n = sympy.symbols("i j k n", integer=True)
    >>> A, B = sympy.IndexedBase("A", shape=(n, n)), sympy.IndexedBase("B", shape=(n, n))
    >>> as_contraction(sympy.Sum(A[i, k] * B[k, j], (k, 0, n - 1)))
    ((A[i, k], B[k, j]), 'a,a->')
    """
    factors = _analysed(expr)
    if factors is None:
        return None
    letters = {limit[0]: LABELS[place] for place, limit in enumerate(expr.limits)}
    terms = ["".join(letters[label] for label in factor.labels) for factor in factors]
    return tuple(factor.expr for factor in factors), f"{','.join(terms)}->"


def try_contraction(translator: Translator, expr: Any) -> Value | None:
    """The value of a `sympy.Sum` of any number of limits as one contraction; None where it is not one.

    The bounds must be numbers, or expressions in the dimensions of what is fed, so that every row of a batch has the same. Where they are not
    exactly an array's axis, the part of the axis is taken; a run raises OutOfRangeError where they reach beyond it.
    """
    factors = _analysed(expr)
    if factors is None:
        return None
    for base in [_parts(factor.expr)[0] for factor in factors if factor.axes]:
        if translator.is_leaf(base) and not (translator.strict and translator.unbound([base])):
            translator.leaf(base)  # so that its dimensions are known
    if not all(_is_range(translator, *limit[1:]) for limit in expr.limits):
        return None
    limits = {limit[0]: (limit[1], limit[2]) for limit in expr.limits}
    values = [_operand(translator, factor, limits) for factor in factors]
    numbers = [value for value, factor in zip(values, factors, strict=True) if not factor.axes]
    arrays = [(value, factor.labels) for value, factor in zip(values, factors, strict=True) if factor.axes]
    result = contracted([value for value, _ in arrays], [labels for _, labels in arrays], ())
    if not numbers:
        return result
    return Value(functools.reduce(multiply, [value.settled.node for value in [*numbers, result]]))


def _is_range(translator: Translator, low: Any, high: Any) -> bool:
    """Whether low..high is one range for the whole batch, and not empty beyond the empty sum for any dimensions from 1 on."""
    count = sympy.expand(high + 1 - low)
    symbols = sorted((low.free_symbols | high.free_symbols), key=str)
    if not all(translator.is_dimension(symbol) for symbol in symbols):
        return False
    if not (low.is_integer is not False and high.is_integer is not False and count.is_polynomial(*symbols)):
        return False
    if not symbols:
        return bool(low.is_Integer and high.is_Integer and count >= 0)
    coefficients = sympy.Poly(count, *symbols).as_dict()
    rising = all(value >= 0 for powers, value in coefficients.items() if any(powers))
    return bool(rising and count.subs(dict.fromkeys(symbols, 1)) >= 0)


def _operand(translator: Translator, factor: _Factor, limits: dict[Any, tuple[Any, Any]]) -> Value:
    """The array of a factor, with only its summed axes, each cut to the range of its variable."""
    if not factor.axes:
        return translator.scalar(factor.expr)
    base, indices = _parts(factor.expr)
    label = brief(factor.expr)
    fixed = [index for index, axis in zip(indices, factor.axes, strict=True) if axis is None and not index.is_Integer]
    array, *values = translator.translate([base, *fixed])
    rest = iter(values)
    chosen = [
        None if axis is not None else int(index) if index.is_Integer else next(rest)
        for index, axis in zip(indices, factor.axes, strict=True)
    ]
    value = array.settled if all(index is None for index in chosen) else entry(array, chosen, label)
    if value.rank != len(factor.labels):
        raise ShapeError(f"{label}: {len(indices)} indices for an array with {array.rank} axes")
    node, shape = value.node, list(value.shape)
    for place, axis in enumerate([axis for axis in factor.axes if axis is not None]):
        low, high = (bound + axis[1] for bound in limits[axis[0]])
        count = sympy.expand(high + 1 - low)
        if low != 0 or sympy.expand(count - shape[place]) != 0:
            start, stop = (bound.settled.node for bound in translator.translate([low, sympy.expand(high + 1)]))
            node = window(node, start, stop, place - len(shape), 1, label)
            translator.elements[node] = None
            shape[place] = int(count) if count.is_Integer else count
    return Value(node, tuple(shape))
