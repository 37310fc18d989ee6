"""Random matrix expressions as a hypothesis strategy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy
from hypothesis import reject
from hypothesis import strategies as st
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

__all__ = ["matrix_expressions"]


class _Matrices:
    """Draws matrix expressions of a wanted shape."""

    def __init__(self, draw: Any, symbols: Sequence[Any]) -> None:
        self.draw = draw
        self.matrices = [s for s in symbols if isinstance(s, sympy.MatrixSymbol)]
        self.scalars = [s for s in symbols if not isinstance(s, sympy.MatrixSymbol)]
        dims = [dim for m in self.matrices for dim in m.shape]
        self.dims = sorted(dict.fromkeys(dims), key=str)

    def matrix(self, shape: tuple[Any, Any], size: int) -> Any:
        """An expression of about `size` parts."""
        ways = [self._leaf] if size <= 1 else [self._leaf, *self._ways(shape)]
        way = ways[-1 - self.draw(st.integers(0, len(ways) - 1))]
        return way(shape, size)

    def _ways(self, shape: tuple[Any, Any]) -> list[Any]:
        rows, columns = shape
        ways = [
            self._sum,
            self._product,
            self._scaled,
            self._hadamard,
            self._transposed,
            self._applied,
            self._hadamard_power,
        ]
        if rows == columns:
            ways += [self._inverse, self._solved, self._power]
            ways += [self._diagonal] if rows != 1 else []
        if rows.is_Integer and columns.is_Integer:
            ways += [self._sliced]
            ways += [self._stacked] if rows > 1 else []
            ways += [self._kron] if rows % 2 == 0 or columns % 2 == 0 else []
            ways += [self._explicit] if rows * columns <= 4 else []
            ways += [self._block_diagonal] if rows == columns and rows > 1 else []
        ways += [self._diagonal_of] if columns == 1 else []
        return ways

    def _leaf(self, shape: tuple[Any, Any], size: int) -> Any:
        found = [m for m in self.matrices if m.shape == shape] + [m.T for m in self.matrices if m.shape == shape[::-1]]
        special = [sympy.OneMatrix(*shape), sympy.ZeroMatrix(*shape)]
        if shape[0] == shape[1]:
            special.insert(0, sympy.Identity(shape[0]))
        return self.draw(st.sampled_from(3 * found + special))

    def _regular(self, n: Any, size: int) -> Any:
        """A matrix whose inverse is well conditioned."""
        square = [m for m in self.matrices if m.shape == (n, n)]
        if square and not self.draw(st.booleans()):
            return self.draw(st.sampled_from(square + [m.T for m in square]))
        inner = self.matrix((n, self.dim()), size - 2)
        return sympy.Identity(n) + inner * inner.T

    def dim(self) -> Any:
        return self.draw(st.sampled_from(self.dims))

    def _sum(self, shape: Any, size: int) -> Any:
        first, second = self.matrix(shape, size // 2), self.matrix(shape, size // 2)
        return first + second if self.draw(st.booleans()) else first - second

    def _product(self, shape: Any, size: int) -> Any:
        inner = self.dim()
        return self.matrix((shape[0], inner), size // 2) * self.matrix((inner, shape[1]), size // 2)

    def _scaled(self, shape: Any, size: int) -> Any:
        return self.scalar(size // 2) * self.matrix(shape, size // 2)

    def _hadamard(self, shape: Any, size: int) -> Any:
        return sympy.hadamard_product(self.matrix(shape, size // 2), self.matrix(shape, size // 2))

    def _hadamard_power(self, shape: Any, size: int) -> Any:
        return sympy.HadamardPower(self.matrix(shape, size - 1), self.draw(st.sampled_from([2, 3, -1])))

    def _transposed(self, shape: Any, size: int) -> Any:
        kind = self.draw(st.sampled_from([sympy.Transpose, sympy.Adjoint]))
        return kind(self.matrix(shape[::-1], size - 1))

    def _applied(self, shape: Any, size: int) -> Any:
        t = sympy.Dummy("t", real=True)
        bodies = [sympy.sin(t), sympy.tanh(t), sympy.exp(-t), t**2 + 1, sympy.Abs(t)] + [t * s for s in self.scalars]
        result = self.matrix(shape, size - 1).applyfunc(sympy.Lambda(t, self.draw(st.sampled_from(bodies))))
        if not isinstance(result, ElementwiseApplyFunction):
            reject()  # SymPy makes a function of a 1 x 1 matrix of it
        return result

    def _inverse(self, shape: Any, size: int) -> Any:
        return sympy.Inverse(self._regular(shape[0], size))

    def _solved(self, shape: Any, size: int) -> Any:
        regular, other = self._regular(shape[0], size // 2), self.matrix(shape, size // 2)
        return regular.inv() * other if self.draw(st.booleans()) else other * regular.inv()

    def _power(self, shape: Any, size: int) -> Any:
        return sympy.MatPow(self.matrix(shape, size - 1), self.draw(st.integers(0, 3)))

    def _diagonal(self, shape: Any, size: int) -> Any:
        return sympy.DiagMatrix(self.matrix((shape[0], sympy.Integer(1)), size - 1))

    def _diagonal_of(self, shape: Any, size: int) -> Any:
        return sympy.DiagonalOf(self.matrix((shape[0], shape[0]), size - 1))

    def _sliced(self, shape: Any, size: int) -> Any:
        top, left = self.draw(st.integers(0, 1)), self.draw(st.integers(0, 1))
        rows, columns = shape
        return self.matrix((rows + 1, columns + 1), size - 1)[top : top + rows, left : left + columns]

    def _stacked(self, shape: Any, size: int) -> Any:
        rows, columns = shape
        return sympy.BlockMatrix(
            [[self.matrix((rows - 1, columns), size // 2)], [self.matrix((sympy.Integer(1), columns), size // 2)]]
        )

    def _block_diagonal(self, shape: Any, size: int) -> Any:
        n = shape[0] - 1
        one = sympy.Integer(1)
        return sympy.BlockDiagMatrix(self.matrix((one, one), size // 2), self.matrix((n, n), size // 2))

    def _kron(self, shape: Any, size: int) -> Any:
        a, b = (sympy.Integer(2 if n % 2 == 0 else 1) for n in shape)
        return sympy.KroneckerProduct(
            self.matrix((a, b), size // 2), self.matrix((shape[0] / a, shape[1] / b), size // 2)
        )

    def _explicit(self, shape: Any, size: int) -> Any:
        rows, columns = (int(n) for n in shape)
        entries = [self.scalar(size // (rows * columns)) for _ in range(rows * columns)]
        return sympy.ImmutableMatrix(rows, columns, entries)

    def _entry(self, matrix: Any) -> Any:
        """Its first entry; but SymPy would invert matrices of symbols for it, which takes minutes at 4 x 4, and of expressions hours."""
        for power in matrix.atoms(sympy.MatPow):  # inverses are of them
            small = power.base.is_symbol and power.base.shape[0] in (1, 2)
            if power.base.atoms(sympy.MatrixBase) or not (small or power.exp.is_nonnegative):
                reject()
        return matrix[0, 0]

    def scalar(self, size: int) -> Any:
        """A number, most often one made of matrices."""
        numbers = [sympy.Integer(2), sympy.Rational(-1, 3), sympy.pi, *self.scalars]
        if size <= 1:
            return self.draw(st.sampled_from(numbers))
        n, m = self.dim(), self.dim()
        ways = [
            lambda: self._entry(self.matrix((n, m), size - 1)),
            lambda: sympy.Trace(self.matrix((n, n), size - 1)),
            lambda: sympy.Determinant(self._regular(n, size - 1)),
            lambda: sympy.DotProduct(*[self.matrix((n, sympy.Integer(1)), size // 2) for _ in range(2)]),
            lambda: sympy.sin(self.scalar(size - 1)) + self.scalar(size // 2),
        ]
        return ways[self.draw(st.integers(0, len(ways) - 1))]()


@st.composite
def matrix_expressions(draw: Any, symbols: Sequence[Any], *, max_size: int = 8, scalar: bool | None = None) -> Any:
    """Random expressions of `symbols`: MatrixSymbols, with integers or symbols for dimensions, and real Symbols.

    Args:
        symbols: which may occur in it; at least one MatrixSymbol.
        max_size: about how many parts it has.
        scalar: whether it is a number (an entry, trace, determinant, ...) or a matrix; None for either.

    Inverses are of matrices that are regular for the values which `values_for` draws.

    >>> from hypothesis import find
    >>> A = sympy.MatrixSymbol("A", 2, 2)
    >>> find(matrix_expressions([A]), lambda e: isinstance(e, sympy.Inverse)).shape
    (2, 2)
    """
    builder = _Matrices(draw, symbols)
    size = draw(st.integers(1, max_size))
    try:
        if scalar or (scalar is None and draw(st.booleans())):
            result = builder.scalar(size)
        else:
            result = builder.matrix((builder.dim(), builder.dim()), size)
    except (ValueError, TypeError, AttributeError, NotImplementedError, IndexError):  # SymPy's own
        reject()
    if result.has(
        sympy.Sum, sympy.nan, sympy.zoo
    ):  # an entry of a product may have become a sum over a symbolic dimension
        reject()
    return result
