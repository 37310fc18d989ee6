"""Functions that users give: called on NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import Node
from ..nodes import Operation
from ..shapes import format_shape


class call(Operation):
    """`function(*values)` for the values of the inputs, as NumPy arrays that it must not write to.

    Args:
        inputs: the inputs.
        function: any callable. It should take arrays with leading batch axes, as NumPy's own functions do.
        ranks: how many axes one value of each input has, and `core`, the shape of one value of the result: if given, the result is checked.
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
        ranks: Sequence[int] | None = None,
        core: Sequence[Any] = (),
        name: str | None = None,
    ) -> None:
        super().__init__(inputs, name)
        self.function, self.derivative = function, derivative
        self.ranks, self.core = ranks, tuple(core)

    def compute(self, *values: Any) -> Any:
        result = self.function(*values)
        if result is None:
            raise TypeError(f"The function {self._title()} gave None; it must return a number or an array")
        if self.ranks is not None:
            self._check(np.shape(result), [np.shape(value) for value in values])
        return result

    def _check(self, shape: tuple[int, ...], inputs: Sequence[tuple[int, ...]]) -> None:
        """Refuse a result that has more or other axes than the inputs' batch axes and its own."""
        loops = np.broadcast_shapes(*[s[: len(s) - rank] for s, rank in zip(inputs, self.ranks or (), strict=True)])
        own = len(shape) - len(self.core)
        fits = own >= 0 and all(not isinstance(m, int) or m == n for m, n in zip(self.core, shape[own:], strict=True))
        try:
            fits = fits and np.broadcast_shapes(loops, shape[:own]) == loops
        except ValueError:
            fits = False
        if not fits:
            raise ShapeError(
                f"The function {self._title()} gave an array of shape {shape} for arguments of shapes {', '.join(map(str, inputs))}; "
                f"it must have the batch axes {loops}, and then {format_shape(self.core)}"
            )

    def _title(self) -> str:
        return repr(getattr(self.function, "__name__", self.function))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        if self.derivative is None:
            raise NotImplementedError(
                f"The function {self._title()} has no gradient: give one, as in "
                "symgraph.register(f, compute, gradient=lambda grad, x: [grad * ...])"
            )
        return self.derivative(grad, *self.input_nodes)
