"""Pictures of fits. matplotlib is imported when the first one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .results import FitResult

__all__ = ["axes", "draw_fit"]


def axes(ax: Any = None) -> Any:
    """`ax`, or that of a new figure."""
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("plot() needs matplotlib: python -m pip install matplotlib") from error
    return plt.subplots()[1]


def draw_fit(result: FitResult, ax: Any = None, points: int = 400) -> Any:
    """Data and fitted curve over the predictor; where there are several predictors, fitted against observed values."""
    ax = axes(ax)
    predictor = result.problem.predictor
    observed, sigma = result.observed, result.problem.error_bars
    if predictor is None:
        ax.errorbar(result.fitted, observed, yerr=sigma, fmt=".", label="data")
        ends = [np.min(observed), np.max(observed)]
        ax.plot(ends, ends, label="equal")
        ax.set(xlabel="fitted", ylabel="observed")
    else:
        symbol, values = predictor
        ax.errorbar(values, observed, yerr=sigma, fmt=".", label="data")
        line = np.linspace(np.min(values), np.max(values), points)
        ax.plot(line, result.predict({symbol: line}), label="fit")
        ax.set(xlabel=str(symbol), ylabel=result.problem.response_name)
    ax.set_title(f"residual sum of squares {result.rss:.6g}")
    ax.legend()
    return ax
