"""The special functions that have instructions of their own, by the names of their operations. All others are library steps."""

from __future__ import annotations

from typing import Any

from .lanes import Unsupported

__all__ = ["SpecialFunctions"]


class SpecialFunctions:
    """What an array namespace has under `special`. Numbers are real: complex ones are Unsupported."""

    def __init__(self, namespace: Any) -> None:
        self._namespace = namespace

    def __getattr__(self, name: str) -> Any:
        raise Unsupported(f"the function special.{name}")

    def erf(self, x: Any) -> Any:
        return self._namespace.erf(x)

    def erfc(self, x: Any) -> Any:
        return self._namespace.erfc(x)

    def gamma(self, x: Any) -> Any:
        return self._namespace.gamma(x)

    def digamma(self, x: Any) -> Any:
        return self._namespace.digamma(x)

    def loggamma(self, x: Any) -> Any:
        """Real where the gamma function is positive on the whole way from x to infinity, so nan between the poles."""
        xp = self._namespace
        between_poles = xp.logical_and(xp.less(x, 0.0), xp.not_equal(xp.floor(x), x))
        return xp.where(between_poles, float("nan"), xp.lgamma(x))
