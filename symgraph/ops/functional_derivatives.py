"""The derivative of a complex function of a real or complex variable, from the gradients of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Node
from ..shapes import Spec, broadcast
from .base import Elementwise, is_complex

__all__ = ["complex_derivative"]


class complex_derivative(Elementwise):
    """dy/dx from the gradients of the real and of the imaginary part of y with respect to x.

    Where y is complex and x real these are the parts of the derivative. Where x is complex too, the first is the derivative of a holomorphic
    function by itself.

    >>> complex_derivative(1.0, 2.0, 0.5, 3 + 4j).eval()
    np.complex128(1+2j)
    """

    def infer(self, *specs: Spec) -> Spec:
        return Spec(broadcast(*[spec.shape for spec in specs]))

    def compute(self, by_real: Any, by_imag: Any, x: Any, y: Any, *, xp: Any = np) -> Any:
        return xp.add(by_real, 1j * by_imag) if is_complex(y) and not is_complex(x) else xp.asarray(by_real)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        _, _, x, y = self.input_nodes
        return [grad, _of_imaginary(grad, x, y), None, None]


class _of_imaginary(Elementwise):
    """The gradient with respect to the second input of `complex_derivative`: 0 where that has no effect."""

    def infer(self, *specs: Spec) -> Spec:
        return Spec(broadcast(*[spec.shape for spec in specs]))

    def compute(self, grad: Any, x: Any, y: Any, *, xp: Any = np) -> Any:
        return 1j * grad if is_complex(y) and not is_complex(x) else xp.zeros_like(grad)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        _, x, y = self.input_nodes
        return [_of_imaginary(grad, x, y), None, None]
