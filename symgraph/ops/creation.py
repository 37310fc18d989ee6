"""Arrays made from the shape, the length or the entries of other nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..graph import Node
from ..shapes import Spec, broadcast, is_static, promote
from .base import PureOperation, as_float


class _Like(PureOperation):
    rowwise = True
    entrywise = True
    fill: ClassVar[int] = 0

    def __init__(self, x: Any, name: str | None = None) -> None:
        super().__init__([x], name)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(specs[0].shape, as_float(promote(specs[0].dtype)))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        x = xp.asarray(x)
        dtype = x.dtype if x.dtype.kind in "fc" else np.dtype(np.float64)
        return xp.full(x.shape, self.fill, dtype=dtype)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None]


class zeros_like(_Like):
    """Zeros in the shape of x, of its dtype (float64 for integers).

    >>> zeros_like([1.5, 2.5]).eval()
    array([0., 0.])
    """

    fill = 0


class ones_like(_Like):
    """Ones in the shape of x, of its dtype (float64 for integers).

    >>> ones_like([1.5, 2.5]).eval()
    array([1., 1.])
    """

    fill = 1


class size(PureOperation):
    """The length of the axis `axis` of x.

    >>> size([[1, 2, 3]], axis=-1).eval()
    np.int64(3)
    """

    attributes = ("axis",)

    def __init__(self, x: Any, axis: int = 0, name: str | None = None) -> None:
        super().__init__([x], name)
        self.axis = int(axis)

    def infer(self, *specs: Spec) -> Spec:
        return Spec((), np.dtype(np.int64))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return np.int64(x.shape[self.axis])

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None]


class dimension(PureOperation):
    """The length of the axis `axis` of x as a number: a Python float, which takes the dtype of what it meets.

    >>> dimension([[1, 2, 3]], axis=-1).eval()
    np.float64(3.0)
    """

    attributes = ("axis",)

    def __init__(self, x: Any, axis: int = 0, name: str | None = None) -> None:
        super().__init__([x], name)
        self.axis = int(axis)

    def infer(self, *specs: Spec) -> Spec:
        return Spec((), float)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return float(x.shape[self.axis])

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None]


class plain_number(PureOperation):
    """A single number as a Python number, which takes the dtype of what it meets; integers, booleans and arrays stay what they are.

    >>> plain_number(np.float64(3.0)).eval()
    np.float64(3.0)
    """

    def __init__(self, x: Any, name: str | None = None) -> None:
        super().__init__([x], name)

    def infer(self, *specs: Spec) -> Spec:
        shape, dtype = specs[0].shape, promote(specs[0].dtype)
        if shape == () and dtype is not None and dtype.kind in "fc":
            return Spec((), float if dtype.kind == "f" else complex)
        return Spec(shape, dtype if dtype is None or dtype.kind not in "fc" or is_static(shape) else None)

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        single = getattr(x, "shape", None) == () and x.dtype.kind in "fc"
        return x.item() if single else x

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad]


def whole_number(value: Any, what: str) -> int:
    """The one integer that all entries of `value` are; ValueError where there is none."""
    if type(value) is int or (type(value) is float and value.is_integer()):
        return int(value)
    array = np.asarray(value)
    first = array.reshape(-1)[0] if array.size else np.nan
    if not array.size or not np.all(array == first) or not np.isfinite(first) or first != int(first.real):
        raise ValueError(f"{what} must be one whole number for the whole batch, not {value!r}")
    return int(first.real)


class full(PureOperation):
    """An array of the given lengths (nodes or numbers), filled with a number.

    >>> full([2, 3], 1.0).eval()
    array([[1., 1., 1.],
           [1., 1., 1.]])
    """

    attributes = ("fill", "target")

    def __init__(
        self, lengths: Sequence[Any], fill: float = 0.0, dtype: Any = np.float64, name: str | None = None
    ) -> None:
        super().__init__(lengths, name)
        self.fill, self.target = fill, np.dtype(dtype)

    def infer(self, *specs: Spec) -> Spec:
        return Spec((None,) * len(specs), self.target)

    def compute(self, *lengths: Any, xp: Any = np) -> Any:
        return xp.full(tuple(whole_number(n, "A dimension") for n in lengths), self.fill, dtype=self.target)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None] * len(self.input_nodes)


class eye(PureOperation):
    """The n x m matrix with ones on the main diagonal.

    >>> eye(2, 2).eval()
    array([[1., 0.],
           [0., 1.]])
    """

    attributes = ("target",)

    def __init__(self, n: Any, m: Any = None, dtype: Any = np.float64, name: str | None = None) -> None:
        super().__init__([n, n if m is None else m], name)
        self.target = np.dtype(dtype)

    def infer(self, *specs: Spec) -> Spec:
        return Spec((None, None), self.target)

    def compute(self, n: Any, m: Any, *, xp: Any = np) -> Any:
        return xp.eye(whole_number(n, "A dimension"), whole_number(m, "A dimension"), dtype=self.target)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None, None]


class eye_like(PureOperation):
    """The identity matrix of the order of the square matrices x, of their dtype (float64 for integers).

    >>> eye_like([[5.0, 6.0], [7.0, 8.0]]).eval()
    array([[1., 0.],
           [0., 1.]])
    """

    def __init__(self, x: Any, name: str | None = None) -> None:
        super().__init__([x], name)

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        order = x.shape[-1] if x.shape and x.shape[-1] is not ... else None
        return Spec((order, order), as_float(promote(x.dtype)))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.eye(x.shape[-1], dtype=x.dtype if x.dtype.kind in "fc" else np.dtype(np.float64))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None]


class arange(PureOperation):
    """0, 1, ..., n - 1.

    >>> arange(3).eval()
    array([0., 1., 2.])
    """

    attributes = ("target",)

    def __init__(self, n: Any, dtype: Any = np.float64, name: str | None = None) -> None:
        super().__init__([n], name)
        self.target = np.dtype(dtype)

    def infer(self, *specs: Spec) -> Spec:
        return Spec((None,), self.target)

    def compute(self, n: Any, *, xp: Any = np) -> Any:
        return xp.arange(whole_number(n, "A length"), dtype=self.target)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None]


class assemble(PureOperation):
    """An array of the given shape whose entries are the inputs, in row-major order.

    The inputs' own axes are broadcast against each other and come first, so that entries of shape (n,) give shape (n, *shape).

    >>> assemble([[1, 2, 3], 0], (2,)).eval()
    array([[1, 0],
           [2, 0],
           [3, 0]])
    """

    rowwise = True
    attributes = ("target",)

    def __init__(self, entries: Sequence[Any], shape: Sequence[int], name: str | None = None) -> None:
        super().__init__(entries, name)
        self.target = tuple(int(n) for n in shape)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(
            (*broadcast(*[spec.shape for spec in specs]), *self.target),
            promote(*[spec.dtype for spec in specs]) if specs else np.dtype(float),
        )

    def compute(self, *entries: Any, xp: Any = np) -> Any:
        loops = np.broadcast_shapes(*[getattr(entry, "shape", ()) for entry in entries])
        result = xp.empty((*loops, len(entries)), dtype=xp.result_type(*entries) if entries else np.float64)
        for place, entry in enumerate(entries):
            result[..., place] = entry
        return xp.reshape(result, (*loops, *self.target))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        from .indexing import getitem

        places = np.ndindex(*self.target)
        return [getitem(grad, (..., *place)) for place in places]
