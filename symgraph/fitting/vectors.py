"""Functions of one vector, as SciPy's consumers call them: `OfVector`, and `residuals` of it, with values in a vector too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanAtom, BooleanFunction

from ..arguments import argument_list
from ..errors import ArgumentError, FeedError, brief
from ..functions import Function
from ..structure import Structure
from .layout import Layout, cores_of, real_vector, symbols_of

__all__ = ["OfVector", "Residuals", "as_differences", "is_condition", "params_of", "residuals", "values_behind"]


class OfVector:
    """Expressions as functions of one vector p of shape (n,), and of further values behind it (SciPy's `args=`).

    Attributes:
        layout: the symbols that make up p.
        params: the symbols of the further values, in order.
        function: the Function of all of them.
    """

    def __init__(self, outputs: Any, x: Any, params: Any, name: str, **options: Any) -> None:
        symbols = symbols_of(x, "x")
        self.params, self._given = params_of(params)
        self.function = Function([*symbols, *self.params], outputs, name=name, **options)
        self.layout = Layout(symbols, cores_of(self.function))
        self.__name__ = name

    def __repr__(self) -> str:
        behind = f", given {', '.join(map(str, self.params))}" if self.params else ""
        return f"<symgraph {type(self).__name__} of {self.layout}{behind}: {brief(self.function.outputs)}>"

    def _point(self, p: Any) -> list[Any]:
        return self.layout.unpack(real_vector(p, "p"))

    def _rest(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The values of `params`, checked for their number."""
        return values_behind("p", self.params, self._given, args)


def params_of(params: Any) -> tuple[tuple[Any, ...], tuple[Any, ...] | None]:
    """The symbols of `params`, and their values where it is a dict, else None."""
    if isinstance(params, Mapping):
        return tuple(params), tuple(params.values())
    return tuple(argument_list(params)), None


def values_behind(
    first: str, params: tuple[Any, ...], given: tuple[Any, ...] | None, args: tuple[Any, ...]
) -> tuple[Any, ...]:
    """The values of `params`: args, or those `given` where there are no args. ArgumentError where their number is wrong."""
    if given is not None and not args:
        return given
    if len(args) != len(params):
        wanted = ", ".join(map(str, params)) or "nothing"
        raise ArgumentError(
            f"Behind {first} the values of {wanted} are needed, which SciPy passes on from args=(...), but {len(args)} values were given"
        )
    return args


def as_real(value: Any, what: str) -> Any:
    """`value` with a real dtype, float64 or narrower; FeedError where it is complex."""
    if np.iscomplexobj(value):
        raise FeedError(
            f"{what} is complex, {np.ravel(value)[:1]} for instance; take its real part, re(...), or its size, Abs(...)"
        )
    return value


def as_differences(outputs: Any) -> Any:
    """Equations as what must be 0: Eq(a, b) as a - b; in lists too. ArgumentError for other conditions, which are no numbers."""
    structure = Structure(outputs)
    leaves = [e.lhs - e.rhs if isinstance(e, sympy.Equality) else e for e in structure.leaves]
    for leaf in filter(is_condition, leaves):
        raise ArgumentError(
            f"{brief(leaf)} is no equation but a condition, true or false; write an expression, or Eq(a, b)"
        )
    return structure.rebuild(leaves)


def is_condition(expr: Any) -> bool:
    """Whether an expression is true or false, and no number. (A Symbol may be both, and is taken for a number.)"""
    return isinstance(expr, (Relational, BooleanFunction, BooleanAtom, bool))


class Residuals(OfVector):
    """What `symgraph.residuals` gives: `fun(p, *args)` of shape (m,) and `jac(p, *args)` of shape (m, n)."""

    def __init__(self, expr: Any, x: Any, params: Any = (), *, name: str = "residuals", **options: Any) -> None:
        structure = Structure(as_differences(expr))
        self.is_single = structure.is_leaf
        leaves = structure.leaves
        scalars = not any(getattr(leaf, "shape", ()) for leaf in leaves)
        outputs: Any = leaves[0] if self.is_single else sympy.Matrix(leaves) if scalars and leaves else leaves
        self._is_column = scalars and not self.is_single
        super().__init__(outputs, x, params, name, **options)
        if not leaves:
            raise ArgumentError("There are no expressions: name at least one")

    def values(self, p: Any, *args: Any) -> Any:
        """The values: batch axes, then the expression's own axes; of a list of expressions one axis with all of them."""
        return as_real(self._joined(self.function(*self._arguments(p, args)), 0), self.__name__)

    def jacobian(self, p: Any, *args: Any) -> Any:
        """The derivatives of `values`, with a last axis of length n."""
        derivatives = self.function.jac(self.layout.symbols)(*self._arguments(p, args))
        if not self.is_single and not self._is_column:
            return as_real(self._joined([self.layout.flatten(parts) for parts in derivatives], 1), self.__name__)
        return as_real(self._joined(self.layout.flatten(derivatives), 1), self.__name__)

    def _arguments(self, p: Any, args: tuple[Any, ...]) -> list[Any]:
        """The values of all symbols. Several points are an axis in front of all batch axes that args have."""
        point, rest = self._point(p), self._rest(args)
        if np.ndim(p) == 2:
            ranks = self.function._ranks[len(point) :]
            axes = max((np.ndim(value) - rank for value, rank in zip(rest, ranks, strict=True)), default=0)
            point = [value.reshape(len(value), *[1] * axes, *value.shape[1:]) for value in point]
        return [*point, *rest]

    def _joined(self, outputs: Any, behind: int) -> Any:
        """The outputs of a list on one axis, with `behind` axes behind it."""
        if self.is_single:
            return np.asarray(outputs)
        ranks = [len(shape) for shape in self.function._default.translation.shapes]
        parts = [outputs] if self._is_column else outputs
        flat = [
            part.reshape(*part.shape[: part.ndim - rank - behind], -1, *part.shape[part.ndim - behind :])
            for part, rank in zip(map(np.asarray, parts), ranks, strict=True)
        ]
        return np.concatenate(flat, axis=-1 - behind)

    def fun(self, p: Any, *args: Any) -> Any:
        """All residuals in one vector, (m,). For p of shape (n, k), k points at once, they are (m, k)."""
        values = self.values(p, *args)
        return values.reshape(-1) if np.ndim(p) < 2 else values.reshape(len(values), -1).T

    def jac(self, p: Any, *args: Any) -> Any:
        """Their derivatives with respect to p, (m, n); (m, n, k) at k points."""
        jacobian = self.jacobian(p, *args)
        n = jacobian.shape[-1]
        return jacobian.reshape(-1, n) if np.ndim(p) < 2 else np.moveaxis(jacobian.reshape(len(jacobian), -1, n), 0, -1)


def residuals(
    expr: Any, x: Any, params: Any = (), *, backend: Any = None, threads: int | None = None, contract: bool = True
) -> Residuals:
    """Residuals in the form of `scipy.optimize.least_squares`: `least_squares(r.fun, p0, jac=r.jac, args=values_of_params)`.

    Args:
        expr: an expression, with one residual for each row of what is fed for `params`; or a list or matrix of expressions. Eq(a, b) is a - b.
        x: what varies: a list of symbols, or one MatrixSymbol or IndexedBase. Their entries make up p, symbol after symbol.
        params: further symbols, whose values are given behind p; or a dict from them to their values.
        backend, threads, contract: as for `symgraph.function`.

    >>> import sympy
    >>> from scipy.optimize import least_squares
    >>> x, y = sympy.symbols("x y")
    >>> r = residuals([10 * (y - x**2), 1 - x], [x, y])
    >>> r.jac([-1.0, 1.0])
    array([[20., 10.],
           [-1.,  0.]])
    >>> least_squares(r.fun, [-1.2, 1.0], jac=r.jac).x.round(6)
    array([1., 1.])
    """
    return Residuals(expr, x, params, backend=backend, threads=threads, contract=contract)
