"""Special functions: a few have instructions of their own, others SciPy's C functions, called for one row after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from .lanes import Lane, Unsupported
from .symbols import callback, entry

__all__ = ["SpecialFunctions"]

_FLOAT64 = np.dtype(np.float64)


class SpecialFunctions:
    """What an array namespace has under `special`: SciPy's functions of real numbers, by their names. Those without a C function are Unsupported.

    Attributes:
        operations: functions that have instructions of their own, by the names of their operations.
    """

    def __init__(self, namespace: Any) -> None:
        self._namespace = namespace
        self._mask: Any = None
        self.operations: dict[str, Callable[..., Any]] = {
            **{name: getattr(namespace, name) for name in ("erf", "erfc", "gamma", "digamma")},
            "loggamma": self._loggamma,
        }

    def __getattr__(self, name: str) -> Any:
        found = None if name.startswith("_") else entry(name)
        if found is None:
            raise Unsupported(f"the function special.{name}")

        def function(*values: Any) -> Any:
            if len(values) != found.inputs:
                raise Unsupported(f"special.{name} of {len(values)} numbers")
            if not found.outputs:
                return self._called(f"scipy_{name}", values)
            return tuple([self._called(f"scipy_{name}.{place}", values) for place in range(found.outputs)])

        return function

    def only(self, mask: Any, function: Callable[..., Any], *values: Any) -> Any:
        """`function` of values, in which SciPy's functions are called only for rows where the mask holds."""
        outer = self._mask
        self._mask = mask if outer is None else outer & mask
        try:
            return function(*values)
        finally:
            self._mask = outer

    def rows(self, operation: Any, mask: Any, common: Any, *values: Any) -> Any:
        """`common`, but where the mask holds (for few rows) what the operation's `row` says, which is called in Python."""
        parameters = repr(tuple(getattr(operation, name) for name in operation.attributes))
        name = type(operation).__name__
        if operation.attributes:
            name = f"{name}.{hashlib.sha256(parameters.encode()).hexdigest()[:16]}"
        symbol = callback(name, len(values), operation.detached().row, (type(operation), parameters))
        return self._masked(symbol, mask, common, values)

    def _called(self, symbol: str, values: Any) -> Any:
        if self._mask is not None:
            return self._masked(symbol, self._mask, float("nan"), values)

        def of_lanes(*lanes: Any) -> Lane:
            return self._lane(self._namespace.code.call(symbol, *self._numbers(lanes)))

        return self._namespace.by_entry(of_lanes, *values)

    def _masked(self, symbol: str, mask: Any, common: Any, values: Any) -> Any:
        code = self._namespace.code

        def of_lanes(mask: Any, common: Any, *lanes: Any) -> Lane:
            (where,), (usual,) = self._namespace.lane(mask, np.dtype(bool)).ids, self._numbers([common])
            return self._lane(code.rare(where, symbol, usual, *self._numbers(lanes)))

        return self._namespace.by_entry(of_lanes, mask, common, *values)

    def _numbers(self, lanes: Any) -> list[int]:
        return [self._namespace.lane(lane, _FLOAT64).ids[0] for lane in lanes]

    def _lane(self, number: int) -> Lane:
        return Lane(self._namespace, _FLOAT64, (number,))

    def _loggamma(self, x: Any) -> Any:
        """Real where the gamma function is positive on the whole way from x to infinity, so nan between the poles."""
        xp = self._namespace
        between_poles = xp.logical_and(xp.less(x, 0.0), xp.not_equal(xp.floor(x), x))
        return xp.where(between_poles, float("nan"), xp.lgamma(x))
