"""Functions with an implementation of the user's own: registered, given for one call, or attached by SymPy's `implemented_function`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import sympy
from sympy.core.function import AppliedUndef

from ..graph import Node
from ..ops.user import call
from .rules import Rule, Value

if TYPE_CHECKING:
    from .translator import Translator

__all__ = ["is_registered", "register", "registrations", "user_rule"]


class _Implementation(NamedTuple):
    compute: Callable[..., Any]
    gradient: Callable[..., Sequence[Node | None]] | None = None
    shape: tuple[Any, ...] = ()


_registered: dict[Any, _Implementation] = {}


def register(
    function: Any,
    compute: Callable[..., Any] | None,
    gradient: Callable[..., Sequence[Node | None]] | None = None,
    shape: Sequence[Any] = (),
) -> None:
    """Give a SymPy function a numeric meaning, from now on and everywhere.

    Args:
        function: a function class: `sympy.Function("f")`, or a subclass of `sympy.Function`.
        compute: takes NumPy arrays (the arguments' values, with any batch axes) and returns one. None takes an earlier registration back.
        gradient: takes the node of the gradient with respect to the result, then the argument nodes; returns a list with a node or None for each.
        shape: the core shape of the result; () for a scalar.

    >>> import numpy as np, symgraph as sg
    >>> f, x = sympy.Function("rise"), sympy.Symbol("x")
    >>> register(f, np.sinh, gradient=lambda grad, x: [grad * sg.cosh(x)])
    >>> sg.function(x, 2 * f(x))(0.0)
    np.float64(0.0)
    """
    if not (isinstance(function, type) and issubclass(function, sympy.Basic)):
        raise TypeError(f"register() takes a SymPy function class such as sympy.Function('f'), not {function!r}")
    if compute is None:
        _registered.pop(function, None)
        return
    if not callable(compute):
        raise TypeError(f"compute must be a callable, not {compute!r}")
    _registered[function] = _Implementation(compute, gradient, tuple(shape))


def registrations() -> tuple[Any, ...]:
    """All that is registered now: what was compiled before holds for as long as this stays equal."""
    return tuple(_registered.items())


def _implementation(expr: Any, functions: Mapping[str, Any], use_imps: bool) -> _Implementation | None:
    func = expr.func
    attached = getattr(func, "_imp_", None) if use_imps else None
    if callable(attached):
        return _Implementation(attached)
    if functions and func.__name__ in functions:
        return _Implementation(functions[func.__name__])
    if _registered and func in _registered:
        return _registered[func]
    return None


def is_registered(expr: Any) -> bool:
    """Whether an expression is a function application with an implementation of its own: registered, or by `implemented_function`."""
    return isinstance(expr, (sympy.Function, AppliedUndef)) and _implementation(expr, {}, True) is not None


def user_rule(expr: Any, functions: Mapping[str, Any], use_imps: bool = True) -> Rule | None:
    """The rule for a function application that the user has implemented; None for any other."""
    found = _implementation(expr, functions, use_imps)
    if found is None:
        return None

    def build(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
        inputs = [value.settled.node for value in values]
        return Value(
            call(inputs, found.compute, found.gradient, [value.rank for value in values], found.shape), found.shape
        )

    return Rule(build)
