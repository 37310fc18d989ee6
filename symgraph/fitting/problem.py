"""Problem: a model, its data, and the parameters that vary; everything that `fit` is given, checked and in one form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial, wraps
from typing import Any

import numpy as np
import sympy
from sympy.matrices.expressions.matexpr import MatrixElement

from ..backends import is_native
from ..errors import ArgumentError, FeedError, ShapeError, brief
from ..feeds import describe
from ..functions import Function
from ..graph import Graph
from ..nodes import namesakes, symbol_name
from ..translation import translate_all
from ..translation.user import registrations
from .layout import Layout, cores_of, real_vector, symbol_meant
from .vectors import Residuals

__all__ = ["Problem", "inputs_of"]

_ENTRIES = (sympy.Indexed, MatrixElement)
_KEPT = 32  # models that were fitted last


class Problem:
    """A model with data. `residuals(p)` and `jacobian(p)` are what least squares needs, each residual divided by its sigma.

    Attributes:
        expression: what is fitted, in the predictors and parameters.
        response: the expression of the data that it is fitted to.
        parameters: the symbols that vary; `layout` is their place in the vector p.
        observed: the values of `response`, one for each data point.
        sigma: what was given for it, as an array; `error_bars` are the standard deviations of all data points, None without sigma.
    """

    def __init__(self, expr: Any, data: Any, parameters: Sequence[Any], sigma: Any = None, **options: Any) -> None:
        self.parameters = tuple(parameters)
        self.response, self.expression, self.predictors = _told_apart(expr, data, self.parameters)
        self.model = _compiled(Residuals, self.expression, self.parameters, tuple(self.predictors), **options)
        self.layout: Layout = self.model.layout
        self._values = tuple(self.predictors.values())
        self.observed = _observed(self.response, data, expr, options)
        self.sigma = None if sigma is None else _frozen(real_vector(sigma, "sigma"))
        self._whiten, self.error_bars = _whitening(self.sigma, self.observed)

    @property
    def response_name(self) -> str:
        """What the observed values are called."""
        return str(self.response)

    @property
    def predictor(self) -> tuple[Any, Any] | None:
        """The one predictor with its values, where there is one, of plain numbers; else None."""
        if len(self.predictors) != 1:
            return None
        ((symbol, values),) = self.predictors.items()
        return (symbol, values) if np.shape(values) == self.observed.shape and self.observed.ndim == 1 else None

    def dimensions(self, size: int) -> dict[Any, int]:
        """The numbers that symbolic dimensions have where p has `size` entries; without those that predictors have too, whose data tell them."""
        cores = cores_of(self.model.function)
        bound = {dim for predictor in self.predictors for dim in cores[predictor]}
        pairs = [
            (dim, length)
            for core, shape in zip(self.layout.cores, self.layout.shapes(size), strict=True)
            for dim, length in zip(core, shape, strict=True)
        ]
        return {dim: length for dim, length in pairs if isinstance(dim, sympy.Symbol) and dim not in bound}

    @property
    def deviation(self) -> Any:
        """The standard deviation that sigma tells of any observation: 1 without sigma, None where it is one for each point."""
        return 1.0 if self.sigma is None else None if np.ndim(self.sigma) else float(self.sigma)

    def fitted(self, p: Any) -> Any:
        """The model's values for the data, in the shape of the observed ones."""
        values = self.model.values(p, *self._values)
        try:
            return np.broadcast_to(values, self.observed.shape)
        except ValueError:
            raise ShapeError(
                f"The model {brief(self.expression)} gives values of shape {values.shape} for these data, "
                f"but the observed values of {self.response_name} have shape {self.observed.shape}"
            ) from None

    @property
    def whitened(self) -> Any:
        """The observed values / sigma, (m,)."""
        return self._whiten(self.observed.reshape(-1))

    def residuals(self, p: Any) -> Any:
        """(fitted - observed) / sigma, of shape (m,)."""
        return self._whiten((self.fitted(p) - self.observed).reshape(-1))

    def jacobian(self, p: Any) -> Any:
        """The derivatives of `residuals` with respect to the parameters, of shape (m, n)."""
        jacobian = self.model.jacobian(p, *self._values)
        return self._whiten(np.broadcast_to(jacobian, (*self.observed.shape, len(p))).reshape(-1, len(p)))

    def predict(self, p: Any, data: Any) -> Any:
        """The model's values for other data."""
        return self.model.values(p, *self._others(data))

    def slopes(self, p: Any, data: Any) -> Any:
        """The derivatives of `predict` with respect to the parameters, which are the last axis."""
        values, slopes = self.predict(p, data), self.model.jacobian(p, *self._others(data))
        return np.broadcast_to(slopes, (*np.shape(values), len(p)))

    def _others(self, data: Any) -> list[Any]:
        given = _columns(data)
        return [_column(symbol, given) for symbol in self.predictors]


def _told_apart(expr: Any, data: Any, parameters: tuple[Any, ...]) -> tuple[Any, Any, dict[Any, Any]]:
    """The response, the model, and the predictors with their values."""
    if isinstance(expr, sympy.Equality):
        response, model = expr.lhs, expr.rhs
    elif expr in (sympy.true, sympy.false):
        raise ArgumentError(f"SymPy has made {expr} of the equation: its sides are equal, or have different shapes")
    elif isinstance(expr, (sympy.Basic, sympy.MatrixBase, sympy.NDimArray)):
        response, model = None, expr
    else:
        raise ArgumentError(f"The model must be a SymPy expression, or Eq(response, expression), not {expr!r}")
    occurring = inputs_of(model)
    missing = [p for p in parameters if p not in occurring and not (isinstance(p, _ENTRIES) and model.has(p))]
    if missing:
        same = namesakes(missing, occurring)
        raise ArgumentError(
            f"{_listed(map(describe, missing))} should vary, but the model {brief(model)} does not depend on it; "
            f"{same or 'leave it out of p0'}"
        )
    free = inputs_of(model, parameters)
    predictors = [s for s in sorted(free, key=str) if s not in parameters]
    if isinstance(data, tuple):
        return _from_pair(response, model, predictors, data)
    given = _columns(data)
    twice = [p for p in parameters if p in given]
    if twice:
        raise ArgumentError(
            f"{_listed(twice)} is both in p0 and in data; what is in p0 varies, so leave it out of one of them"
        )
    if response is None:
        response = _the_response(model, free, given)
    both = [p for p in parameters if p in inputs_of(response)]
    if both:
        raise ArgumentError(
            f"The response {response} depends on {_listed(both)}; all that varies must stand on the right of Eq(response, model)"
        )
    for key in given:
        symbol_meant(key, predictors)  # which of them a name means must be clear
    return response, model, {symbol: _column(symbol, given) for symbol in predictors}


def _from_pair(
    response: Any, model: Any, predictors: list[Any], data: tuple[Any, ...]
) -> tuple[Any, Any, dict[Any, Any]]:
    if len(data) != 2 or len(predictors) != 1:
        raise ArgumentError(
            f"Data as a tuple are (x, y), for the one predictor of the model; but there are {len(data)} arrays, and what is not in p0 is "
            f"{_listed(predictors) or 'nothing'}. Use a dict from symbols to arrays"
        )
    if response is not None and not response.is_Symbol:
        raise ArgumentError(
            f"With data as (x, y) the response is y itself, not {response}; use a dict from symbols to arrays"
        )
    return (
        response if response is not None else sympy.Symbol("y"),
        model,
        {predictors[0]: _checked(predictors[0], data[0])},
    )


def _the_response(model: Any, free: frozenset[Any], given: Mapping[Any, Any]) -> Any:
    """The only key of the data that the model does not have."""
    names = {symbol_name(s) for s in free}
    others = [key for key in given if (key not in names if isinstance(key, str) else key not in free)]
    if len(others) != 1:
        raise ArgumentError(
            f"What the model {brief(model)} is fitted to must be the one key of data that it does not contain, but these are: "
            f"{_listed(others) or 'none'}. Write the model as sympy.Eq(response, expression)"
        )
    return sympy.Symbol(others[0]) if isinstance(others[0], str) else others[0]


def _observed(response: Any, data: Any, expr: Any, options: Mapping[str, Any]) -> Any:
    """The values of the response."""
    if isinstance(data, tuple):
        return np.asarray(_checked(response, data[1]))
    given = _columns(data)
    symbols = sorted(inputs_of(response), key=str)
    if not symbols:
        raise ArgumentError(f"The response {response} depends on no data; what should {brief(expr)} be fitted to?")
    values = [_column(symbol, given) for symbol in symbols]
    return _checked(
        response,
        values[0]
        if isinstance(response, sympy.Symbol)
        else _compiled(Function, tuple(symbols), response, **options)(*values),
    )


def _kept(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, whose last results are kept for equal arguments, where they can be compared: a mutable matrix cannot."""
    cached = lru_cache(_KEPT)(function)

    @wraps(function)
    def call(*args: Any) -> Any:
        try:
            hash(args)
        except TypeError:
            return function(*args)
        return cached(*args)

    return call


def _compiled(kind: Callable[..., Any], *args: Any, backend: Any = None, **options: Any) -> Any:
    """kind(*args, **options): for data that come in pieces a model is compiled once. Functions are pure, so fits can share them."""
    return _made(kind, args, backend, tuple(options.items()), is_native(backend), registrations())


@_kept
def _made(kind: Callable[..., Any], args: Any, backend: Any, options: Any, *circumstances: Any) -> Any:
    return kind(*args, backend=backend, **dict(options))


@_kept
def inputs_of(expr: Any, known: tuple[Any, ...] = ()) -> frozenset[Any]:
    """The symbols for which an expression needs values, where those `known` (symbols, or entries such as c[0]) have some; with these."""
    with Graph().as_default():
        return frozenset(translate_all([expr], known=known).placeholders)


def _columns(data: Any) -> dict[Any, Any]:
    """Data as a dict; a table with named columns (as pandas has it) is one."""
    if isinstance(data, Mapping):
        return dict(data)
    if hasattr(data, "keys") and hasattr(data, "__getitem__"):
        return {key: data[key] for key in data.keys()}  # noqa: SIM118
    raise ArgumentError(
        f"data must be a dict from symbols (or their names) to arrays, a table, or a tuple (x, y), not a {type(data).__name__}"
    )


def _column(symbol: Any, given: Mapping[Any, Any]) -> Any:
    keys = [key for key in (symbol, symbol_name(symbol)) if key in given]
    if len(keys) > 1:
        raise ArgumentError(f"{symbol} is in data twice, as a symbol and by its name; leave one of them out")
    if keys:
        return _checked(symbol, given[keys[0]])
    same = namesakes([symbol], [key for key in given if not isinstance(key, str)])
    raise ArgumentError(
        f"{symbol} is in the model, but neither in data nor in p0. There are values for {_listed(given) or 'nothing'}"
        f"{'. ' if same else ''}{same}"
    )


def _checked(symbol: Any, value: Any) -> Any:
    """A copy of real, finite data of at least one point."""
    name = str(symbol)
    array = _frozen(real_vector(value if not hasattr(value, "to_numpy") else value.to_numpy(), name))
    if not array.size:
        raise FeedError(f"{name}: there are no data (shape {array.shape})")
    if not np.isfinite(array).all():
        bad = np.argwhere(~np.isfinite(array))
        place = bad[0].tolist()
        raise FeedError(
            f"{name}: {len(bad)} of {array.size} values are nan or inf, the first one at index {place[0] if len(place) == 1 else tuple(place)}; "
            "leave those points out"
        )
    return array


def _frozen(array: Any) -> Any:
    copied = np.array(array)
    copied.flags.writeable = False
    return copied


def _whitening(sigma: Any, observed: Any) -> tuple[Any, Any]:
    """What divides residuals (or their Jacobian, by rows) by sigma: a number, one for each point, or a covariance matrix. With all deviations."""
    if sigma is None:
        return _unchanged, None
    m = observed.size
    if sigma.shape == (m, m) and sigma.shape != observed.shape:
        return _by_covariance(sigma), np.sqrt(np.diag(sigma)).reshape(observed.shape)
    try:
        flat = np.broadcast_to(sigma, observed.shape).reshape(-1)
    except ValueError:
        raise ShapeError(
            f"sigma has shape {sigma.shape}, but there are observed values of shape {observed.shape}: give a number, an array of that shape, "
            f"or a covariance matrix ({m}, {m})"
        ) from None
    if not (np.isfinite(flat) & (flat > 0)).all():
        raise FeedError(
            "sigma: standard deviations must be finite and greater than 0; leave points out that should not count"
        )
    return partial(_divided, flat), flat.reshape(observed.shape)


def _by_covariance(matrix: Any) -> Any:
    from scipy.linalg import cholesky

    if not np.isfinite(matrix).all():
        raise FeedError("sigma: the covariance matrix has entries that are nan or inf")
    if np.max(np.abs(matrix - matrix.T)) > 1e-8 * np.max(np.abs(matrix)):
        raise FeedError("sigma: the covariance matrix is not symmetric")
    try:
        return partial(_solved, cholesky(matrix, lower=True))
    except np.linalg.LinAlgError:
        raise FeedError("sigma: the covariance matrix is not positive definite") from None


def _unchanged(rows: Any) -> Any:
    return rows


def _divided(sigma: Any, rows: Any) -> Any:
    return rows / sigma.reshape(-1, *[1] * (rows.ndim - 1))


def _solved(lower: Any, rows: Any) -> Any:
    from scipy.linalg import solve_triangular

    return solve_triangular(lower, rows, lower=True)


def _listed(items: Any) -> str:
    return ", ".join(map(str, items))
