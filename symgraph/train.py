"""Optimisers, by TensorFlow 1's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .differentiate import gradients
from .graph import Node
from .nodes import Operation, Variable
from .ops.arithmetic import multiply
from .ops.state import assign_add, assign_sub, group, only_entry
from .shapes import is_static

__all__ = ["GradientDescentOptimizer", "Optimizer"]


class Optimizer:
    """What all optimisers have in common. A subclass says in `_update` how a variable changes, given its gradient."""

    def compute_gradients(
        self, loss: Node, var_list: Sequence[Variable] | None = None, grad_loss: Any = None
    ) -> list[tuple[Node | None, Variable]]:
        """Pairs of gradient (None where the loss does not depend on it) and variable, for `var_list` or all trainable variables."""
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
        variables = list(var_list) if var_list is not None else loss.graph.get_collection("trainable_variables")
        return list(zip(gradients(loss, variables, None if grad_loss is None else [grad_loss]), variables, strict=True))

    def apply_gradients(
        self,
        grads_and_vars: Sequence[tuple[Node | None, Variable]],
        global_step: Variable | None = None,
        name: str | None = None,
    ) -> Operation:
        """An operation that changes each variable by its gradient, all at once, and adds 1 to `global_step`."""
        updates: list[Any] = [self._update(variable, grad) for grad, variable in grads_and_vars if grad is not None]
        if not updates:
            names = [variable.name for _, variable in grads_and_vars]
            raise ValueError(
                f"No gradients provided for any variable: check that the loss depends on one of {names}, and that they are floats"
            )
        if global_step is not None:
            updates.append(assign_add(global_step, 1))
        return group(*updates, name=name or type(self).__name__.removesuffix("Optimizer"))

    def minimize(
        self,
        loss: Node,
        global_step: Variable | None = None,
        var_list: Sequence[Variable] | None = None,
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

    def _update(self, variable: Variable, grad: Node) -> Node:
        raise NotImplementedError


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
        self.learning_rate, self.name = learning_rate, name

    def _update(self, variable: Variable, grad: Node) -> Node:
        return assign_sub(variable, multiply(grad, self.learning_rate))
