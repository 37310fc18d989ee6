"""Functions that users give: called on NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..graph import Node
from ..nodes import Operation


class call(Operation):
    """`function(*values)` for the values of the inputs, as NumPy arrays that it must not write to.

    Args:
        inputs: the inputs.
        function: any callable. It should take arrays with leading batch axes, as NumPy's own functions do.
        derivative: None, or a callable that gets the node of the gradient with respect to the result, and then the input nodes, and
            returns a list with the node of the gradient (or None) for each input.

    >>> import math
    >>> call([4.0], math.sqrt).eval()
    np.float64(2.0)
    """

    def __init__(
        self,
        inputs: Sequence[Any],
        function: Callable[..., Any],
        derivative: Callable[..., Sequence[Node | None]] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(inputs, name)
        self.function, self.derivative = function, derivative

    def compute(self, *values: Any) -> Any:
        return self.function(*values)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        if self.derivative is None:
            raise NotImplementedError(
                f"The function {getattr(self.function, '__name__', self.function)!r} has no gradient: give one, as in "
                "symgraph.register(f, compute, gradient=lambda grad, x: [grad * ...])"
            )
        return self.derivative(grad, *self.input_nodes)
