"""Jacobians and Hessians as sparse matrices: columns (or rows) that have no entry in common are computed as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .derivatives import chosen_symbols, derivative, holds_complex
from .errors import ShapeError
from .feeds import Dimensions, feed_symbol
from .functions import Function
from .graph import OPERATORS
from .nodes import symbol_name
from .sparsity import Dependence, colours, dependences
from .structure import Structure

__all__ = ["SparseDerivative"]


class _Plan(NamedTuple):
    """The sparsity for arguments of some shapes, whether columns or rows are put together, and the colour of each."""

    pattern: Any
    by_columns: bool
    colours: Any


class SparseDerivative:
    """A Jacobian or Hessian of a Function at one point, as a `scipy.sparse.csr_array`. Made by `jac` and `hess` with `sparse=True`.

    Its rows are the entries of all outputs, one output after the other (of a Hessian, those of all `wrt`), its columns those of all `wrt`. Which
    entries may differ from 0 is known from the graph, and depends on the shapes of the arguments alone. As many Jacobian-vector products are
    computed, in one batch, as there are colours.

    >>> import sympy
    >>> x = sympy.MatrixSymbol("x", 5, 1)
    >>> k = sympy.Symbol("k")
    >>> f = Function(x, sympy.Sum(x[k, 0] ** 2 * x[k + 1, 0], (k, 0, 3)))
    >>> hessian = f.hess(x, sparse=True)
    >>> hessian([1.0, 2.0, 3.0, 4.0, 5.0]).toarray()
    array([[ 4.,  2.,  0.,  0.,  0.],
           [ 2.,  6.,  4.,  0.,  0.],
           [ 0.,  4.,  8.,  6.,  0.],
           [ 0.,  0.,  6., 10.,  8.],
           [ 0.,  0.,  0.,  8.,  0.]])
    >>> hessian.number_of_colours([1.0, 2.0, 3.0, 4.0, 5.0])
    3
    """

    def __init__(self, base: Function, kind: str, wrt: Any = None) -> None:
        self.base, self._which, self._wrt_given = base, kind, wrt
        self.wrt, _ = chosen_symbols(base, wrt)
        listed = list(self.wrt)
        self._values = base if kind == "jac" else derivative(base, "grad", listed)
        self._columns = derivative(base, "jvp" if kind == "jac" else "hessp", listed)
        self._plans: dict[Any, _Plan] = {}

    def __reduce__(self) -> Any:
        return type(self), (self.base, self._which, self._wrt_given)

    def __repr__(self) -> str:
        return f"<sparse {self._which} of {self.base!r}>"

    def __call__(self, *values: Any, **named: Any) -> Any:
        """The matrix at a point."""
        import scipy.sparse

        given, arrays = self._arguments(values, named)
        plan = self._plan(arrays)
        rows, columns = self._entries(plan.pattern)
        count = int(plan.colours.max(initial=-1)) + 1
        if plan.by_columns:
            data = self._products(given, arrays, plan, count)[plan.colours[columns], rows]
        else:
            data = self._transposed_products(given, arrays, plan, count)[plan.colours[rows], columns]
        return scipy.sparse.csr_array((data, plan.pattern.indices, plan.pattern.indptr), shape=plan.pattern.shape)

    def sparsity(self, *values: Any, **named: Any) -> Any:
        """Which entries may differ from 0 at points of these shapes: a sparse matrix of booleans."""
        return self._plan(self._arguments(values, named)[1]).pattern

    def number_of_colours(self, *values: Any, **named: Any) -> int:
        """How many products with vectors are computed at points of these shapes."""
        return int(self._plan(self._arguments(values, named)[1]).colours.max(initial=-1)) + 1

    # --- a call

    def _arguments(self, values: Sequence[Any], named: dict[str, Any]) -> tuple[list[Any], list[Any]]:
        """The arguments as they were given, and the array for each symbol."""
        given = self.base._bound(list(values), named)
        flat = self.base._flat(given, {})
        placeholders = {node.symbol: node for node in self.base.graph.placeholders}
        arrays = [
            np.asarray(feed_symbol(placeholders[symbol], value))
            for symbol, value in zip(self.base.args, flat, strict=True)
        ]
        dimensions = Dimensions()
        for symbol, array, core in zip(self.base.args, arrays, self.base._cores, strict=True):
            dimensions.bind(core, array.shape, symbol_name(symbol))
            if array.ndim != len(core):
                raise ShapeError(
                    f"A sparse matrix is for one point, but {symbol} was given with batch axes: {array.shape}"
                )
        return given, arrays

    def _plan(self, arrays: Sequence[Any]) -> _Plan:
        key = tuple((array.shape, array.dtype.kind) for array in arrays)
        if key not in self._plans:
            pattern = self._pattern(arrays)
            plans = [_Plan(pattern, True, colours(pattern))]
            if self._which == "jac" and not holds_complex(self.base.nodes) and not any(map(np.iscomplexobj, arrays)):
                plans.append(_Plan(pattern, False, colours(pattern.T)))
            self._plans[key] = min(plans, key=lambda plan: int(plan.colours.max(initial=-1)))
        return self._plans[key]

    def _pattern(self, arrays: Sequence[Any]) -> Any:
        """From the nodes of the outputs (or of the gradient)."""
        import scipy.sparse

        sizes = {s: a.size for s, a in zip(self.base.args, arrays, strict=True)}
        width = sum(sizes[symbol] for symbol in self.wrt)
        starts = dict(zip(self.wrt, np.cumsum([0, *[sizes[symbol] for symbol in self.wrt]]), strict=False))
        known = {}
        for node in self._values.graph.placeholders:
            if node.symbol in sizes:
                value = arrays[self.base.args.index(node.symbol)]
                rows = None
                if node.symbol in starts:
                    rows = scipy.sparse.eye_array(
                        value.size, width, k=int(starts[node.symbol]), dtype=bool, format="csr"
                    )
                known[node] = Dependence(value, rows, True)
        blocks = []
        for found in dependences(self._values.nodes, known):
            blocks.append(_empty(np.size(found.value), width) if found.rows is None else found.rows)
        pattern = scipy.sparse.vstack(blocks, format="csr")
        pattern.sum_duplicates()
        return pattern

    @staticmethod
    def _entries(pattern: Any) -> tuple[Any, Any]:
        """The row and the column of each entry, in order."""
        return np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr)), pattern.indices

    def _products(self, given: Sequence[Any], arrays: Sequence[Any], plan: _Plan, count: int) -> Any:
        """The matrix times the sum of the columns of each colour."""
        shapes = [arrays[self.base.args.index(symbol)].shape for symbol in self.wrt]
        results = Structure(self._columns(*given, *_seeds(plan.colours, count, shapes))).leaves
        return _joined(results[-len(self._values.nodes) :], count)

    def _transposed_products(self, given: Sequence[Any], arrays: Sequence[Any], plan: _Plan, count: int) -> Any:
        """The sum of the rows of each colour."""
        function = derivative(self.base, "vjp", list(self.wrt))
        shapes = [np.shape(value) for value in Structure(self.base(*given)).leaves]
        results = Structure(function(*given, *_seeds(plan.colours, count, shapes))).leaves
        return _joined(results[-len(self.wrt) :], count)


def _empty(rows: int, columns: int) -> Any:
    import scipy.sparse

    return scipy.sparse.csr_array((rows, columns), dtype=bool)


def _seeds(colour: Any, count: int, shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    """For each argument of these shapes, together as long as `colour`, the vectors that are 1 at the entries of a colour."""
    whole = np.zeros((count, len(colour)))
    whole[colour, np.arange(len(colour))] = 1.0
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    return [part.reshape(count, *shape) for part, shape in zip(np.split(whole, ends[:-1], axis=1), shapes, strict=True)]


def _joined(results: Sequence[Any], count: int) -> Any:
    """The entries of all results, one row for each colour."""
    return np.concatenate([np.reshape(result, (count, -1)) for result in results], axis=1)


OPERATORS["sparse derivative"] = SparseDerivative
