"""Hypergeometric functions and Meijer's G function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sympy.functions.special import hyper as sympy_hyper

from .special_base import Special, library


class hyper(Special):
    """The generalised hypergeometric function pFq(a...; b...; z); the inputs are the a, the b, and z.

    >>> hyper(1.0, 2.0, 3.0, 0.5, p=2).eval()
    np.float64(1.54517744447...)
    """

    attributes = ("p",)
    computed_by = "scipy.special.hyp2f1, hyp1f1 and hyp0f1 where all terms are positive; mpmath for the rest"
    accuracy = "1e-13"

    def __init__(self, *inputs: Any, p: int, name: str | None = None) -> None:
        super().__init__(*inputs, name=name)
        self.p = int(p)

    def exact(self, mp: Any, *numbers: Any) -> Any:
        return mp.hyper(list(numbers[: self.p]), list(numbers[self.p : -1]), numbers[-1])

    def values(self, *arrays: Any, xp: Any = np) -> Any:
        special = library(xp)
        *parameters, z = arrays
        function = {(2, 1): special.hyp2f1, (1, 1): special.hyp1f1, (0, 1): special.hyp0f1}.get(
            (self.p, len(parameters) - self.p)
        )
        if function is None:
            if xp is not np:
                raise NotImplementedError("a hypergeometric function that SciPy does not have")
            return self.rows(*arrays)
        simple = (z >= 0) & (z < 0.9)
        for parameter in parameters:
            simple = simple & (parameter > 0) & (parameter < 10)
        return self.by_case(arrays, (simple, function), xp=xp)

    def partial(self, place: int) -> Any:
        *parameters, z = self.input_nodes
        if place < len(parameters):
            return self.numeric_partial(place)
        above, below = _product(parameters[: self.p]), _product(parameters[self.p :])
        shifted = hyper(*[parameter + 1 for parameter in parameters], z, p=self.p)
        return shifted * above / below


def _product(nodes: Sequence[Any]) -> Any:
    result: Any = 1.0
    for node in nodes:
        result = node if isinstance(result, float) else result * node
    return result


class meijerg(Special):
    """Meijer's G function; the inputs are its four groups of parameters one after the other, of which `groups` are the lengths, and z.

    >>> meijerg(0.0, 1.0, groups=(0, 0, 1, 0)).eval()
    np.float64(0.367879441171...)
    """

    attributes = ("groups",)

    def __init__(self, *inputs: Any, groups: tuple[int, int, int, int], name: str | None = None) -> None:
        super().__init__(*inputs, name=name)
        self.groups = tuple(groups)

    def exact(self, mp: Any, *numbers: Any) -> Any:
        rest, lists = list(numbers[:-1]), []
        for length in self.groups:
            lists.append(rest[:length])
            rest = rest[length:]
        return mp.meijerg(lists[:2], lists[2:], numbers[-1])

    def partial(self, place: int) -> Any:
        return self.numeric_partial(place)


class appellf1(Special):
    """Appell's F1 of two variables, the sum of (a)_(m+n) * (b1)_m * (b2)_n / (c)_(m+n) * x**m/m! * y**n/n!.

    >>> appellf1(1.0, 1.0, 1.0, 2.0, 0.25, 0.5).eval()
    np.float64(1.6218604324326...)
    """

    sympy_types = (sympy_hyper.appellf1,)

    def exact(self, mp: Any, a: Any, b1: Any, b2: Any, c: Any, x: Any, y: Any) -> Any:
        return mp.appellf1(a, b1, b2, c, x, y)

    def partial(self, place: int) -> Any:
        a, b1, b2, c, x, y = self.input_nodes
        if place == 4:
            return a * b1 / c * appellf1(a + 1, b1 + 1, b2, c + 1, x, y)
        if place == 5:
            return a * b2 / c * appellf1(a + 1, b1, b2 + 1, c + 1, x, y)
        return self.numeric_partial(place)
