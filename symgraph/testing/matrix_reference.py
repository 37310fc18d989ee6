"""The matrix operations of `reference`: on object arrays with two axes, whose entries are SymPy numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
import sympy
from sympy.matrices.expressions import matexpr
from sympy.matrices.expressions import slice as slices
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

from .reference import Evaluation, Undetermined

__all__ = ["of_matrices"]


def of_matrices(run: Evaluation, expr: Any, parts: Sequence[Any]) -> Any:
    """The value of an expression from the values of its parts, some of them matrices."""
    for kind, build in _MATRICES.items():
        if isinstance(expr, kind):
            return build(run, expr, *parts)
    raise NotImplementedError(f"There is no reference value for a {type(expr).__name__}")


def _product(run: Evaluation, expr: Any, *parts: Any) -> Any:
    result: Any = sympy.Integer(1)
    for part in parts:
        both = isinstance(result, np.ndarray) and isinstance(part, np.ndarray)
        result = run.rounded(np.matmul(result, part) if both else result * part)
    return result


def _sum(run: Evaluation, expr: Any, *parts: Any) -> Any:
    return sum(parts[1:], parts[0])


def _entries(run: Evaluation, function: Callable[[Any], Any], array: Any) -> Any:
    return np.array([function(entry) for entry in array.reshape(-1)], dtype=object).reshape(array.shape)


def _by_mpmath(run: Evaluation, array: Any, name: str) -> Any:
    """The inverse or determinant of a matrix. Noise comes into its entries, which shows how well it is conditioned."""
    context = mpmath.MPContext()
    context.dps = run.digits + 10

    def number(entry: Any) -> Any:
        re, im = entry.as_real_imag()
        re, im = (context.mpf(part._to_mpmath(4 * run.digits)) for part in (re, im))
        return context.mpc(re, im) if im else re

    def back(entry: Any) -> Any:
        parts = [sympy.Float(part, run.digits) for part in (context.re(entry), context.im(entry))]
        return parts[0] + sympy.I * parts[1] if parts[1] else parts[0]

    matrix = context.matrix([[number(entry) for entry in row] for row in run.rounded(array)])
    try:
        result = getattr(context, name)(matrix)
    except ZeroDivisionError:
        raise Undetermined from None
    if name == "det":
        return back(result)
    return np.array([[back(result[i, j]) for j in range(len(array))] for i in range(len(array))], dtype=object)


def _power(run: Evaluation, expr: Any, base: Any, exponent: Any) -> Any:
    if exponent != int(exponent):
        raise NotImplementedError(f"There is no reference value for {expr}")
    factor = _by_mpmath(run, base, "inverse") if exponent < 0 else base
    result = np.array(sympy.eye(len(base)).tolist(), dtype=object)
    for _ in range(abs(int(exponent))):
        result = run.rounded(np.matmul(result, factor))
    return result


def _hadamard_power(run: Evaluation, expr: Any, base: Any, exponent: Any) -> Any:
    loops = np.broadcast(base, exponent)
    results = [run.scalar(sympy.Pow(sympy.Dummy(), sympy.Dummy()), (b, e)) for b, e in loops]
    return np.array(results, dtype=object).reshape(loops.shape)


def _applied(run: Evaluation, expr: Any, array: Any) -> Any:
    def of_entry(entry: Any) -> Any:
        variable = sympy.Dummy()
        result = Evaluation({**run.known, variable: entry}, run.digits, run.noise, run.real).of(expr.function(variable))
        if result is None:
            raise Undetermined
        return result

    return _entries(run, of_entry, array)


def _blocks(run: Evaluation, expr: Any, *parts: Any) -> Any:
    rows, columns = expr.blocks.shape
    blocks = [[np.atleast_2d(part) for part in parts[i * columns : (i + 1) * columns]] for i in range(rows)]
    return np.block(blocks)


def _block_diagonal(run: Evaluation, expr: Any, *parts: Any) -> Any:
    zeros = [
        [part if i == j else np.zeros((len(row), part.shape[1]), dtype=int) for j, part in enumerate(parts)]
        for i, row in enumerate(parts)
    ]
    return _entries(run, sympy.sympify, np.block(zeros).astype(object))


def _explicit(run: Evaluation, expr: Any, *parts: Any) -> Any:
    return np.array(parts, dtype=object).reshape([run.length(n) for n in expr.shape])


def _filled(run: Evaluation, expr: Any, *parts: Any) -> Any:
    rows, columns = (run.length(n) for n in expr.shape)
    if isinstance(expr, sympy.Identity):
        return np.array(sympy.eye(rows).tolist(), dtype=object)
    return np.full((rows, columns), sympy.Integer(int(isinstance(expr, sympy.OneMatrix))), dtype=object)


def _sliced(run: Evaluation, expr: Any, array: Any) -> Any:
    rows, columns = (slice(*[run.length(bound) for bound in part]) for part in (expr.rowslice, expr.colslice))
    return array[rows, columns]


def _diagonal_matrix(run: Evaluation, expr: Any, array: Any) -> Any:
    entries = array.reshape(-1) if isinstance(expr, sympy.DiagMatrix) else np.diagonal(array)
    result = np.full([run.length(n) for n in expr.shape], sympy.Integer(0), dtype=object)
    result[np.arange(len(entries)), np.arange(len(entries))] = entries
    return result


_MATRICES: dict[Any, Callable[..., Any]] = {
    (sympy.MatMul, sympy.Mul): _product,
    (sympy.MatAdd, sympy.Add): _sum,
    (sympy.Inverse, sympy.MatPow, sympy.Pow): _power,
    sympy.Transpose: lambda run, expr, x: x.T,
    sympy.Adjoint: lambda run, expr, x: _entries(run, sympy.conjugate, x.T),
    sympy.Trace: lambda run, expr, x: sum(np.diagonal(x), sympy.Integer(0)),
    sympy.Determinant: lambda run, expr, x: _by_mpmath(run, x, "det"),
    sympy.HadamardProduct: lambda run, expr, *parts: np.multiply.reduce(parts),
    sympy.HadamardPower: _hadamard_power,
    sympy.KroneckerProduct: lambda run, expr, *parts: _kron(parts),
    (sympy.Identity, sympy.ZeroMatrix, sympy.OneMatrix): _filled,
    matexpr.MatrixElement: lambda run, expr, x: x[int(expr.i), int(expr.j)],
    slices.MatrixSlice: _sliced,
    sympy.BlockDiagMatrix: _block_diagonal,
    sympy.BlockMatrix: _blocks,
    (sympy.DiagMatrix, sympy.DiagonalMatrix): _diagonal_matrix,
    sympy.DiagonalOf: lambda run, expr, x: np.diagonal(x)[:, None],
    sympy.DotProduct: lambda run, expr, x, y: np.dot(x.reshape(-1), y.reshape(-1)),
    ElementwiseApplyFunction: _applied,
    (sympy.MatrixBase, sympy.NDimArray): _explicit,
}


def _kron(parts: Sequence[Any]) -> Any:
    result = parts[0]
    for part in parts[1:]:
        result = np.kron(result, part)
    return result
