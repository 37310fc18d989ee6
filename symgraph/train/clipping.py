"""Gradients made smaller where they are too large."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ArgumentError
from ..graph import Node
from ..nodes import as_node
from ..ops.arithmetic import abs, add_n, divide, maximum, minimum, multiply, sqrt, square
from ..ops.reduction import reduce_sum

__all__ = ["clip_by_global_norm", "clip_by_norm", "clip_by_value", "global_norm"]


def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None) -> Node:
    """Each entry of t, but not below `clip_value_min` and not above `clip_value_max`.

    >>> clip_by_value([-3.0, 0.5, 3.0], -1.0, 1.0).eval()
    array([-1. ,  0.5,  1. ])
    """
    return maximum(minimum(t, clip_value_max), clip_value_min, name=name)


def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Node:
    """t, scaled down to the Euclidean norm `clip_norm` where its norm (over `axes`, or all axes) is larger.

    >>> clip_by_norm([3.0, 4.0], 1.0).eval()
    array([0.6, 0.8])
    """
    t = as_node(t)
    norm = sqrt(reduce_sum(square(abs(t)), axis=axes, keepdims=axes is not None))
    return divide(multiply(t, clip_norm), maximum(norm, clip_norm), name=name)


def global_norm(t_list: Sequence[Any], name: str | None = None) -> Node:
    """The Euclidean norm of all entries of all arrays; those that are None count nothing.

    >>> global_norm([[3.0, 0.0], None, 4.0]).eval()
    np.float64(5.0)
    """
    if not any(t is not None for t in t_list):
        raise ArgumentError("The norm of no arrays at all was asked for: no item of the list is a node")
    return sqrt(add_n([reduce_sum(square(abs(t))) for t in t_list if t is not None]), name=name)


def clip_by_global_norm(
    t_list: Sequence[Any], clip_norm: Any, use_norm: Any = None, name: str | None = None
) -> tuple[list[Node | None], Node]:
    """All arrays, scaled down together if their common norm is larger than `clip_norm`; and that norm.

    Where the norm is not finite all results are nan, so that it does not pass unseen.

    >>> (first, second), norm = clip_by_global_norm([[3.0, 0.0], [4.0]], 1.0)
    >>> first.eval(), second.eval(), norm.eval()
    (array([0.6, 0. ]), array([0.8]), np.float64(5.0))
    """
    norm = global_norm(t_list, name) if use_norm is None else as_node(use_norm)
    # inf * 0 is nan
    scale = divide(clip_norm, maximum(norm, clip_norm)) + 0.0 * norm
    return [None if t is None else multiply(t, scale) for t in t_list], norm
