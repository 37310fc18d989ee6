"""Operations about the run itself: identity, stop_gradient, assignment to variables, and grouping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import Node
from ..nodes import Operation, Variable
from ..shapes import Spec, broadcast, format_shape, is_static, promote


class identity(Operation):
    """x. It is a node of its own, so that it can be placed under `control_dependencies`.

    >>> identity(3.0).eval()
    np.float64(3.0)
    """

    def __init__(self, x: Any, name: str | None = None) -> None:
        super().__init__([x], name)

    def infer(self, *specs: Spec) -> Spec:
        return specs[0]

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.asarray(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad]


class stop_gradient(identity):
    """x, taken as a constant by `gradients`.

    >>> stop_gradient(3.0).eval()
    np.float64(3.0)
    """

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None]


class only_entry(Operation):
    """x, which must have exactly one entry; ValueError at the run where it has more.

    >>> only_entry([3.0]).eval()
    array([3.])
    """

    def __init__(self, x: Any, name: str | None = None) -> None:
        super().__init__([x], name)

    def infer(self, *specs: Spec) -> Spec:
        return specs[0]

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        if x.size != 1:
            raise ShapeError(
                f"The loss must be a scalar, but has shape {x.shape}: reduce it by reduce_sum or reduce_mean, or give grad_loss"
            )
        return xp.asarray(x)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad]


class _Assignment(Operation):
    """Computes a variable's new value, which is also the value of this node. The session stores it when the whole run has succeeded.

    Several assignments to one variable in one run take effect in the order in which they were built.
    """

    rowwise = True  # these five as in `PureOperation`
    entrywise = True
    of_matrices = False
    moves = False
    needs_equal_batches = True

    def __init__(self, ref: Any, value: Any, name: str | None = None) -> None:
        if not isinstance(ref, Variable):
            raise TypeError(f"{type(self).__name__} needs a Variable, not {ref!r}")
        super().__init__([ref, value], name)

    @property
    def variable(self) -> Variable:
        """The variable that is assigned to."""
        ref = self.input_nodes[0]
        assert isinstance(ref, Variable)
        return ref

    def infer(self, *specs: Spec) -> Spec:
        ref, value = specs
        if is_static(ref.shape) and ... not in value.shape and broadcast(ref.shape, value.shape) != ref.shape:
            raise ShapeError(
                f"A value of shape {format_shape(value.shape)} cannot be assigned to a variable of shape {format_shape(ref.shape)}"
            )
        return Spec(ref.shape, ref.dtype if ref.dtype is not None else promote(value.dtype))

    def compute(self, ref: Any, value: Any, *, xp: Any = np) -> Any:
        value = xp.asarray(self._new(ref, value, xp))
        if value.shape != ref.shape:
            try:
                value = xp.broadcast_to(value, ref.shape)
            except ValueError:
                raise ShapeError(
                    f"A value of shape {value.shape} cannot be assigned to the variable {self.variable.name!r} of shape {ref.shape}"
                ) from None
        if not np.can_cast(value.dtype, ref.dtype, "same_kind"):
            raise TypeError(
                f"A value of dtype {value.dtype} cannot be assigned to {self.variable.name!r} of dtype {ref.dtype}; cast it"
            )
        return value if value.dtype == ref.dtype else xp.astype(value, ref.dtype)

    def _new(self, ref: Any, value: Any, xp: Any) -> Any:
        return value

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None, grad]


class assign(_Assignment):
    """Set a variable.

    >>> assign(Variable(1.0), 2.0).eval()
    np.float64(2.0)
    """


class assign_add(_Assignment):
    """Add to a variable.

    >>> assign_add(Variable(1.0), 2.0).eval()
    np.float64(3.0)
    """

    def _new(self, ref: Any, value: Any, xp: Any) -> Any:
        return xp.add(ref, value)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad, grad]


class assign_sub(_Assignment):
    """Subtract from a variable.

    >>> assign_sub(Variable(1.0), 2.0).eval()
    np.float64(-1.0)
    """

    def _new(self, ref: Any, value: Any, xp: Any) -> Any:
        return xp.subtract(ref, value)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad, -grad]


class group(Operation):
    """An operation without a value that runs all its inputs.

    >>> group(assign(Variable(1.0), 2.0)).eval()
    """

    has_value = False

    def __init__(self, *inputs: Any, name: str | None = None) -> None:
        super().__init__([node for node in inputs if node is not None], name)

    def compute(self, *values: Any, xp: Any = np) -> Any:
        return None

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None] * len(self.input_nodes)


def no_op(name: str | None = None) -> Node:
    """An operation that does nothing; useful as an anchor for `control_dependencies`.

    >>> no_op().eval()
    """
    return group(name=name)
