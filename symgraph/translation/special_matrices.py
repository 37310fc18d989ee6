"""Matrices that SymPy names: factors of matrices, Fourier, companion and permutation matrices, and matrices given by a function of row and column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy
from sympy.matrices.expressions import factorizations as named
from sympy.matrices.expressions.companion import CompanionMatrix
from sympy.matrices.expressions.fourier import DFT, IDFT
from sympy.matrices.expressions.permutation import MatrixPermute, PermutationMatrix
from sympy.matrices.expressions.special import GenericIdentity, GenericZeroMatrix

from ..graph import Node
from ..nodes import constant
from ..ops.array import expand_dims
from ..ops.creation import arange, full
from ..ops.factorization import (
    cholesky,
    dft,
    eigenvalues,
    eigenvectors,
    left_singular_vectors,
    lu_lower,
    lu_upper,
    qr_orthogonal,
    qr_triangular,
    right_singular_vectors,
    singular_values,
)
from ..ops.forms import diag
from ..ops.indexing import gather
from ..ops.linalg import adjoint
from ..shapes import core_shape
from .rules import Value, rule
from .scopes import evaluated, free_inputs
from .translator import Translator

_FACTORS: dict[type, Callable[[Node], Node]] = {
    named.LofLU: lu_lower,
    named.UofLU: lu_upper,
    named.LofCholesky: cholesky,
    named.UofCholesky: lambda node: adjoint(cholesky(node)),
    named.QofQR: qr_orthogonal,
    named.RofQR: qr_triangular,
    named.EigenValues: lambda node: diag(eigenvalues(node)),
    named.EigenVectors: eigenvectors,
    named.UofSVD: left_singular_vectors,
    named.SofSVD: lambda node: diag(singular_values(node)),
    named.VofSVD: right_singular_vectors,
}


def _refuse_factor(expr: Any) -> str | None:
    rows, columns = core_shape(expr.arg)
    if rows != columns:
        return "a factor of a matrix that is not square: SymPy takes all factors to have the shape of the matrix"
    return None


@rule(*_FACTORS, refuse=_refuse_factor)
def _factor(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    """A = L*U (L with ones on its diagonal) = Q*R = L*L.H = U*S*V.H; A*V = V*E with eigenvalues E."""
    value = values[0].settled
    return Value(_FACTORS[type(expr)](value.node), value.shape)


@rule(DFT)
def _fourier(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    sign = 1 if isinstance(expr, IDFT) else -1
    kind = np.result_type(translator.dtype, np.complex64)
    return Value(dft(values[0].settled.node, sign, kind), core_shape(expr))


@rule(CompanionMatrix, children=lambda expr: (expr.as_explicit(),))
def _companion(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return values[0]


@rule(PermutationMatrix, children=lambda expr: ())
def _permutation(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    order = expr.args[0].array_form
    rows = np.eye(len(order), dtype=translator.dtype)[order]
    return Value(constant(rows, graph=translator.graph), core_shape(expr))


@rule(MatrixPermute, children=lambda expr: expr.args[:1])
def _permuted(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    _, permutation, axis = expr.args
    order = constant(np.array(permutation.array_form, dtype=np.int64), graph=translator.graph)
    return Value(gather(values[0].settled.node, order, int(axis) - 2), values[0].shape)


@rule(
    sympy.FunctionMatrix,
    children=lambda expr: (*[n for n in expr.shape if not n.is_Integer], *free_inputs(expr.lamda)),
)
def _function_matrix(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    """Its function, seen as one of two scalars, at all rows and columns."""
    rows, columns = [translator.scalar(n).settled.node for n in expr.shape]
    row = expand_dims(arange(rows, dtype=translator.dtype), -1)
    column = expand_dims(arange(columns, dtype=translator.dtype), -2)
    entries = evaluated(translator, expr.lamda, [Value(row), Value(column)], 2).node
    return Value(entries + full([rows, columns], 0.0, translator.dtype), core_shape(expr))


@rule(
    GenericIdentity,
    GenericZeroMatrix,
    children=lambda expr: (),
    refuse=lambda expr: f"{type(expr).__name__} has no shape: write Identity(n) or ZeroMatrix(m, n)",
)
def _without_shape(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    raise NotImplementedError
