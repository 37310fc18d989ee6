"""root and constraint: equations to be solved, and limits to be kept, in the form of `scipy.optimize`."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

from ..errors import ArgumentError, ShapeError, brief
from ..structure import Structure
from .layout import real_vector, symbols_of
from .objectives import Objective
from .vectors import Residuals, as_real, is_condition

__all__ = ["Root", "constraint", "root"]

_LIMITS = (sympy.Equality, sympy.LessThan, sympy.GreaterThan)


class Root(Residuals):
    """What `symgraph.root` gives: `fun(x)` and `jac(x)` for `scipy.optimize.root`; `fun`, `fprime`, `fprime2` for `root_scalar`."""

    def __init__(self, expr: Any, x: Any, params: Any = (), **options: Any) -> None:
        super().__init__(expr, x, params, name="root", **options)

    def fun(self, p: Any, *args: Any) -> Any:
        """What should become 0: (n,) for a vector; of one equation in one symbol a float for a number, and for an array what each number gives."""
        if np.ndim(p) == 0 or self._is_scalar:
            return self._at_numbers(self.function, p, args)
        values = super().fun(p, *args)
        if values.shape != np.shape(p):
            raise ShapeError(
                f"{values.size} equations do not determine the {np.size(p)} entries of {', '.join(map(str, self.layout.symbols))}"
            )
        return values

    def fprime(self, p: Any, *args: Any) -> Any:
        """The derivative of the one equation at the number p, or at each of an array."""
        return self._at_numbers(self._scalar.grad(self.layout.symbols[0]), p, args)

    def fprime2(self, p: Any, *args: Any) -> Any:
        """The second derivative of the one equation at the number p, or at each of an array."""
        return self._at_numbers(self._scalar.hess(self.layout.symbols[0]), p, args)

    def fun_and_primes(self, p: Any, *args: Any) -> tuple[Any, Any, Any]:
        """Value, first and second derivative: for `root_scalar(r.fun_and_primes, fprime=True, fprime2=True, x0=...)`."""
        return self.fun(p, *args), self.fprime(p, *args), self.fprime2(p, *args)

    @property
    def _is_scalar(self) -> bool:
        return self.is_single and self.layout.cores == ((),) and not self.function._default.translation.shapes[0]

    @property
    def _scalar(self) -> Any:
        if not self._is_scalar:
            raise ArgumentError(
                "Derivatives of one equation in one symbol were asked for, but this is a system: use fun and jac"
            )
        return self.function

    def _at_numbers(self, function: Any, p: Any, args: tuple[Any, ...]) -> Any:
        _ = self._scalar
        points = real_vector(p, "p")
        values = as_real(function(points, *self._rest(args)), self.__name__)
        if np.shape(values) != points.shape:
            raise ShapeError(
                f"The equation has values of shape {np.shape(values)} for {self.layout} of shape {points.shape}: args must have that shape too"
            )
        return values if points.ndim else float(values)


def root(
    equations: Any, x: Any, params: Any = (), *, backend: Any = None, threads: int | None = None, contract: bool = True
) -> Root:
    """Equations in the form of `scipy.optimize.root(r.fun, x0, jac=r.jac)`, or `root_scalar(r.fun, x0=..., fprime=r.fprime)` for one number. Many
    numbers at once go to `newton(r.fun, x0, r.fprime)` and to `elementwise.find_root(r.fun, (low, high))`.

    Args:
        equations: an expression that should become 0, or Eq(a, b); or a list of them, as many as there are unknowns.
        x: the unknowns: a list of symbols, or one MatrixSymbol or IndexedBase.
        params: further symbols, whose values are given behind x (SciPy's `args=`).
        backend, threads, contract: as for `symgraph.function`.

    >>> import scipy.optimize, sympy
    >>> x, y = sympy.symbols("x y")
    >>> r = root([sympy.Eq(x**2 + y**2, 4), sympy.Eq(x, y)], [x, y])
    >>> scipy.optimize.root(r.fun, [1, 1], jac=r.jac).x.round(6)
    array([1.414214, 1.414214])
    >>> r = root(x**2 - 2, x)
    >>> scipy.optimize.root_scalar(r.fun, x0=1, fprime=r.fprime, fprime2=r.fprime2, method="halley").root.item()
    1.414213562373095...
    """
    return Root(equations, x, params, backend=backend, threads=threads, contract=contract)


def constraint(
    expr: Any,
    x: Any,
    lb: Any = -np.inf,
    ub: Any = np.inf,
    params: Any = (),
    *,
    hess: bool = True,
    backend: Any = None,
    threads: int | None = None,
    contract: bool = True,
) -> Any:
    """lb <= expr <= ub as a `scipy.optimize.NonlinearConstraint` with Jacobian and Hessian, for `minimize(..., constraints=)`.

    Args:
        expr: an expression, or a list or matrix of them; or relations such as x + y <= 1 and Eq(x, y), also joined by And, which bring their own
            limits. Relations that are true whatever x is are left out.
        x: what varies, as in `symgraph.objective`.
        lb, ub: the limits: numbers, or one for each expression.
        params: a dict from further symbols to their values; SciPy passes on none to constraints.
        hess: whether the Hessian is given too. "trust-constr" uses it; "SLSQP" warns that it does not.
        backend, threads, contract: as for `symgraph.function`.

    >>> import sympy
    >>> from scipy.optimize import minimize
    >>> x, y = sympy.symbols("x y")
    >>> o, c = Objective(x + y, [x, y]), constraint(x**2 + y**2 <= 2, [x, y], hess=False)
    >>> minimize(o.fun, [1.0, 0.0], jac=o.jac, constraints=c, method="SLSQP").x.round(4)
    array([-1., -1.])
    """
    from scipy.optimize import NonlinearConstraint

    symbols = symbols_of(x, "x")
    if not isinstance(params, dict) and tuple(params):
        raise ArgumentError(
            "SciPy passes no values on to constraints: give params as a dict from symbols to their values"
        )
    expressions, lower, upper = _limits(expr, lb, ub)
    options: dict[str, Any] = {"backend": backend, "threads": threads, "contract": contract, "name": "constraint"}
    of = Residuals(expressions, symbols, params, **options)
    if not hess:
        return NonlinearConstraint(of.fun, lower, upper, jac=of.jac)
    return NonlinearConstraint(of.fun, lower, upper, jac=of.jac, hess=_weighted_hessian(of, expressions, options))


def _weighted_hessian(of: Residuals, expressions: list[Any], options: dict[str, Any]) -> Any:
    """The function (p, v) -> the sum of v[i] times the Hessian of expression i."""
    weights = [sympy.Dummy(f"v{i}") for i in range(len(expressions))]
    total = sympy.Add(*[v * e for v, e in zip(weights, expressions, strict=True)])
    objective = Objective(total, of.layout.symbols, [*of.params, *weights], **options)
    values = of._rest(())
    return lambda p, v: objective.hess(p, *values, *v)


def _limits(expr: Any, lb: Any, ub: Any) -> tuple[list[Any], Any, Any]:
    """The expressions in a list, and their limits."""
    leaves = [
        entry
        for leaf in Structure(expr).leaves
        for entry in (leaf.flat() if isinstance(leaf, sympy.MatrixBase) else [leaf])
    ]
    leaves = [part for leaf in leaves for part in (sympy.And.make_args(leaf) if is_condition(leaf) else [leaf])]
    relations = [is_condition(leaf) for leaf in leaves]
    for leaf in leaves:
        if is_condition(leaf) and leaf not in (True, False) and not isinstance(leaf, _LIMITS):
            raise ArgumentError(f"{brief(leaf)} is no limit that can be kept; use <=, >= or Eq, or And of them")
    if not any(relations):
        return leaves, lb, ub
    if not all(relations) or np.ndim(lb) or np.ndim(ub) or lb != -np.inf or ub != np.inf:
        raise ArgumentError(
            "Relations bring their own limits: give either relations only, or expressions with lb and ub"
        )
    if False in leaves:
        raise ArgumentError(
            "One of the relations is false whatever the values are: SymPy has decided it by the assumptions of its symbols"
        )
    leaves = [leaf for leaf in leaves if isinstance(leaf, _LIMITS)]
    if not leaves:
        raise ArgumentError(
            "All relations are true whatever the values are: there is nothing to be kept, leave the constraint out"
        )
    lower = [0.0 if not isinstance(leaf, sympy.LessThan) else -np.inf for leaf in leaves]
    upper = [0.0 if not isinstance(leaf, sympy.GreaterThan) else np.inf for leaf in leaves]
    return [leaf.lhs - leaf.rhs for leaf in leaves], np.array(lower), np.array(upper)
