"""Explicit matrices and arrays, whose entries are scalars, which may be batches; and expressions of symbolic arrays."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import sympy
from sympy.tensor.array.expressions import (
    ArrayAdd,
    ArrayContraction,
    ArrayDiagonal,
    ArrayElementwiseApplyFunc,
    ArraySymbol,
    ArrayTensorProduct,
    OneArray,
    PermuteDims,
    Reshape,
    ZeroArray,
)
from sympy.tensor.array.expressions.array_expressions import get_rank

from ..errors import UnsupportedExpressionError
from ..nodes import Constant, constant
from ..ops.array import permute_core
from ..ops.contraction import LABELS, einsum, reshape_core
from ..ops.creation import assemble, full
from ..ops.parts import cast
from ..shapes import core_shape
from .rules import Value, rule
from .scalars import total
from .scopes import applied, free_inputs
from .translator import Translator

__all__ = ["ArraySymbol", "Network", "contracted", "network"]


@rule(sympy.MatrixBase, sympy.NDimArray, children=lambda expr: tuple(map(sympy.sympify, _entries(expr))))
def _explicit(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    shape = tuple(int(n) for n in expr.shape)
    nodes = [value.settled.node for value in values]
    if all(isinstance(node, Constant) for node in nodes):
        entries = [node.value for node in nodes if isinstance(node, Constant)]
        kind = complex if any(isinstance(entry, complex) for entry in entries) else float
        dtype = np.result_type(translator.dtype, np.complex64) if kind is complex else translator.dtype
        return Value(constant(np.array(entries, dtype=dtype).reshape(shape), graph=translator.graph), shape)
    if any(node.dtype == bool for node in nodes) and not all(node.dtype == bool for node in nodes):
        nodes = [cast(node, translator.dtype) if node.dtype == bool else node for node in nodes]
    return Value(assemble(nodes, shape), shape)


def _entries(expr: Any) -> Sequence[Any]:
    """All entries in row-major order."""
    if isinstance(expr, sympy.MatrixBase):
        return list(expr.flat())
    return list(expr.reshape(len(expr))) if expr.rank() else [expr[()]]


# --- array expressions: tensor products, contractions, diagonals and orders of axes are one sum of products


class Network(NamedTuple):
    """Operands, the labels of each one's axes, and the labels that stay: the sum over all other labels of the product of the operands."""

    operands: tuple[Any, ...]
    labels: tuple[tuple[int, ...], ...]
    output: tuple[int, ...]


_JOINTS = (ArrayTensorProduct, ArrayContraction, ArrayDiagonal, PermuteDims)


def network(expr: Any) -> Network:
    """A nest of tensor products, contractions, diagonals and permutations of axes as one sum of products.

    >>> A, B = ArraySymbol("A", (2, 3)), ArraySymbol("B", (3, 4))
    >>> network(ArrayContraction(ArrayTensorProduct(A, B), (1, 2)))
    Network(operands=(A, B), labels=((0, 2), (2, 1)), output=(0, 1))
    """
    fresh = itertools.count()
    output = tuple(itertools.islice(fresh, get_rank(expr)))
    operands: list[Any] = []
    labels: list[tuple[int, ...]] = []
    stack: list[tuple[Any, tuple[int, ...]]] = [(expr, output)]
    while stack:
        part, axes = stack.pop()
        if isinstance(part, _JOINTS):
            stack.extend(reversed(_inside(part, axes, fresh)))
        else:
            operands.append(part)
            labels.append(axes)
    return Network(tuple(operands), tuple(labels), output)


def _inside(expr: Any, axes: tuple[int, ...], fresh: Iterator[int]) -> list[tuple[Any, tuple[int, ...]]]:
    """The parts of an expression whose axes have these labels, with the labels of theirs."""
    if isinstance(expr, ArrayTensorProduct):
        rest = iter(axes)
        return [(part, tuple(itertools.islice(rest, get_rank(part)))) for part in expr.args]
    if isinstance(expr, PermuteDims):
        inner = [0] * len(axes)
        for place, label in enumerate(axes):
            inner[expr.permutation(place)] = label
        return [(expr.expr, tuple(inner))]
    groups = expr.contraction_indices if isinstance(expr, ArrayContraction) else expr.diagonal_indices
    free = len(axes) - (len(groups) if isinstance(expr, ArrayDiagonal) else 0)
    joint = axes[free:] if isinstance(expr, ArrayDiagonal) else tuple(itertools.islice(fresh, len(groups)))
    by_place = {int(place): label for group, label in zip(groups, joint, strict=True) for place in group}
    rest = iter(axes[:free])
    rank = free + len(by_place)
    return [(expr.expr, tuple(by_place[place] if place in by_place else next(rest) for place in range(rank)))]


@rule(*_JOINTS, children=lambda expr: network(expr).operands)
def _network(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return contracted(values, network(expr).labels, network(expr).output)


def contracted(values: Sequence[Value], labels: Sequence[Sequence[Any]], output: Sequence[Any]) -> Value:
    """The sum over all labels that are not in `output` of the products of the values' entries, as one operation."""
    lengths: dict[Any, Any] = {}
    for value, axes in zip(values, labels, strict=True):
        if value.rank != len(axes):
            raise UnsupportedExpressionError(
                f"a product of arrays in which SymPy takes {len(axes)} axes for {value.rank}"
            )
        for label, length in zip(axes, value.shape, strict=True):
            if not isinstance(lengths.get(label), int):
                lengths[label] = length
    shape = tuple(lengths[label] for label in output)
    nodes = [value.settled.node for value in values]
    if len(nodes) == 1 and len(labels[0]) == len(output) and set(labels[0]) == set(output):
        order = [labels[0].index(label) - len(output) for label in output]
        return Value(permute_core(nodes[0], order) if order else nodes[0], shape)
    letters = {label: LABELS[place] for place, label in enumerate(lengths)}
    terms = ["..." + "".join(letters[label] for label in axes) for axes in labels]
    return Value(einsum(f"{','.join(terms)}->...{''.join(letters[label] for label in output)}", *nodes), shape)


@rule(ArrayAdd)
def _array_add(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return total(values)


@rule(ZeroArray, OneArray, children=lambda expr: ())
def _filled(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    lengths = [translator.scalar(dim).settled.node for dim in expr.shape]
    return Value(full(lengths, 1.0 if isinstance(expr, OneArray) else 0.0, translator.dtype), core_shape(expr))


@rule(ArrayElementwiseApplyFunc, children=lambda expr: (expr.expr, *free_inputs(expr.function)))
def _apply_to_entries(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return applied(translator, expr.function, values[0])


@rule(Reshape, children=lambda expr: (expr.expr,))
def _reshape(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    value = values[0].settled
    lengths = [dim if isinstance(dim, int) else translator.scalar(dim).settled.node for dim in core_shape(expr)]
    return Value(reshape_core(value.node, lengths, value.rank), core_shape(expr))
