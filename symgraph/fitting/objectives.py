"""objective: a scalar expression with its derivatives, as `scipy.optimize.minimize` calls them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy

from ..errors import ArgumentError, ShapeError, brief
from ..shapes import format_shape
from .vectors import OfVector, as_real, is_condition

__all__ = ["Objective", "objective"]


_FEW = 16  # symbols, for which a node for each pair is worth its while


class Objective(OfVector):
    """What `symgraph.objective` gives: `fun`, `jac`, `fun_and_jac`, `hess` and `hessp`, each as SciPy's `minimize` calls it."""

    def __init__(self, expr: Any, x: Any, params: Any = (), *, name: str = "objective", **options: Any) -> None:
        super().__init__(_one_number(expr), x, params, name, **options)

    def fun(self, p: Any, *args: Any) -> Any:
        """The value at p, a float; p may be a number where there is one entry.

        For p of shape (n, k), k points at once, as `differential_evolution(vectorized=True)` asks for, (k,) values.
        """
        point = self._point(p)
        value = as_real(self.function(*point, *self._rest(args)), self.__name__)
        if np.ndim(value) == 0:
            return float(value)
        if np.ndim(p) == 2 and np.ndim(value) == 1:
            return value
        raise self._not_one(value)

    def jac(self, p: Any, *args: Any) -> Any:
        """The gradient at p, (n,)."""
        return self._vector(self.function.grad(self.layout.symbols)(*self._point(p), *self._rest(args)))

    def fun_and_jac(self, p: Any, *args: Any) -> tuple[float, Any]:
        """Value and gradient by one program: for `minimize(o.fun_and_jac, p0, jac=True)`."""
        value, gradient = self.function.value_and_grad(self.layout.symbols)(*self._point(p), *self._rest(args))
        if np.ndim(value):
            raise self._not_one(value)
        return float(as_real(value, self.__name__)), self._vector(gradient)

    def hessp(self, p: Any, v: Any, *args: Any) -> Any:
        """The product of the Hessian at p with the vector v, (n,)."""
        product = self.function.hessp(self.layout.symbols)
        return self._vector(product(*self._point(p), *self._rest(args), *self._point(v)))

    def hess(self, p: Any, *args: Any) -> Any:
        """The Hessian at p, (n, n)."""
        point, rest = self._point(p), self._rest(args)
        n = np.size(p)
        if len(point) == 1:  # for one array its own Hessian
            (symbol,) = self.layout.symbols
            return as_real(np.asarray(self.function.hess(symbol)(*point, *rest)), self.__name__).reshape(n, n)
        if n == len(point) <= _FEW:
            matrix = as_real(np.array(self.function.hess(self.layout.symbols)(*point, *rest)), self.__name__)
            if matrix.shape != (n, n):
                raise self._not_one(matrix)
            return matrix
        product = self.function.hessp(self.layout.symbols)
        return self._matrix(product(*point, *rest, *self.layout.unpack(np.eye(n))), n)

    def _vector(self, parts: Sequence[Any]) -> Any:
        vector = as_real(self.layout.flatten(parts), f"the derivative of {self.__name__}")
        if vector.ndim != 1:
            raise self._not_one(vector)
        return vector

    def _matrix(self, parts: Sequence[Any], n: int) -> Any:
        matrix = as_real(self.layout.flatten(parts), f"the Hessian of {self.__name__}")
        if matrix.shape != (n, n):
            raise self._not_one(matrix)
        return (matrix + matrix.T) / 2

    def _not_one(self, value: Any) -> ShapeError:
        return ShapeError(
            f"The objective {brief(self.function.outputs)} has not one value but an array of shape {np.shape(value)}: feed no batch axes, or "
            "write the sum over the data into the expression; for sums of squares there are symgraph.residuals and symgraph.fit"
        )


def _one_number(expr: Any) -> Any:
    """An expression with one value: itself, or the entry of a 1 x 1 matrix."""
    if isinstance(expr, (list, tuple, dict, sympy.Tuple)):
        raise ShapeError(
            f"An objective is one expression, not a {type(expr).__name__}; for several use symgraph.residuals"
        )
    if is_condition(expr):
        raise ArgumentError(
            f"{brief(expr)} is a condition, true or false, and no number to be minimised; for equations there is symgraph.root, for limits "
            "symgraph.constraint"
        )
    shape = getattr(expr, "shape", ())
    if shape == (1, 1):
        return expr[0, 0] if isinstance(expr, sympy.MatrixBase) else sympy.Trace(expr)
    if shape:
        raise ShapeError(
            f"An objective is one number, but {brief(expr)} has shape {format_shape(shape)}; for several use symgraph.residuals"
        )
    return expr


def objective(
    expr: Any, x: Any, params: Any = (), *, backend: Any = None, threads: int | None = None, contract: bool = True
) -> Objective:
    """An expression to be minimised, in the form of `scipy.optimize.minimize`.

    Args:
        expr: an expression with one value (a 1 x 1 matrix is one).
        x: what varies: a list of symbols, or one MatrixSymbol or IndexedBase. Their entries make up p, symbol after symbol.
        params: further symbols, whose values are given behind p (SciPy's `args=`); or a dict from them to their values.
        backend, threads, contract: as for `symgraph.function`.

    >>> import sympy
    >>> from scipy.optimize import minimize
    >>> x, y, a = sympy.symbols("x y a")
    >>> o = objective((a - x) ** 2 + 100 * (y - x**2) ** 2, [x, y], [a])
    >>> o.fun_and_jac([0.0, 1.0], 1.0)
    (101.0, array([ -2., 200.]))
    >>> minimize(o.fun, [-1.2, 1.0], args=(1.0,), jac=o.jac, hess=o.hess, method="trust-exact").x.round(6)
    array([1., 1.])
    """
    return Objective(expr, x, params, backend=backend, threads=threads, contract=contract)
