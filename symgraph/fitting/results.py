"""FitResult: what a fit found, in numbers, in words, in pictures, and as a SymPy expression."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import sympy

from ..errors import ArgumentError, FeedError, ShapeError, brief
from .estimates import Estimate
from .history import History
from .layout import real_vector, symbol_meant
from .losses import Loss
from .problem import Problem

__all__ = ["FitResult", "Prediction"]


class Prediction(NamedTuple):
    """What a fitted model says of other data.

    Attributes:
        values: its values; `errors` are their standard errors.
        confidence: (low, high), which cover the true values with the probability that was asked for.
        observation: (low, high), which cover new observations with it; None where their standard deviation is not known.
    """

    values: Any
    errors: Any
    confidence: tuple[Any, Any]
    observation: tuple[Any, Any] | None


@dataclass(frozen=True, repr=False)
class FitResult:
    """The result of `symgraph.fit`. `print` shows its `summary()`; `result["a"]` or `result[a]` is the value of a parameter.

    Attributes:
        problem: the model with its data.
        x: the values of all parameters in one vector, (n,); `names` are those of its entries.
        rss: the sum of the squared residuals (each divided by sigma, if sigma was given).
        cost: what was minimised, half of rss where the loss is linear.
        covariance: that of x, (n, n); infinite variance for what the data do not determine, nan for what is at a bound.
        loss: what a residual counted for.
        history: the steps; `history.plot()` draws the convergence.
        success: whether x is a minimum as near as numbers tell: the relative offset is below 1e-6 (see `polishing.relative_offset`).
        message, method, nfev, njev: how the optimiser ended, and how often it computed residuals and their Jacobian.
        absolute_sigma: whether sigma was known itself; intervals are then by the normal distribution, else by Student's.
    """

    problem: Problem
    x: Any
    rss: float
    cost: float
    covariance: Any
    history: History
    success: bool
    message: str
    method: str
    nfev: int
    njev: int
    loss: Loss
    absolute_sigma: bool
    _estimate: Estimate = field(repr=False)
    _spread: float = field(repr=False)

    # --- the parameters

    @property
    def names(self) -> list[str]:
        """A name for each entry of x: `a`, or `M[0, 1]` for the entry of a matrix."""
        return self.problem.layout.names(len(self.x))

    @property
    def parameters(self) -> dict[Any, Any]:
        """The value of each parameter: a float, or an array for a matrix."""
        return self._by_symbol(self.x)

    @property
    def standard_errors(self) -> dict[Any, Any]:
        """The standard error of each parameter, in its shape."""
        return self._by_symbol(np.sqrt(np.diag(self.covariance)))

    @property
    def correlation(self) -> Any:
        """The correlations of the entries of x, (n, n)."""
        errors = np.sqrt(np.diag(self.covariance))
        with np.errstate(all="ignore"):
            return self.covariance / np.outer(errors, errors)

    def __getitem__(self, parameter: Any) -> Any:
        symbol = symbol_meant(parameter, self.problem.parameters)
        if symbol is None:
            raise KeyError(f"{parameter} is not a parameter; these are: {', '.join(map(str, self.problem.parameters))}")
        return self.parameters[symbol]

    def confidence_intervals(self, level: float = 0.95) -> dict[Any, Any]:
        """For each parameter (low, high), which cover the true value with probability `level` as far as the model is linear near it."""
        reach, errors = self._reach(level), self.standard_errors
        return {s: (v - reach * errors[s], v + reach * errors[s]) for s, v in self.parameters.items()}

    def _reach(self, level: float) -> float:
        """How many standard errors an interval extends to each side: by Student's distribution, or the normal one where sigma is known."""
        from scipy.special import ndtri, stdtrit

        if not 0 < level < 1:
            raise ArgumentError(f"level must be between 0 and 1, not {level}")
        probability = (1 + level) / 2
        return float(ndtri(probability) if self.absolute_sigma else stdtrit(max(self.dof, 1), probability))

    @property
    def expression(self) -> Any:
        """The fitted model as SymPy: its parameters are numbers now, and so are dimensions that only they have."""
        numbers = self.problem.expression.xreplace({s: _as_sympy(s, v) for s, v in self.parameters.items()})
        return numbers.xreplace({s: sympy.Integer(n) for s, n in self.problem.dimensions(len(self.x)).items()})

    def _by_symbol(self, vector: Any) -> dict[Any, Any]:
        values = self.problem.layout.unpack(vector)
        return {s: v if np.ndim(v) else float(v) for s, v in zip(self.problem.parameters, values, strict=True)}

    # --- data and residuals

    @property
    def observed(self) -> Any:
        """What the model was fitted to (read-only)."""
        return self.problem.observed

    @property
    def fitted(self) -> Any:
        """The model's values for the data."""
        return np.array(self.problem.fitted(self.x))

    @property
    def residuals(self) -> Any:
        """observed - fitted."""
        return self.observed - self.fitted

    @property
    def dof(self) -> int:
        """The degrees of freedom: data points less parameters, or less the combinations of them that the data determine."""
        return int(self.observed.size - self._estimate.rank)

    @property
    def residual_deviation(self) -> float:
        """The residual standard deviation: sqrt(rss / dof); nan without degrees of freedom."""
        return float(np.sqrt(self.rss / self.dof)) if self.dof > 0 else float("nan")

    def predict(self, data: Any) -> Any:
        """The fitted model's values for other data: a dict from predictors (or their names) to numbers or arrays."""
        return self.problem.predict(self.x, data)

    def prediction(self, data: Any, level: float = 0.95, sigma: Any = None) -> Prediction:
        """The fitted model's values for other data (as for `predict`), with standard errors and with intervals.

        Args:
            level: the probability that an interval covers the model's true value (`confidence`), or a new observation (`observation`), as far as
                the model is linear near the parameters and residuals are normal.
            sigma: the standard deviation of new observations, in the sense that it has for `fit`; needed for `observation` where `fit` was given
                one for each point.

        The standard error of a value is by the delta method, sqrt(g' C g) with its gradient g by the parameters and their covariance C; parameters at
        a bound count as known. After a robust fit new observations are taken for none of the outliers: their variance comes from the
        median size of residuals.

        >>> import sympy
        >>> from symgraph import fit
        >>> x, y, a, b = sympy.symbols("x y a b")
        >>> result = fit(a + b * x, {x: [0, 1, 2, 3], y: [1.0, 2.9, 5.1, 7.0]}, {a: 0, b: 0})
        >>> found = result.prediction({x: [1.5, 5.0]})
        >>> found.values.round(3), found.errors.round(3)
        (array([ 4.  , 11.07]), array([0.047, 0.156]))
        """
        values = np.asarray(self.predict(data))
        with np.errstate(all="ignore"):
            errors = self._estimate.error_along(self.problem.slopes(self.x, data))
            reach = self._reach(level)
            known = self.problem.deviation if sigma is None else _deviations(sigma, values.shape)
            both = None if known is None else np.sqrt(errors**2 + self._spread * known**2)
        return Prediction(
            values,
            errors,
            (values - reach * errors, values + reach * errors),
            None if both is None else (values - reach * both, values + reach * both),
        )

    # --- for readers

    def __repr__(self) -> str:
        listed = ", ".join(f"{name}={value:.6g}" for name, value in list(zip(self.names, self.x, strict=True))[:8])
        return f"<symgraph FitResult {listed}{', ...' if len(self.x) > 8 else ''}; rss={self.rss:.6g}>"

    def __str__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """The parameters with their errors in a table, and how well the model fits."""
        problem = self.problem
        lines = [
            f"{problem.response_name} = {brief(problem.expression)}",
            f"{self.observed.size} data points, {len(self.x)} parameters, {self.dof} degrees of freedom",
            f"method {self.method}, {self.nfev} evaluations, {'converged' if self.success else 'NOT CONVERGED'}: {self.message}",
            "",
            *self._table(),
            "",
            *self._of_loss(),
            f"residual sum of squares       {self.rss:.10g}",
            f"residual standard deviation   {self.residual_deviation:.10g}",
            *self._correlations(),
        ]
        return "\n".join(lines)

    def _of_loss(self) -> list[str]:
        if self.loss.is_linear:
            return []
        name = getattr(self.loss.name, "__name__", self.loss.name)
        return [f"loss {name}, f_scale {self.loss.f_scale:g}: cost {self.cost:.10g}"]

    def _table(self) -> list[str]:
        errors = np.sqrt(np.diag(self.covariance))
        rows = [("parameter", "value", "standard error", "")]
        for i, (name, value) in enumerate(zip(self.names, self.x, strict=True)):
            note = (
                "at its bound"
                if self._estimate.at_bound[i]
                else "not determined"
                if self._estimate.undetermined[i]
                else ""
            )
            if not note and value:
                note = f"{100 * errors[i] / abs(value):.2g} %"
            rows.append((name, f"{value:.10g}", f"{errors[i]:.4g}", note))
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        return [
            f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]:>{widths[3]}}".rstrip()
            for row in rows
        ]

    def _correlations(self, least: float = 0.9, most: int = 5) -> list[str]:
        """The pairs of parameters that the data hardly tell apart."""
        correlation, names = self.correlation, self.names
        pairs = [(i, j) for i in range(len(names)) for j in range(i) if least < abs(correlation[i, j]) <= 1 + 1e-9]
        pairs.sort(key=lambda pair: -abs(correlation[pair]))
        return [f"correlation of {names[j]} and {names[i]}: {correlation[i, j]:.4f}" for i, j in pairs[:most]]

    def plot(self, ax: Any = None, level: float | None = 0.95) -> Any:
        """Draw data and fitted curve, with the bands of `prediction` unless level is None. Gives the Axes. Needs matplotlib."""
        from .pictures import draw_fit

        return draw_fit(self, ax, level)


def _deviations(sigma: Any, shape: tuple[int, ...]) -> Any:
    """Standard deviations of new observations, checked."""
    array = real_vector(sigma, "sigma")
    if not (np.isfinite(array) & (array > 0)).all():
        raise FeedError("sigma: standard deviations of new observations must be finite and greater than 0")
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise ShapeError(f"sigma has shape {array.shape}, but there are values of shape {shape}") from None


def _as_sympy(symbol: Any, value: Any) -> Any:
    """A number, or an array, as a SymPy object; all 53 bits of each number are in it."""
    if np.ndim(value) == 0:
        return sympy.Float(value)
    if isinstance(symbol, sympy.MatrixSymbol):
        return sympy.ImmutableDenseMatrix(*value.shape, [sympy.Float(v) for v in value.reshape(-1).tolist()])
    return sympy.ImmutableDenseNDimArray([sympy.Float(v) for v in value.reshape(-1).tolist()], value.shape)
