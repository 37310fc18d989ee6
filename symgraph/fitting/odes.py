"""ode: a system of differential equations, as `scipy.integrate.solve_ivp` calls it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy

from ..arguments import argument_list
from ..errors import ArgumentError, ShapeError, brief
from ..functions import Function
from .layout import Layout, cores_of, flattened, real_vector, symbols_of
from .vectors import as_real

__all__ = ["Ode", "ode"]


class Ode:
    """What `symgraph.ode` gives: `fun(t, y, *params)`, `jac(t, y, *params)` and `jac_params(t, y, *params)`.

    Attributes:
        layout: the symbols that make up the state y.
        params: the symbols of the values that `solve_ivp(..., args=)` passes on.
        function: the Function of t, the state's symbols and the params.
    """

    def __init__(self, rhs: Any, t: Any, y: Any, params: Any = (), **options: Any) -> None:
        self.states, self.params = symbols_of(y, "y"), tuple(argument_list(params))
        outputs = _right_sides(rhs, t, self.states)
        self.function = Function([t, *self.states, *self.params], outputs, name="rate", **options)
        cores = cores_of(self.function)
        self.layout = Layout(self.states, cores)
        self._param_cores = tuple(cores[symbol] for symbol in self.params)
        self._ranks = [len(shape) for shape in self.function._default.translation.shapes]

    def __repr__(self) -> str:
        return f"<symgraph Ode of {self.layout}: {brief(self.function.outputs)}>"

    def fun(self, t: Any, y: Any, *args: Any) -> Any:
        """dy/dt in the shape of y: (n,), or (n, k) for k states at once (`vectorized=True`)."""
        state = real_vector(y, "y")
        rates = self.function(t, *self.layout.unpack(state), *self._checked(args))
        if (
            state.ndim == 1 and len(rates) == state.size and not any(map(np.ndim, rates))
        ):  # the plain case, a solver's inner loop
            return as_real(np.array(rates), "dy/dt")
        parts = [
            part.reshape(*part.shape[: part.ndim - rank], -1)
            for part, rank in zip(map(np.asarray, rates), self._ranks, strict=True)
        ]
        result = as_real(np.moveaxis(np.concatenate(parts, axis=-1), -1, 0), "dy/dt")
        if result.shape != state.shape:
            raise ShapeError(
                f"There are {result.shape[0]} right-hand sides for a state of {state.shape[0]} entries"
                if result.shape[0] != state.shape[0]
                else f"dy/dt has shape {result.shape} for a state of shape {state.shape}: params must not have batch axes"
            )
        return result

    def jac(self, t: Any, y: Any, *args: Any) -> Any:
        """The derivatives of dy/dt with respect to y, (n, n)."""
        return self._derivatives(self.states, self.layout.cores, t, y, args)

    def jac_params(self, t: Any, y: Any, *args: Any) -> Any:
        """The derivatives of dy/dt with respect to the params, (n, number of their entries): what sensitivities are made of."""
        if not self.params:
            return np.zeros((np.size(y), 0))
        return self._derivatives(self.params, self._param_cores, t, y, args)

    def _derivatives(
        self, symbols: tuple[Any, ...], cores: Sequence[tuple[Any, ...]], t: Any, y: Any, args: Sequence[Any]
    ) -> Any:
        state = self.layout.unpack(real_vector(y, "y"))
        blocks = self.function.jac(symbols)(t, *state, *self._checked(args))
        if not any(np.ndim(entry) for row in blocks for entry in row):
            return as_real(np.array(blocks), "the derivative of dy/dt")
        rows = [flattened(parts, cores) for parts in blocks]
        return as_real(np.concatenate([row.reshape(-1, row.shape[-1]) for row in rows]), "the derivative of dy/dt")

    def _checked(self, args: Sequence[Any]) -> Sequence[Any]:
        if len(args) != len(self.params):
            wanted = ", ".join(map(str, self.params)) or "nothing"
            raise ArgumentError(
                f"Behind t and y the values of {wanted} are needed, which solve_ivp passes on from args=(...), but {len(args)} were given"
            )
        return args


def _right_sides(rhs: Any, t: Any, states: Sequence[Any]) -> list[Any]:
    """The right-hand sides in the order of the states; equations Eq(Derivative(f(t), t), ...) may come in any order."""
    sides = list(rhs) if isinstance(rhs, (list, tuple, sympy.Tuple)) else [rhs]
    if not any(isinstance(side, sympy.Equality) for side in sides):
        return sides
    found = {side.lhs: side.rhs for side in sides if isinstance(side, sympy.Equality)}
    wanted = [sympy.Derivative(state, t) for state in states]
    if len(found) != len(sides) or set(found) != set(wanted):
        raise ArgumentError(
            f"Equations must have the derivatives {', '.join(map(str, wanted))} on their left sides, each once, "
            f"but these are {', '.join(map(str, found))}"
        )
    return [found[derivative] for derivative in wanted]


def ode(
    rhs: Any,
    t: Any,
    y: Any,
    params: Any = (),
    *,
    backend: Any = None,
    threads: int | None = None,
    contract: bool = True,
) -> Ode:
    """dy/dt = rhs, in the form of `scipy.integrate.solve_ivp(o.fun, span, y0, jac=o.jac, vectorized=True, args=values_of_params)`.

    Args:
        rhs: the right-hand sides: a list with one expression for each state, a matrix expression, or equations Eq(f(t).diff(t), ...).
        t: the symbol of time.
        y: the state: a list of symbols or of functions f(t), or one MatrixSymbol or IndexedBase.
        params: further symbols, whose values are given behind y.
        backend, threads, contract: as for `symgraph.function`.

    >>> import sympy
    >>> from scipy.integrate import solve_ivp
    >>> t, x, v, k = sympy.symbols("t x v k")
    >>> o = ode([v, -k * x], t, [x, v], [k])
    >>> o.jac(0.0, [1.0, 0.0], 4.0)
    array([[ 0.,  1.],
           [-4.,  0.]])
    >>> path = solve_ivp(o.fun, (0, 1), [1.0, 0.0], jac=o.jac, method="Radau", vectorized=True, args=(4.0,), rtol=1e-8, atol=1e-8)
    >>> abs(path.y[0, -1] - sympy.cos(2)) < 1e-6
    True
    """
    return Ode(rhs, t, y, params, backend=backend, threads=threads, contract=contract)
