"""History: how an optimisation went, step by step; its progress bar, and its picture."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["History", "as_callback"]

_SIGNATURE = inspect.Signature([inspect.Parameter("intermediate_result", inspect.Parameter.POSITIONAL_OR_KEYWORD)])


class History:
    """What an optimiser passed through. Give it to SciPy as `callback=`; `symgraph.fit` keeps one of its own.

    Args:
        progress: whether to show the steps by tqdm, where tqdm is installed and the output is a terminal.

    Attributes:
        points: the vector of each step, an array of shape (steps, n).
        values: the objective at each step (for least squares and for equations the sum of the squares), where the optimiser told it, else nan:
            "TNC" and `direct`, for instance, tell the vector only.

    >>> from scipy.optimize import minimize
    >>> history = History()
    >>> result = minimize(lambda p: (p[0] - 3) ** 2, [0.0], callback=history)
    >>> len(history) == result.nit, history.points[-1].round(3)
    (True, array([3.]))
    """

    def __init__(self, progress: bool = False) -> None:
        self._points: list[Any] = []
        self._values: list[float] = []
        self._bar = _bar() if progress else None
        self.__signature__ = _SIGNATURE  # of its instances alone, by which SciPy knows what to give

    def __call__(self, intermediate_result: Any, *told: Any) -> None:
        """Note one step. SciPy gives an OptimizeResult; some of its functions give the vector, some with the objective and more behind it."""
        x = getattr(intermediate_result, "x", intermediate_result)
        self._points.append(np.array(x, dtype=float))
        self._values.append(_value(intermediate_result, *told))
        if self._bar is not None:
            self._bar.set_postfix_str(f"value {self._values[-1]:.6g}", refresh=False)
            self._bar.update()

    def __len__(self) -> int:
        return len(self._values)

    def __bool__(self) -> bool:
        return True  # an empty one is a callback too, for SciPy asks `if callback`

    def __repr__(self) -> str:
        last = f", last value {self._values[-1]:.6g}" if self._values else ""
        return f"<symgraph History of {len(self)} steps{last}>"

    @property
    def points(self) -> Any:
        return np.array(self._points)

    @property
    def values(self) -> Any:
        return np.array(self._values)

    def close(self) -> None:
        """End the progress bar, if there is one."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def plot(self, ax: Any = None) -> Any:
        """Draw how far each value is above the smallest one, on a logarithmic scale. Gives the Axes. Needs matplotlib."""
        from .pictures import axes

        ax = axes(ax)
        values = self.values
        above = values - np.nanmin(values) if np.isfinite(values).any() else values
        smallest = np.min(above[above > 0], initial=np.inf)
        ax.semilogy(np.arange(len(above)), np.maximum(above, smallest) if np.isfinite(smallest) else above, ".-")
        ax.set(xlabel="step", ylabel="value above the smallest", title=f"{len(self)} steps")
        return ax


def _value(intermediate: Any, fun: Any = None, *rest: Any) -> float:
    cost = getattr(intermediate, "cost", None)  # half the sum of squares
    if cost is not None:
        return 2 * float(cost)
    fun = getattr(intermediate, "fun", fun)
    if fun is None:
        return float("nan")
    return float(fun) if np.ndim(fun) == 0 else float(np.sum(np.abs(fun) ** 2))


def _bar() -> Any:
    """tqdm's bar, which shows nothing off a terminal; None where tqdm is not installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(disable=None, unit=" steps")


def as_callback(callback: Callable[..., Any] | None) -> Callable[[Any], Any]:
    """A function of an OptimizeResult that calls `callback` as SciPy does: with the result by its name, or else with the vector.

    >>> from types import SimpleNamespace
    >>> as_callback(print)(SimpleNamespace(x=[1.0]))
    [1.]
    """
    if callback is None:
        return lambda result: None
    try:
        wants_result = set(inspect.signature(callback).parameters) == {"intermediate_result"}
    except ValueError:  # a builtin that does not tell
        wants_result = False
    if wants_result:
        return lambda result: callback(intermediate_result=result)
    return lambda result: callback(np.copy(result.x))
