"""Pictures of fits. matplotlib is imported when the first one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .results import FitResult, Prediction

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


def draw_fit(result: FitResult, ax: Any = None, level: float | None = None, points: int = 400) -> Any:
    """Data and fitted curve over the predictor, with bands of a `level`; fitted against observed values where there are several predictors, or
    values that are no numbers."""
    ax = axes(ax)
    predictor = result.problem.predictor
    observed, sigma = result.observed.reshape(-1), result.problem.error_bars
    sigma = None if sigma is None else sigma.reshape(-1)
    if predictor is None:
        ax.errorbar(result.fitted.reshape(-1), observed, yerr=sigma, fmt=".", label="data")
        ends = [np.min(observed), np.max(observed)]
        ax.plot(ends, ends, label="equal")
        ax.set(xlabel="fitted", ylabel="observed")
    else:
        symbol, values = predictor
        ax.errorbar(values, observed, yerr=sigma, fmt=".", label="data")
        line = np.linspace(np.min(values), np.max(values), points)
        ax.plot(line, np.broadcast_to(result.predict({symbol: line}), line.shape), label="fit")
        if level is not None:
            _draw_bands(ax, line, result.prediction({symbol: line}, level), level)
        ax.set(xlabel=str(symbol), ylabel=result.problem.response_name)
    ax.set_title(f"residual sum of squares {result.rss:.6g}")
    ax.legend()
    return ax


def _draw_bands(ax: Any, line: Any, found: Prediction, level: float) -> None:
    bands = {"confidence": (found.confidence, 0.3), "observations": (found.observation, 0.12)}
    for name, (band, alpha) in bands.items():
        if band is not None and np.isfinite(band).all():
            low, high = (np.broadcast_to(side, line.shape) for side in band)
            ax.fill_between(line, low, high, color="C1", alpha=alpha, linewidth=0, label=f"{100 * level:g} % {name}")
