"""The parts of complex numbers, and conversion of dtypes, elementwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy

from ..graph import Node
from ..shapes import Spec, broadcast, promote
from .base import Elementwise, as_float, as_real, is_complex
from .cuts import unsigned


class real(Elementwise):
    """The real part.

    >>> real(1 + 2j).eval()
    np.float64(1.0)
    """

    sympy_types = (sympy.re,)
    dtype_rule = staticmethod(as_real)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.real(x) if is_complex(x) else xp.asarray(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad]


class imag(Elementwise):
    """The imaginary part; 0 for real x.

    >>> imag(1 + 2j).eval()
    np.float64(2.0)
    """

    sympy_types = (sympy.im,)
    dtype_rule = staticmethod(as_real)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.imag(x) if is_complex(x) else xp.zeros_like(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [-1j * grad]


class conjugate(Elementwise):
    """The complex conjugate.

    >>> conjugate(1 + 2j).eval()
    np.complex128(1-2j)
    """

    sympy_types = (sympy.conjugate,)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.conj(x) if is_complex(x) else xp.asarray(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [conjugate(grad)]


class angle(Elementwise):
    """The argument of a complex number, in (-pi, pi].

    >>> angle(-1.0).eval()
    np.float64(3.141592653589793)
    """

    sympy_types = (sympy.arg,)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(broadcast(*[s.shape for s in specs]), as_real(as_float(promote(*[s.dtype for s in specs]))))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.atan2(xp.imag(unsigned(x, xp)), xp.real(x)) if is_complex(x) else xp.atan2(xp.zeros_like(x), x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        (x,) = self.input_nodes
        return [-1j * grad / x]


class cast(Elementwise):
    """x as another dtype. To bool: whether it is not 0.

    >>> cast(1.75, dtype="int64").eval()
    np.int64(1)
    """

    attributes = ("target",)

    def __init__(self, x: Any, dtype: Any = np.float64, name: str | None = None) -> None:
        super().__init__(x, name=name)
        self.target = np.dtype(dtype)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(specs[0].shape, self.target)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        if self.target.kind in "biuf" and is_complex(x):
            x = xp.real(x)
        return xp.astype(xp.asarray(x), self.target)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad if self.target.kind in "fc" else None]
