"""model: an expression as a plain function of data and parameters, as `scipy.optimize.curve_fit` and lmfit take it."""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError, brief
from ..functions import Function
from ..nodes import symbol_name
from .layout import symbols_of
from .vectors import as_real

__all__ = ["Model", "model"]


class Model:
    """What `symgraph.model` gives: a callable `f(xdata, a, b, ...)` with a true signature, and `jac(xdata, a, b, ...)`.

    Attributes:
        predictors, parameters: the symbols.
        names: what the parameters are called in the signature: their own names, as far as Python can take them.
    """

    def __init__(self, expr: Any, x: Any, params: Any, *, name: str = "model", **options: Any) -> None:
        self.predictors, self.parameters = symbols_of(x, "x"), symbols_of(params, "params")
        self.function = Function([*self.predictors, *self.parameters], expr, name=name, **options)
        for symbol, core in zip(self.function.args, self.function._cores, strict=True):
            if core and symbol in self.parameters:
                raise ArgumentError(
                    f"curve_fit and lmfit vary numbers, but the parameter {symbol} is an array; use symgraph.fit"
                )
        first, *self.names = _python_names(
            ["x" if len(self.predictors) > 1 else symbol_name(self.predictors[0]), *map(symbol_name, self.parameters)]
        )
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in (first, *self.names)])
        self.__name__ = self.__qualname__ = name
        self.__doc__ = f"{name}{self.__signature__}\n\nComputes {brief(expr)}."

    def __repr__(self) -> str:
        return f"<symgraph Model {self.__name__}{self.__signature__} = {brief(self.function.outputs)}>"

    def __call__(self, *args: Any, **named: Any) -> Any:
        """The model at each data point, of the shape of the data."""
        return as_real(self.function(*self._values(args, named)), self.__name__)

    def jac(self, *args: Any, **named: Any) -> Any:
        """The derivatives with respect to the parameters, a last axis of which runs over them: (m, n) for m data points."""
        derivatives = self.function.jac(self.parameters)(*self._values(args, named))
        return as_real(np.stack(derivatives, axis=-1), f"the derivative of {self.__name__}")

    def _values(self, args: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
        """The value for each argument of the Function."""
        if named or len(args) != 1 + len(self.names):
            args = self.__signature__.bind(*args, **named).args
        xdata, *parameters = args
        if len(self.predictors) == 1:
            return [xdata, *parameters]
        if len(xdata) != len(self.predictors):
            raise ShapeError(
                f"The data must be an array of shape ({len(self.predictors)}, m), or as many arrays, for {', '.join(map(str, self.predictors))}; "
                f"but there are {len(xdata)}"
            )
        return [*xdata, *parameters]


def _python_names(names: Sequence[str]) -> list[str]:
    """Different names that Python can take for parameters, each as near to the given one as can be."""
    found: list[str] = []
    for name in names:
        plain = re.sub(r"\W", "_", name.replace("\\", ""))
        if not plain.isidentifier() or keyword.iskeyword(plain) or plain.startswith("__"):
            plain = f"p_{plain.lstrip('_')}"
        while plain in found:
            plain += "_"
        found.append(plain)
    return found


def model(
    expr: Any,
    x: Any,
    params: Any,
    *,
    backend: Any = None,
    threads: int | None = None,
    contract: bool = True,
    name: str = "model",
) -> Model:
    """An expression as a function `f(xdata, a, b, ...)` whose parameters have names, for `scipy.optimize.curve_fit(f, xdata, ydata, jac=f.jac)` and
    `lmfit.Model(f)`.

    Args:
        expr: the expression.
        x: the predictor's symbol, or a list of them: then xdata is an array (k, m), or k arrays.
        params: the parameters' symbols, in the order of the signature.
        backend, threads, contract: as for `symgraph.function`.

    >>> import inspect, sympy
    >>> from scipy.optimize import curve_fit
    >>> t, a, b = sympy.symbols("t a b")
    >>> f = model(a * sympy.exp(-b * t), t, [a, b])
    >>> inspect.signature(f)
    <Signature (t, a, b)>
    >>> curve_fit(f, [0.0, 1.0, 2.0], [4.0, 2.0, 1.0], p0=[1, 1], jac=f.jac)[0].round(6)
    array([4.      , 0.693147])
    """
    return Model(expr, x, params, backend=backend, threads=threads, contract=contract, name=name)
