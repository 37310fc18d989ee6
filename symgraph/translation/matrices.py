"""Matrix expressions. A value of one is a batch of matrices: the last two axes are rows and columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

from ..graph import Node
from ..nodes import Constant, constant
from ..ops.arithmetic import divide, multiply, power
from ..ops.contraction import LABELS, einsum
from ..ops.creation import eye, full
from ..ops.forms import diag, diag_part, join, kron
from ..ops.indexing import getitem
from ..ops.linalg import adjoint, determinant, matmul, matrix_transpose, solve, trace
from ..ops.parts import conjugate
from .rules import Value, elementwise, rule, spread
from .scalars import scalar_product, total
from .scopes import applied, free_inputs
from .translator import Translator

_SMALL = 8  # rows of an identity matrix that is written down


def _node(value: Value) -> Node:
    return value.settled.node


@rule(sympy.MatAdd)
def _matadd(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return total(values)


@rule(sympy.MatMul)
def _matmul(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return product(translator, values)


def product(translator: Translator, values: Sequence[Value]) -> Value:
    """The product of scalars and matrices. `A**-1 * b` and `b * A**-1` become solves; several matrices are multiplied in the best order for their
    sizes when they are there.
    """
    scalars = [value for value in values if not value.shape]
    matrices = [value for value in values if value.shape]
    negated = sum(value.negated for value in matrices) % 2 == 1
    chain = [value._replace(negated=False) for value in matrices]
    chain = _with_chains(chain)
    from_right = chain[-1].shape[-1] == 1 or (chain[0].shape[-2] != 1 and chain[0].inverted)
    while len(chain) > 1:
        at = len(chain) - 2 if from_right else 0
        chain[at : at + 2] = [_times(chain[at], chain[at + 1])]
    result = chain[0].settled if scalars else chain[0]
    if not scalars:
        return result._replace(negated=negated)
    factor = scalar_product(translator, scalars)
    node, scale = result.node, spread(Value(factor.node), result.rank)
    if factor.inverted:
        node = divide(node, scale)
    elif not (isinstance(scale, Constant) and scale.value == 1):
        node = multiply(scale, node)
    return Value(node, result.shape, negated ^ factor.negated)


def _with_chains(factors: list[Value]) -> list[Value]:
    """The factors, with those after the last inverse as one, if they are three or more."""
    start = max((place for place, value in enumerate(factors) if value.inverted), default=-1) + 1
    rest = factors[start:]
    if len(rest) < 3:
        return factors
    shape = (rest[0].shape[-2], rest[-1].shape[-1])
    terms = [f"...{LABELS[i]}{LABELS[i + 1]}" for i in range(len(rest))]
    equation = f"{','.join(terms)}->...{LABELS[0]}{LABELS[len(rest)]}"
    return [*factors[:start], Value(einsum(equation, *[value.node for value in rest]), shape)]


def _times(a: Value, b: Value) -> Value:
    shape = (a.shape[-2], b.shape[-1])
    if a.inverted and b.inverted:
        return Value(matmul(b.node, a.node), shape, inverted=True)
    if a.inverted:
        return Value(solve(a.node, b.node), shape)
    if b.inverted:  # a b**-1 = (b.T**-1 a.T).T
        return Value(matrix_transpose(solve(matrix_transpose(b.node), matrix_transpose(a.node))), shape)
    return Value(matmul(a.node, b.node), shape)


@rule(sympy.Inverse, children=lambda expr: expr.args[:1])
def _inverse(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return values[0]._replace(inverted=not values[0].inverted)


@rule(sympy.Transpose)
def _transpose(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    (value,) = values
    return (
        Value(matrix_transpose(value.node), value.shape[::-1], value.negated, value.inverted) if value.shape else value
    )


@rule(sympy.Adjoint, sympy.adjoint, sympy.transpose)
def _adjoint(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    (value,) = values
    if isinstance(expr, sympy.transpose):
        return _transpose(translator, expr, values)
    return Value(adjoint(_node(value)), value.shape[::-1]) if value.shape else Value(conjugate(_node(value)))


@rule(sympy.Trace)
def _trace(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return Value(trace(_node(values[0])))


@rule(sympy.Determinant)
def _determinant(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    (value,) = values
    if value.inverted and not value.negated:
        return Value(determinant(value.node), inverted=True)
    return Value(determinant(_node(value)))


@rule(sympy.HadamardProduct)
def _hadamard_product(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    nodes, shape = elementwise(values)
    result = nodes[0]
    for node in nodes[1:]:
        result = multiply(result, node)
    return Value(result, shape)


@rule(sympy.HadamardPower)
def _hadamard_power(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    base = values[0]
    if expr.exp.is_Rational and base.shape:
        from .scalars import rational_power

        entries = rational_power(translator, Value(_node(base)), expr.exp).settled
        return Value(entries.node, base.shape)
    nodes, shape = elementwise(values)
    return Value(power(*nodes), shape)


@rule(sympy.KroneckerProduct)
def _kronecker(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    result, shape = _node(values[0]), values[0].shape
    for value in values[1:]:
        result = kron(result, _node(value))
        shape = (shape[0] * value.shape[0], shape[1] * value.shape[1])
    return Value(result, shape)


def _dims(expr: Any) -> tuple[Any, ...]:
    return tuple(int(n) if isinstance(n, (int, sympy.Integer)) else n for n in expr.shape)


@rule(sympy.Identity, sympy.ZeroMatrix, sympy.OneMatrix)
def _patterned(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    if isinstance(expr, sympy.Identity) and all(isinstance(n, int) and n <= _SMALL for n in _dims(expr)):
        return Value(constant(np.eye(_dims(expr)[0], dtype=translator.dtype)), _dims(expr))
    lengths = [_node(value) for value in values]
    if isinstance(expr, sympy.Identity):
        return Value(eye(lengths[0], dtype=translator.dtype), _dims(expr))
    return Value(full(lengths, 1.0 if isinstance(expr, sympy.OneMatrix) else 0.0, translator.dtype), _dims(expr))


@rule(sympy.BlockMatrix, children=lambda expr: tuple(expr.blocks))
def _blocks(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    count = expr.blocks.shape[1]
    nodes = [_node(value) for value in values]
    rows = [_joined(nodes[i : i + count], -1) for i in range(0, len(nodes), count)]
    return Value(_joined(rows, -2), _dims(expr))


def _joined(nodes: Sequence[Node], axis: int) -> Node:
    return nodes[0] if len(nodes) == 1 else join(nodes, axis)


@rule(sympy.BlockDiagMatrix, children=lambda expr: tuple(expr.diag))
def _block_diagonal(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    rows = []
    for i, value in enumerate(values):
        blocks = []
        for j, other in enumerate(values):
            if i == j:
                blocks.append(_node(value))
            else:
                lengths = [_node(translator.scalar(n)) for n in (value.shape[0], other.shape[1])]
                blocks.append(full(lengths, 0.0, translator.dtype))
        rows.append(_joined(blocks, -1))
    return Value(_joined(rows, -2), _dims(expr))


@rule(sympy.DiagMatrix, sympy.DiagonalMatrix)
def _diagonal_matrix(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    (value,) = values
    if isinstance(expr, sympy.DiagonalMatrix):  # the matrix with everything off its diagonal removed
        rows, columns = (_node(translator.scalar(n)) for n in _dims(expr))
        return Value(
            multiply(_node(value), eye(rows, columns, dtype=translator.dtype)),
            _dims(expr),
        )
    return Value(diag(reshape_vector(_node(value), value.shape)), _dims(expr))


def reshape_vector(node: Node, shape: Sequence[Any]) -> Node:
    """A column or row as an array with one axis."""
    return getitem(node, (..., 0) if shape[-1] == 1 else (..., 0, slice(None)))


@rule(sympy.DiagonalOf)
def _diagonal_of(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    rows, columns = values[0].shape  # SymPy itself fails to give the shape for an explicit matrix
    length = rows if rows == columns else _dims(expr)[0]
    return Value(getitem(diag_part(_node(values[0])), (..., None)), (length, 1))


@rule(sympy.DotProduct)
def _dot_product(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    from ..ops.reduction import reduce_sum

    first, second = (reshape_vector(_node(value), value.shape) for value in values)
    return Value(reduce_sum(multiply(first, second), -1))


@rule(ElementwiseApplyFunction, children=lambda expr: (expr.expr, *free_inputs(expr.function)))
def _applyfunc(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return applied(translator, expr.function, values[0])


@rule(sympy.MatrixExpr, refuse=lambda expr: f"{type(expr).__name__} has no translation")
def _unknown_matrix(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    raise NotImplementedError
