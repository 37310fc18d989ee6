"""Optimisers, by TensorFlow 1's names: what they have in common, and those with a fixed direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..differentiate import gradients
from ..graph import Node
from ..nodes import Operation, Variable
from ..ops.arithmetic import add, multiply
from ..ops.creation import ones_like, zeros_like
from ..ops.parts import conjugate
from ..ops.state import assign, assign_add, assign_sub, group, only_entry
from ..shapes import is_static

__all__ = ["GradientDescentOptimizer", "MomentumOptimizer", "Optimizer"]


class Optimizer:
    """What all optimisers have in common. A subclass says in `_updates` how a variable changes, given its gradient.

    What an optimiser keeps of each variable from step to step is in variables of their own, its slots, named after the variable: "w/Adam". They
    are not trainable, and belong to this instance. Of a complex variable the loss grows fastest along the conjugate of its gradient (see
    `symgraph.gradients`), so that takes the gradient's place.

    >>> from symgraph import Session, Variable
    >>> w = Variable(3.0, name="w")
    >>> optimizer = MomentumOptimizer(0.25, momentum=0.5)
    >>> step = optimizer.minimize(w * w)
    >>> optimizer.get_slot(w, "momentum").name
    'w/Momentum'
    """

    slot_names: tuple[str, ...] = ()

    def __init__(self, learning_rate: Any, name: str) -> None:
        self.learning_rate, self.name = learning_rate, name
        self._slots: dict[tuple[Variable, str], Variable] = {}

    def get_slot_names(self) -> list[str]:
        """The names of the slots of this kind of optimiser."""
        return list(self.slot_names)

    def get_slot(self, var: Variable, name: str) -> Variable | None:
        """The slot of that name of a variable; None where there is none."""
        return self._slots.get((var, name))

    def _slot(self, var: Variable, name: str, fill: float = 0.0) -> Variable:
        """The slot of that name, which is made if it is not there."""
        key = (var, name)
        if key not in self._slots:
            initial = var.initial_value
            if isinstance(initial, Node):
                start: Any = multiply(ones_like(initial), fill) if fill else zeros_like(initial)
            else:
                start = np.full(initial.shape, fill, initial.dtype)
            with var.graph.as_default(), var.graph.name_scope(f"{var.name}/"):
                self._slots[key] = Variable(start, name=self.name, dtype=var.dtype, trainable=False)
        return self._slots[key]

    def compute_gradients(
        self, loss: Node, var_list: Variable | Sequence[Variable] | None = None, grad_loss: Any = None
    ) -> list[tuple[Node | None, Variable]]:
        """Pairs of gradient (None where the loss does not depend on it) and variable, for `var_list` (one, or several) or all trainable variables."""
        if not isinstance(loss, Node):
            raise TypeError(
                f"The loss must be a node, but {loss!r} is a {type(loss).__name__}: use symgraph.translate to make nodes of SymPy"
            )
        if grad_loss is None and ... not in loss.shape and loss.shape != () and any(n != 1 for n in loss.shape):
            raise ValueError(
                f"The loss must be a scalar, but {loss!r} is not: reduce it by reduce_sum or reduce_mean, or give grad_loss"
            )
        if grad_loss is None and not is_static(loss.shape):
            loss = only_entry(loss)
        if var_list is None:
            var_list = loss.graph.get_collection("trainable_variables")
        variables = [var_list] if isinstance(var_list, Variable) else list(var_list)
        return list(zip(gradients(loss, variables, None if grad_loss is None else [grad_loss]), variables, strict=True))

    def apply_gradients(
        self,
        grads_and_vars: Sequence[tuple[Node | None, Variable]],
        global_step: Variable | None = None,
        name: str | None = None,
    ) -> Operation:
        """An operation that changes each variable by its gradient, all at once, and adds 1 to `global_step`."""
        pairs = [(_steepest(grad, variable), variable) for grad, variable in grads_and_vars if grad is not None]
        updates: list[Any] = [change for grad, variable in pairs for change in self._updates(variable, grad)]
        if not updates:
            names = [variable.name for _, variable in grads_and_vars]
            raise ValueError(
                f"No gradients provided for any variable: check that the loss depends on one of {names}, and that they are floats"
            )
        updates += self._finish([variable for _, variable in pairs])
        if global_step is not None:
            updates.append(assign_add(global_step, 1))
        step = group(*updates, name=name or self.name)
        step.graph.add_to_collection("train_op", step)
        return step

    def minimize(
        self,
        loss: Node,
        global_step: Variable | None = None,
        var_list: Variable | Sequence[Variable] | None = None,
        grad_loss: Any = None,
        name: str | None = None,
    ) -> Operation:
        """An operation that takes one step towards a smaller `loss` (a scalar) at each run."""
        pairs = self.compute_gradients(loss, var_list, grad_loss)
        if not any(grad is not None for grad, _ in pairs):
            names = [variable.name for _, variable in pairs]
            raise ValueError(
                f"No gradients provided for any variable: check that the loss {loss!r} depends on one of {names}, and that they are floats"
            )
        return self.apply_gradients(pairs, global_step, name)

    def _updates(self, variable: Variable, grad: Node) -> Sequence[Node]:
        """The assignments that change one variable and its slots."""
        raise NotImplementedError

    def _finish(self, variables: Sequence[Variable]) -> Sequence[Node]:
        """Further assignments of a step, once for all variables."""
        return ()


def _steepest(grad: Node, variable: Variable) -> Node:
    """The direction in which the loss grows fastest."""
    return conjugate(grad) if variable.dtype is None or variable.dtype.kind == "c" else grad


class GradientDescentOptimizer(Optimizer):
    """variable -= learning_rate * gradient.

    >>> from symgraph import Session, Variable
    >>> w = Variable(3.0)
    >>> step, sess = GradientDescentOptimizer(0.25).minimize(w * w), Session()
    >>> sess.run(step)
    >>> sess.run(w)
    np.float64(1.5)
    """

    def __init__(self, learning_rate: Any, use_locking: bool = False, name: str = "GradientDescent") -> None:
        super().__init__(learning_rate, name)

    def _updates(self, variable: Variable, grad: Node) -> Sequence[Node]:
        return [assign_sub(variable, multiply(grad, self.learning_rate))]


class MomentumOptimizer(Optimizer):
    """Gradient descent along a running sum: accumulation = momentum * accumulation + gradient; variable -= learning_rate * accumulation.

    With `use_nesterov` the step is along gradient + momentum * accumulation (I. Sutskever et al., "On the importance of initialization and
    momentum in deep learning", ICML 2013, in TensorFlow's form).

    >>> from symgraph import Session, Variable
    >>> w = Variable(3.0)
    >>> step, sess = MomentumOptimizer(0.25, momentum=0.5).minimize(w * w), Session()
    >>> sess.run(step), sess.run(step), sess.run(w)
    (None, None, np.float64(0.0))
    """

    slot_names = ("momentum",)

    def __init__(
        self,
        learning_rate: Any,
        momentum: Any,
        use_locking: bool = False,
        name: str = "Momentum",
        use_nesterov: bool = False,
    ) -> None:
        super().__init__(learning_rate, name)
        self.momentum, self.use_nesterov = momentum, use_nesterov

    def _updates(self, variable: Variable, grad: Node) -> Sequence[Node]:
        slot = self._slot(variable, "momentum")
        total = assign(slot, add(multiply(slot, self.momentum), grad))
        way = add(grad, multiply(total, self.momentum)) if self.use_nesterov else total
        return [total, assign_sub(variable, multiply(way, self.learning_rate))]
