"""Comparisons, logic, and choice, elementwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import UnboundSymbolError
from ..graph import Node
from ..shapes import Spec, broadcast, promote
from .base import Elementwise, is_complex


def _as_bool(dtype: Any) -> Any:
    return np.dtype(bool)


class _Condition(Elementwise):
    """True or False for each entry."""

    dtype_rule = staticmethod(_as_bool)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None] * len(self.input_nodes)


class equal(_Condition):
    """x == y.

    >>> equal([1, 2], 2).eval()
    array([False,  True])
    """

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.equal(x, y)


class not_equal(_Condition):
    """x != y.

    >>> not_equal([1, 2], 2).eval()
    array([ True, False])
    """

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.not_equal(x, y)


class less(_Condition):
    """x < y.

    >>> less([1, 2], 2).eval()
    array([ True, False])
    """

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.less(x, y)


class less_equal(_Condition):
    """x <= y.

    >>> less_equal([1, 2], 2).eval()
    array([ True,  True])
    """

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.less_equal(x, y)


class greater(_Condition):
    """x > y.

    >>> greater([1, 2], 1).eval()
    array([False,  True])
    """

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.greater(x, y)


class greater_equal(_Condition):
    """x >= y.

    >>> greater_equal([1, 2], 2).eval()
    array([False,  True])
    """

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.greater_equal(x, y)


class logical_and(_Condition):
    """Whether both are true (not 0).

    >>> logical_and(True, [True, False]).eval()
    array([ True, False])
    """

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.logical_and(x, y)


class logical_or(_Condition):
    """Whether one of them is true (not 0).

    >>> logical_or(False, [True, False]).eval()
    array([ True, False])
    """

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.logical_or(x, y)


class logical_xor(_Condition):
    """Whether exactly one of them is true (not 0).

    >>> logical_xor(True, [True, False]).eval()
    array([False,  True])
    """

    def compute(self, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.logical_xor(x, y)


class logical_not(_Condition):
    """Whether x is false (0).

    >>> logical_not([True, False]).eval()
    array([False,  True])
    """

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.logical_not(x)


class is_nan(_Condition):
    """Whether x is not a number.

    >>> is_nan([1.0, float('nan')]).eval()
    array([False,  True])
    """

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.isnan(x)


class where(Elementwise):
    """x where the condition holds, else y. What is not chosen has no effect on the value or on the gradient, nan and inf included.

    >>> where([True, False], 1.0, 2.0).eval()
    array([1., 2.])
    """

    chooses = True

    def __init__(self, condition: Any, x: Any, y: Any, name: str | None = None) -> None:
        super().__init__(condition, x, y, name=name)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(broadcast(*[spec.shape for spec in specs]), promote(*[spec.dtype for spec in specs[1:]]))

    def compute(self, condition: Any, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.where(condition, x, y)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        condition, _, _ = self.input_nodes
        return [None, where(condition, grad, 0), where(condition, 0, grad)]


class relu(Elementwise):
    """max(x, 0); its gradient at 0 is 0.

    >>> relu([-1.0, 2.0]).eval()
    array([0., 2.])
    """

    chooses = True

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.maximum(x, xp.zeros_like(x))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [where(less_equal(x, 0), 0, grad)]  # and nan passes on what it gets


class heaviside(Elementwise):
    """0 for x < 0, 1 for x > 0, `at_zero` at 0, nan for nan.

    >>> heaviside([-1.0, 0.0, 1.0], 0.5).eval()
    array([0. , 0.5, 1. ])
    """

    @staticmethod
    def dtype_rule(dtype: Any) -> Any:
        return promote(dtype, float)

    def compute(self, x: Any, at_zero: Any, *, xp: Any = np) -> Any:
        x = xp.asarray(x)
        step = xp.where(xp.less(x, 0), 0.0, xp.where(xp.equal(x, 0), at_zero, 1.0))
        step = xp.where(xp.isnan(x), float("nan"), step)
        return xp.astype(step, x.dtype) if x.dtype.kind == "f" and not is_complex(step) else step

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        x, _ = self.input_nodes
        return [None, where(equal(x, 0), grad, 0)]


class unbound_if(Elementwise):
    """nan, but UnboundSymbolError where the condition holds: a branch that cannot be computed, since symbols have no value.

    >>> unbound_if(False, "y").eval()
    np.float64(nan)
    """

    attributes = ("symbols",)

    def __init__(self, condition: Any, symbols: str = "", name: str | None = None) -> None:
        super().__init__(condition, name=name)
        self.symbols = symbols

    @staticmethod
    def dtype_rule(dtype: Any) -> Any:
        return float

    def compute(self, condition: Any, *, xp: Any = np) -> Any:
        if bool(xp.any(condition)):
            raise UnboundSymbolError(
                f"A branch of a Piecewise is taken in which free symbols {{{self.symbols}}} are not in args"
            )
        return xp.where(condition, float("nan"), float("nan"))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None]
