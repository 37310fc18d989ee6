"""Derivatives of special functions by numeric differentiation, where there is no formula or a poor one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from ..graph import Node
from ..shapes import Spec
from .special_base import Special


class partial_derivative(Special):
    """A derivative of a special function, by mpmath's differentiation in high precision.

    `operation` is the name of the operation, `parameters` the values of its attributes, `orders` how often it is differentiated in each input.

    >>> partial_derivative(0.5, 1.0, operation="besselj", orders=(1, 0)).eval()
    np.float64(-0.408103781378...)
    """

    attributes = ("operation", "parameters", "orders")
    computed_by = "mpmath.diff"

    def __init__(
        self,
        *inputs: Any,
        operation: str = "",
        parameters: tuple[Any, ...] = (),
        orders: tuple[int, ...] = (),
        name: str | None = None,
    ) -> None:
        super().__init__(*inputs, name=name)
        self.operation, self.parameters, self.orders = operation, parameters, orders

    @property
    def _primitive(self) -> Any:
        """The operation, without inputs: it is only asked for its definition."""
        from . import OPERATIONS

        operation = OPERATIONS[self.operation]
        bare = object.__new__(operation)
        bare.__dict__.update(zip(operation.attributes, self.parameters, strict=True))
        return bare

    def infer(self, *specs: Spec) -> Spec:
        return cast(Spec, self._primitive.infer(*specs))

    def _precision(self, values: Sequence[Any]) -> Any:
        dtype = super()._precision(values)
        return dtype if self._primitive.real_valued else np.result_type(dtype, np.complex64)

    def values(self, *arrays: Any, xp: Any = np) -> Any:
        if xp is np:
            return self.rows(*arrays)
        if not self._primitive.real_valued:
            raise NotImplementedError("a derivative that is complex")
        return self.by_rows_where(True, float("nan"), *arrays, xp=xp)

    def rows(self, *arrays: Any) -> Any:
        if not self._primitive.real_valued:
            arrays = (arrays[0].astype(complex), *arrays[1:])
        return super().rows(*arrays)

    def exact(self, mp: Any, *numbers: Any) -> Any:
        function = self._primitive.exact
        places = [place for place, order in enumerate(self.orders) if order]

        def varied(*values: Any) -> Any:
            arguments = list(numbers)
            for place, value in zip(places, values, strict=True):
                arguments[place] = value
            return function(mp, *arguments)

        point, orders = [numbers[place] for place in places], [self.orders[place] for place in places]
        return (
            mp.diff(varied, point[0], orders[0]) if len(places) == 1 else mp.diff(varied, tuple(point), tuple(orders))
        )

    def partial(self, place: int) -> Node | None:
        if place in self._primitive.discrete:
            return None
        orders = tuple(order + (i == place) for i, order in enumerate(self.orders))
        return partial_derivative(
            *self.input_nodes, operation=self.operation, parameters=self.parameters, orders=orders
        )
