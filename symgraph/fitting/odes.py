"""ode: a system of differential equations, as `scipy.integrate.solve_ivp` calls it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy

from ..errors import ArgumentError, ShapeError, brief
from ..feeds import as_array
from ..functions import Function
from .layout import Layout, cores_of, flattened, real_vector, symbols_of
from .vectors import as_real, params_of, values_behind

__all__ = ["Ode", "ode"]


class Ode:
    """What `symgraph.ode` gives: `fun(t, y, *params)`, `jac(t, y, *params)` and `jac_params(t, y, *params)`.

    Attributes:
        layout: the symbols that make up the state y.
        params: the symbols of the values that `solve_ivp(..., args=)` passes on, unless they were given.
        function: the Function of t, the state's symbols and the params.
    """

    def __init__(self, rhs: Any, t: Any, y: Any, params: Any = (), **options: Any) -> None:
        self.states = symbols_of(y, "y")
        self.params, self._given = params_of(params)
        self._is_complex = options.get("domain") == "complex"
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
        state = self._state(y)
        rates = self.function(t, *self.layout.unpack(state), *self._rest(args))
        if (
            state.ndim == 1 and len(rates) == state.size and not any(map(np.ndim, rates))
        ):  # the plain case, a solver's inner loop
            return self._checked(np.array(rates), "dy/dt")
        parts = [
            part.reshape(*part.shape[: part.ndim - rank], -1)
            for part, rank in zip(map(np.asarray, rates), self._ranks, strict=True)
        ]
        return self._shaped(np.moveaxis(np.concatenate(parts, axis=-1), -1, 0), state.shape, "dy/dt")

    def jac(self, t: Any, y: Any, *args: Any) -> Any:
        """The derivatives of dy/dt with respect to y, (n, n); (n, n, k) for k states at once, as `solve_bvp` asks for."""
        return self._derivatives(self.states, self.layout.cores, t, y, args)

    def jac_params(self, t: Any, y: Any, *args: Any) -> Any:
        """The derivatives of dy/dt with respect to the params, (n, number of their entries): what sensitivities are made of.

        (n, number of entries, k) for k states at once.
        """
        if not self.params:
            return np.zeros((len(y), 0, *np.shape(y)[1:]))
        return self._derivatives(self.params, self._param_cores, t, y, args)

    def _derivatives(
        self, symbols: tuple[Any, ...], cores: Sequence[tuple[Any, ...]], t: Any, y: Any, args: tuple[Any, ...]
    ) -> Any:
        state = self._state(y)
        blocks = self.function.jac(symbols)(t, *self.layout.unpack(state), *self._rest(args))
        if any(np.ndim(entry) for row in blocks for entry in row):
            rows = [flattened(parts, cores) for parts in blocks]
            flat = [
                row.reshape(*row.shape[: row.ndim - rank - 1], -1, row.shape[-1])
                for row, rank in zip(rows, self._ranks, strict=True)
            ]
            matrix = np.moveaxis(np.concatenate(flat, axis=-2), (-2, -1), (0, 1))
        else:
            matrix = np.array(blocks)
        return self._shaped(matrix, (len(state), matrix.shape[1], *state.shape[1:]), "the derivative of dy/dt")

    def _state(self, y: Any) -> Any:
        return np.asarray(as_array(y, "y"), complex) if self._is_complex else real_vector(y, "y")

    def _rest(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return values_behind("t and y", self.params, self._given, args)

    def _checked(self, value: Any, what: str) -> Any:
        return value if self._is_complex else as_real(value, what)

    def _shaped(self, value: Any, shape: tuple[int, ...], what: str) -> Any:
        if value.shape[0] != shape[0]:
            raise ShapeError(f"There are {value.shape[0]} right-hand sides for a state of {shape[0]} entries")
        if value.shape != shape:
            raise ShapeError(f"{what} has shape {value.shape} instead of {shape}: params must not have batch axes")
        return self._checked(value, what)


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
    domain: str = "real",
    backend: Any = None,
    threads: int | None = None,
    contract: bool = True,
) -> Ode:
    """dy/dt = rhs, in the form of `scipy.integrate.solve_ivp(o.fun, span, y0, jac=o.jac, vectorized=True, args=values_of_params)`.

    Args:
        rhs: the right-hand sides: a list with one expression for each state, a matrix expression, or equations Eq(f(t).diff(t), ...).
        t: the symbol of time.
        y: the state: a list of symbols or of functions f(t), or one MatrixSymbol or IndexedBase.
        params: further symbols, whose values are given behind y; or a dict from them to their values.
        domain: "complex" for states that are complex numbers.
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
    return Ode(rhs, t, y, params, domain=domain, backend=backend, threads=threads, contract=contract)
