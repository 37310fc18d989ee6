"""The kinds of operations that the others derive from."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from ..graph import Node
from ..nodes import Operation
from ..shapes import Shape, Spec, broadcast, promote

__all__ = ["Elementwise", "PureOperation", "as_float", "normal_axes"]


def as_float(dtype: Any) -> Any:
    """The dtype of a real function's value, by NumPy's rules; None where that is not worth knowing (bool, 8 and 16 bit integers)."""
    if dtype is None or dtype in (float, complex) or (isinstance(dtype, np.dtype) and dtype.kind in "fc"):
        return dtype
    return np.dtype(np.float64) if np.dtype(dtype).itemsize >= 4 else None


def unless_bool(dtype: Any) -> Any:
    """The dtype itself, but None for bool, of which NumPy's arithmetic makes integers."""
    return None if dtype is not None and np.dtype(dtype) == np.dtype(bool) else dtype


def as_sum(dtype: Any) -> Any:
    """The dtype of a sum: NumPy adds small integers and booleans as 64 bit integers."""
    return dtype if dtype is None or dtype.kind in "fc" else np.sum(np.zeros(1, dtype)).dtype


def as_real(dtype: Any) -> Any:
    """The dtype of a complex number's parts."""
    if dtype is complex:
        return float
    return np.empty(0, dtype).real.dtype if isinstance(dtype, np.dtype) else dtype


def is_complex(x: Any) -> bool:
    """Whether a value (an array or a Python number) is complex."""
    return isinstance(x, complex) or getattr(getattr(x, "dtype", None), "kind", "") == "c"


class PureOperation(Operation):
    """An operation of which equal instances on equal inputs are one node."""

    pure = True

    @property
    def rowwise(self) -> bool:
        """Whether what `compute` does with the core axes of a single row is what it does with each row of a batch."""
        return False

    entrywise: bool = False
    """Whether that holds also where each entry is taken for a row."""

    of_matrices: ClassVar[bool] = False
    """Whether the last two axes of each input are a matrix, and all others a batch, so that a constant matrix is the same one for each row."""

    moves: bool = False
    """Whether each entry of its value is one of its first input's, so that nothing is computed."""

    total: ClassVar[str] = ""
    """For a reduction over `axis`: "sum", "prod", "max" or "min", if its value is that of any parts put together by the same operation."""

    chooses: ClassVar[bool] = False
    """Whether an input may have no effect on the value: the gradient with respect to it is 0 there, whatever its own derivatives are."""

    needs_equal_batches: ClassVar[bool] = False
    """Whether that holds only where all inputs have the same batch axes."""


class Elementwise(PureOperation):
    """A function applied to each entry of its inputs, which are broadcast against each other.

    A subclass needs `compute(self, x, ..., *, xp=np)` and `gradient(self, grad)`; the number of inputs is that of `compute`.

    Attributes of a class:
        sympy_types: the SymPy classes that this operation stands for.
        real_only: whether it is defined for real numbers alone.
        computed_by: what computes it.
        accuracy: how large its error is; empty where that is the computing library's.

    >>> class cube(Elementwise):
    ...     def compute(self, x, *, xp=np):
    ...         return x * x * x
    ...     def gradient(self, grad):
    ...         x, = self.input_nodes
    ...         return [grad * 3 * x * x]
    >>> cube(2.0).eval()
    np.float64(8.0)
    """

    rowwise = True
    entrywise = True
    sympy_types: ClassVar[tuple[type, ...]] = ()
    arity: ClassVar[int | None] = None
    real_only: ClassVar[bool] = False
    computed_by: ClassVar[str] = "numpy"
    accuracy: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        parameters = inspect.signature(cls.compute).parameters.values()
        variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        cls.arity = None if variadic else sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters) - 1

    def __init__(self, *inputs: Any, name: str | None = None) -> None:
        if self.arity is not None and len(inputs) != self.arity:
            raise TypeError(f"{type(self).__name__}() takes {self.arity} inputs, but {len(inputs)} were given")
        super().__init__(inputs, name)

    def infer(self, *specs: Spec) -> Spec:
        return _combined(self.dtype_rule, *(specs if len(specs) < 3 else dict.fromkeys(specs)))

    @staticmethod
    def dtype_rule(dtype: Any) -> Any:
        """From the inputs' common dtype to the result's."""
        return dtype


@functools.lru_cache(maxsize=4096)
def _combined(dtype_rule: Callable[[Any], Any], *specs: Spec) -> Spec:
    """The Spec of values of these, broadcast against each other, when the rule says the dtype."""
    dtype = promote(*[spec.dtype for spec in specs])
    return Spec(broadcast(*[spec.shape for spec in specs]), dtype_rule(dtype))


def normal_axes(axis: Any) -> tuple[int, ...] | None:
    """`axis` as a tuple (None: all axes)."""
    if axis is None:
        return None
    return (int(axis),) if isinstance(axis, (int, np.integer)) else tuple(int(a) for a in axis)


def core_rank(node: Node) -> int:
    """How many axes of a node, from the last one on, are known to be there."""
    return len(node.shape) - (node.shape[:1] == (...,))


def of_core(node: Node, axes: Sequence[int] | None) -> bool:
    """Whether axes are counted from the last one, and known to be there; None stands for all axes, also those of a batch."""
    return bool(axes) and all(-core_rank(node) <= axis < 0 for axis in axes or ())


def drop_axes(shape: Shape, axes: Sequence[int] | None, keepdims: bool) -> Shape:
    """The shape after a reduction over `axes`."""
    if axes is None:
        return (
            (..., *[1 for dim in shape if dim is not ...])
            if keepdims and ... in shape
            else (1,) * len(shape)
            if keepdims
            else ()
        )
    if ... in shape and not (all(a < 0 for a in axes) and max(-a for a in axes) <= len(shape) - 1):
        return (...,)
    dims: list[Any] = list(shape)
    for a in sorted((a + len(dims) if a < 0 else a for a in axes), reverse=True):
        if a >= len(dims):
            raise_axis(axes, shape)
        dims[a : a + 1] = [1] if keepdims else []
    return tuple(dims)


def raise_axis(axes: Any, shape: Shape) -> None:
    from ..errors import ShapeError
    from ..shapes import format_shape

    raise ShapeError(f"axis {axes} does not exist in the shape {format_shape(shape)}")


def exactly(node: Node, rank: int) -> bool:
    """Whether the node's rank is known to be `rank`."""
    return ... not in node.shape and len(node.shape) == rank
