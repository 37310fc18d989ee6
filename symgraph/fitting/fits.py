"""fit: the parameters with which a model is nearest to data, in the sense of least squares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import ArgumentError, FeedError, ShapeError, brief
from .estimates import estimate
from .history import History, as_callback
from .layout import Layout, real_vector, symbol_meant, symbols_of
from .losses import Loss
from .problem import Problem, inputs_of
from .results import FitResult
from .solver import METHODS, solve

__all__ = ["fit"]


def fit(
    expr: Any,
    data: Any,
    p0: Any,
    bounds: Any = None,
    sigma: Any = None,
    method: str = "trf",
    *,
    params: Any = None,
    absolute_sigma: bool = False,
    loss: Any = "linear",
    f_scale: float = 1.0,
    x_scale: Any = "jac",
    max_nfev: int | None = None,
    progress: bool = False,
    callback: Callable[..., Any] | None = None,
    backend: Any = None,
    threads: int | None = None,
    contract: bool = True,
) -> FitResult:
    """Fit a model to data by least squares, or by a loss for which outliers count less.

    Args:
        expr: the model, an expression of predictors and parameters; or Eq(response, model), where the response may be an expression of the data,
            such as log(y).
        data: a dict from symbols (or their names) to arrays, or a table with such columns. Without Eq the response is the one key that
            the model does not contain. For one predictor also a tuple (x, y).
        p0: where to start: a dict from the parameters (symbols, or their names) to numbers, or arrays for matrices. What is in p0 varies. Or a
            vector, with the parameters in `params`.
        bounds: a dict from parameters to (low, high), each a number or None; or (low, high) for the vector of all parameters, as SciPy has it.
        sigma: the standard deviation of the observed values: a number, one for each, or their covariance matrix.
        method: "trf", "dogbox" or "lm" of `scipy.optimize.least_squares`, or a method of `scipy.optimize.minimize`, which gets the gradient, and
            J'J for the Hessian where it wants one.
        absolute_sigma: whether sigma is known itself, and not only up to a factor, which the residuals then tell. Intervals are then those
            of the normal distribution.
        loss: "linear", or "soft_l1", "huber", "cauchy", "arctan", or a function, as `scipy.optimize.least_squares` has them: what a residual
            (fitted - observed) / sigma counts for. The covariance is then Huber's: see `symgraph.fitting.losses.Loss.variance`.
        f_scale: the size of residuals from which on such a loss takes them for outliers.
        x_scale: the sizes of the parameters, one for each, or "jac" to take them from the Jacobian. Nothing depends on the units of data and
            parameters, but optimisers may need fewer steps with it.
        max_nfev: the largest number of evaluations of the residuals, whatever the method.
        progress: whether to show the steps by tqdm, where it is installed and the output is a terminal.
        callback: called after each step in SciPy's form, with an OptimizeResult as `intermediate_result` (x, fun, cost, nit, nfev) or else the
            vector; raising StopIteration ends the fit.
        backend, threads, contract: as for `symgraph.function`.

    Derivatives are exact, and once the optimiser has ended, Gauss-Newton steps follow as long as they improve the parameters' last digits. Whether
    the fit has converged is not the optimiser's word: no change of the parameters within their bounds must take more than a millionth off the
    residuals, as far as the model is linear (the relative offset of Bates and Watts), or more than rounding errors.

    Raises ArgumentError, FeedError or ShapeError, before anything is computed, for data that are missing, not finite or of unequal shapes.

    >>> import sympy
    >>> x, y, a, b = sympy.symbols("x y a b")
    >>> result = fit(a * sympy.exp(-b * x), {x: [0, 1, 2, 3], y: [2.0, 1.2, 0.7, 0.45]}, {a: 1, b: 1})
    >>> print(result)
    y = a*exp(-b*x)
    4 data points, 2 parameters, 2 degrees of freedom
    method trf, ... evaluations, converged: `xtol` termination condition is satisfied.
    <BLANKLINE>
    parameter         value  standard error
    a           1.998436321          0.0181  0.91 %
    b          0.5114256027        0.009861   1.9 %
    <BLANKLINE>
    residual sum of squares       0.000715542...
    residual standard deviation   0.018914841...
    >>> result.expression.subs(x, 1).round(2)
    1.20
    """
    if method not in METHODS:
        raise ArgumentError(f"There is no method {method!r}; there are {', '.join(METHODS)}")
    if max_nfev is not None and not max_nfev >= 1:
        raise ArgumentError(f"max_nfev must be at least 1, or None for no limit of yours, not {max_nfev!r}")
    weighing = Loss(loss, f_scale)
    if absolute_sigma and not weighing.is_linear:
        raise ArgumentError(
            "absolute_sigma is for loss='linear': of other losses it is the residuals that tell how far parameters spread"
        )
    symbols, start = _start(expr, p0, params)
    problem = Problem(expr, data, symbols, sigma, backend=backend, threads=threads, contract=contract)
    vector = problem.layout.pack(start)
    limits = _limits(bounds, problem.layout, vector)
    if problem.observed.size < len(vector):
        raise ArgumentError(
            f"{problem.observed.size} data points do not determine {len(vector)} parameters; fix some of them, or add data"
        )
    _check_start(problem, vector)
    x_scale = _checked_scale(x_scale, problem.layout.names(len(vector)))
    history, call = History(progress), as_callback(callback)

    def observe(step: Any) -> None:
        history(step)
        call(step)

    try:
        solution = solve(
            problem.residuals,
            problem.jacobian,
            vector,
            limits,
            method,
            x_scale,
            max_nfev,
            weighing,
            observe,
            problem.whitened,
        )
    finally:
        history.close()
    with np.errstate(all="ignore"):
        residuals = problem.residuals(solution.x)
        variance = (lambda rank: 1.0) if absolute_sigma else partial(weighing.variance, residuals)
        estimated = estimate(problem.jacobian(solution.x), variance, solution.x, limits)
        rss, cost = float(residuals @ residuals), 0.5 * weighing.cost(residuals)
        spread = 1.0 if absolute_sigma else weighing.spread(residuals, estimated.rank)
    return FitResult(
        problem=problem,
        x=solution.x,
        rss=rss,
        cost=cost,
        covariance=estimated.covariance,
        history=history,
        success=solution.success,
        message=solution.message,
        method=method,
        nfev=solution.nfev,
        njev=solution.njev,
        loss=weighing,
        absolute_sigma=absolute_sigma,
        _estimate=estimated,
        _spread=spread,
    )


def _start(expr: Any, p0: Any, params: Any) -> tuple[tuple[Any, ...], list[Any]]:
    """The parameters, and their first values."""
    if isinstance(p0, Mapping):
        symbols = symbols_of([_symbol(key, expr) for key in p0], "p0")
        order = symbols if params is None else symbols_of(params, "params")
        if set(order) != set(symbols):
            raise ArgumentError(
                f"params are {params}, but p0 has values for {', '.join(map(str, symbols))}; leave params out"
            )
        first = dict(zip(symbols, p0.values(), strict=True))
        return order, [first[s] for s in order]
    if params is None:
        raise ArgumentError(
            "p0 must be a dict from the parameters to their first values; or give the parameters' order by params=[...]"
        )
    symbols = symbols_of(params, "params")
    values = list(p0) if np.ndim(p0) else [p0]
    if len(values) != len(symbols):
        raise ArgumentError(
            f"p0 has {len(values)} values for the {len(symbols)} parameters {', '.join(map(str, symbols))}"
        )
    return symbols, values


def _symbol(key: Any, expr: Any) -> Any:
    """The symbol that a key of p0 means."""
    if not isinstance(key, str):
        return key
    symbol = symbol_meant(key, inputs_of(getattr(expr, "rhs", expr)))
    if symbol is None:
        raise ArgumentError(f"{key!r} is no symbol of the model {brief(expr)}; use the symbol itself")
    return symbol


def _limits(bounds: Any, layout: Layout, p0: Any) -> tuple[Any, Any]:
    """The lowest and highest value of each entry, with a check that p0 is between them."""
    n = len(p0)
    lower, upper = np.full(n, -np.inf), np.full(n, np.inf)
    if isinstance(bounds, Mapping):
        lower, upper = _limits_by_symbol(bounds, layout, p0)
    elif bounds is not None:
        lower, upper = _limits_of_all(bounds, n)
    for name, low, value, high in zip(layout.names(n), lower, p0, upper, strict=True):
        if not low < high:
            raise ArgumentError(f"The bounds of {name} are {low} and {high}: the first must be less than the second")
        if not low <= value <= high:
            raise ArgumentError(f"{name} starts at {value}, which is not between its bounds {low} and {high}")
    return lower, upper


def _limits_by_symbol(bounds: Mapping[Any, Any], layout: Layout, p0: Any) -> tuple[Any, Any]:
    lower, upper = layout.unpack(np.full(len(p0), -np.inf)), layout.unpack(np.full(len(p0), np.inf))
    given: set[Any] = set()
    for key, pair in bounds.items():
        symbol = symbol_meant(key, layout.symbols)
        if symbol is None or symbol in given:
            raise ArgumentError(
                f"There are bounds for {key} twice, by the symbol and by its name"
                if symbol is not None
                else f"There are bounds for {key}, which is not in p0; parameters are {', '.join(map(str, layout.symbols))}"
            )
        given.add(symbol)
        try:
            low, high = pair
        except (TypeError, ValueError):
            raise ArgumentError(
                f"The bounds of {key} must be (low, high), each a number or None, not {pair!r}"
            ) from None
        i = layout.symbols.index(symbol)
        lower[i] = lower[i] if low is None else _limit(low, key, np.shape(lower[i]))
        upper[i] = upper[i] if high is None else _limit(high, key, np.shape(upper[i]))
    return layout.pack(lower), layout.pack(upper)


def _limit(value: Any, key: Any, shape: tuple[int, ...]) -> Any:
    array = real_vector(value, f"bounds of {key}")
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise ShapeError(
            f"The bounds of {key} have shape {array.shape}, but {key} has shape {shape}; give numbers, or arrays of that shape"
        ) from None


def _limits_of_all(bounds: Any, n: int) -> tuple[Any, Any]:
    pair: Sequence[Any] = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    try:
        low, high = (np.broadcast_to(real_vector(side, "bounds"), (n,)).copy() for side in pair)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"bounds must be a dict from parameters to (low, high), or a pair (low, high) of numbers or of vectors of {n} entries: {error}"
        ) from None
    return low, high


def _checked_scale(x_scale: Any, names: list[str]) -> Any:
    if isinstance(x_scale, str) and x_scale == "jac":
        return x_scale
    array = real_vector(x_scale, "x_scale")
    if array.shape not in ((), (len(names),)) or not (np.isfinite(array) & (array > 0)).all():
        raise ArgumentError(
            f"x_scale must be 'jac', or finite numbers greater than 0, one for each of {', '.join(names)}, not {x_scale!r}"
        )
    return np.broadcast_to(array, (len(names),)).copy()


def _check_start(problem: Problem, p0: Any) -> None:
    with np.errstate(all="ignore"):
        residuals = problem.residuals(p0)
    bad = np.flatnonzero(~np.isfinite(residuals))
    if bad.size:
        raise FeedError(
            f"At p0 the model is nan or inf for {bad.size} of {residuals.size} data points, the first of them number {bad[0]}; start elsewhere"
        )
