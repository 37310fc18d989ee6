"""Learning rates that change with the number of steps, as nodes."""

from __future__ import annotations

from typing import Any

from ..graph import Node
from ..nodes import as_node
from ..ops.arithmetic import divide, floor, multiply, power

__all__ = ["exponential_decay"]


def exponential_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    decay_rate: Any,
    staircase: bool = False,
    name: str | None = None,
) -> Node:
    """learning_rate * decay_rate ** (global_step / decay_steps); with `staircase` the exponent is rounded down.

    >>> exponential_decay(0.5, 20, 10, 0.5).eval()
    np.float64(0.125)
    """
    exponent: Node = divide(as_node(global_step), decay_steps)
    return multiply(learning_rate, power(decay_rate, floor(exponent) if staircase else exponent), name=name)
