"""Optimisers whose steps are scaled, for each entry of a variable, by what its gradients have been."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..graph import Node
from ..nodes import Variable
from ..ops.arithmetic import add, divide, multiply, sqrt, subtract
from ..ops.parts import conjugate
from ..ops.state import assign, assign_add, assign_sub
from .optimizers import Optimizer

__all__ = ["AdagradOptimizer", "AdamOptimizer", "RMSPropOptimizer"]


def _squared(grad: Node, variable: Variable) -> Node:
    """|gradient|**2, entry by entry."""
    return multiply(grad, conjugate(grad) if variable.dtype is None or variable.dtype.kind == "c" else grad)


def _mean(slot: Variable, new: Node, decay: Any) -> Node:
    """The assignment of a running mean: decay * slot + (1 - decay) * new."""
    return assign(slot, add(multiply(slot, decay), multiply(new, subtract(1.0, decay))))


class AdagradOptimizer(Optimizer):
    """accumulator += gradient**2; variable -= learning_rate * gradient / sqrt(accumulator).

    J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and stochastic optimization", JMLR 12, 2011.

    >>> from symgraph import Session, Variable
    >>> w = Variable(3.0)
    >>> step, sess = AdagradOptimizer(1.0, initial_accumulator_value=64.0).minimize(w * w), Session()
    >>> sess.run(step), sess.run(w)
    (None, np.float64(2.4))
    """

    slot_names = ("accumulator",)

    def __init__(
        self,
        learning_rate: Any,
        initial_accumulator_value: float = 0.1,
        use_locking: bool = False,
        name: str = "Adagrad",
    ) -> None:
        if initial_accumulator_value <= 0:
            raise ValueError(f"initial_accumulator_value must be positive, not {initial_accumulator_value}")
        super().__init__(learning_rate, name)
        self.initial_accumulator_value = initial_accumulator_value

    def _updates(self, variable: Variable, grad: Node) -> Sequence[Node]:
        total = assign_add(
            self._slot(variable, "accumulator", self.initial_accumulator_value), _squared(grad, variable)
        )
        return [total, assign_sub(variable, divide(multiply(grad, self.learning_rate), sqrt(total)))]


class RMSPropOptimizer(Optimizer):
    """A running mean of squares scales the step, which then has a momentum:

    rms = decay * rms + (1 - decay) * gradient**2, from 1 on; mom = momentum * mom + learning_rate * gradient / sqrt(rms + epsilon);
    variable -= mom. With `centered` the square of the running mean of gradients is subtracted from rms under the root.

    T. Tieleman, G. Hinton, "Lecture 6.5 - RMSProp", Coursera 2012; A. Graves, arXiv:1308.0850 (centered); in TensorFlow 1's form.

    >>> from symgraph import Session, Variable
    >>> w = Variable(3.0)
    >>> step, sess = RMSPropOptimizer(0.5, decay=0.0, epsilon=0.0).minimize(w * w), Session()
    >>> sess.run(step), sess.run(w)
    (None, np.float64(2.5))
    """

    def __init__(
        self,
        learning_rate: Any,
        decay: Any = 0.9,
        momentum: Any = 0.0,
        epsilon: Any = 1e-10,
        use_locking: bool = False,
        centered: bool = False,
        name: str = "RMSProp",
    ) -> None:
        super().__init__(learning_rate, name)
        self.decay, self.momentum, self.epsilon, self.centered = decay, momentum, epsilon, centered
        self.slot_names = ("momentum", "rms", "mg") if centered else ("momentum", "rms")

    def _updates(self, variable: Variable, grad: Node) -> Sequence[Node]:
        rms = self._slot(variable, "rms", 1.0)
        means = [self._slot(variable, "mg")] if self.centered else []
        mom = self._slot(variable, "momentum")
        squares = _mean(rms, _squared(grad, variable), self.decay)
        below: Node = squares
        updates = [squares]
        for slot in means:
            mean = _mean(slot, grad, self.decay)
            below = subtract(squares, _squared(mean, variable))
            updates.append(mean)
        way = divide(multiply(grad, self.learning_rate), sqrt(add(below, self.epsilon)))
        step = assign(mom, add(multiply(mom, self.momentum), way))
        return [*updates, step, assign_sub(variable, step)]


class AdamOptimizer(Optimizer):
    """Running means of gradients and of their squares, corrected for their start at 0. In step t:

    m = beta1 * m + (1 - beta1) * gradient; v = beta2 * v + (1 - beta2) * gradient**2;
    variable -= learning_rate * sqrt(1 - beta2**t) / (1 - beta1**t) * m / (sqrt(v) + epsilon).

    D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, with epsilon placed as in TensorFlow ("epsilon hat").

    >>> from symgraph import Session, Variable
    >>> w = Variable(3.0)
    >>> step, sess = AdamOptimizer(0.5, epsilon=0.0).minimize(w * w), Session()
    >>> sess.run(step), sess.run(w)
    (None, np.float64(2.5))
    """

    slot_names = ("m", "v")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "Adam",
    ) -> None:
        super().__init__(learning_rate, name)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self._powers: dict[Any, tuple[Variable, Variable]] = {}

    def _of_graph(self, variable: Variable) -> tuple[Variable, Variable]:
        """beta1**t and beta2**t for the next step t, as variables that all variables of a graph share."""
        graph = variable.graph
        if graph not in self._powers:
            with graph.as_default():
                self._powers[graph] = (
                    Variable(self.beta1, name="beta1_power", trainable=False),
                    Variable(self.beta2, name="beta2_power", trainable=False),
                )
        return self._powers[graph]

    def _updates(self, variable: Variable, grad: Node) -> Sequence[Node]:
        power1, power2 = self._of_graph(variable)
        m = _mean(self._slot(variable, "m"), grad, self.beta1)
        v = _mean(self._slot(variable, "v"), _squared(grad, variable), self.beta2)
        rate = divide(multiply(sqrt(subtract(1.0, power2)), self.learning_rate), subtract(1.0, power1))
        return [m, v, assign_sub(variable, divide(multiply(m, rate), add(sqrt(v), self.epsilon)))]

    def _finish(self, variables: Sequence[Variable]) -> Sequence[Node]:
        power1, power2 = self._of_graph(variables[0])
        return [assign(power1, multiply(power1, self.beta1)), assign(power2, multiply(power2, self.beta2))]
