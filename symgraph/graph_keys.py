"""TensorFlow 1's functions for the variables and the collections of the default graph."""

from __future__ import annotations

from typing import Any

from .graph import get_default_graph

__all__ = ["GraphKeys", "add_to_collection", "get_collection", "global_variables", "trainable_variables"]


class GraphKeys:
    """The names of the collections that symgraph itself fills, or that programs for TensorFlow 1 use.

    >>> GraphKeys.TRAINABLE_VARIABLES
    'trainable_variables'
    """

    GLOBAL_VARIABLES = "variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    TRAIN_OP = "train_op"
    LOSSES = "losses"
    SUMMARIES = "summaries"
    UPDATE_OPS = "update_ops"
    GLOBAL_STEP = "global_step"


def get_collection(key: str, scope: str | None = None) -> list[Any]:
    """A copy of a collection of the default graph; with `scope`, its items whose names match that regular expression at their start.

    >>> get_collection("no such key")
    []
    """
    return get_default_graph().get_collection(key, scope)


def add_to_collection(name: str, value: Any) -> None:
    """Append to a collection of the default graph.

    >>> add_to_collection("losses", 1.0)
    >>> get_collection("losses")
    [1.0]
    """
    get_default_graph().add_to_collection(name, value)


def global_variables(scope: str | None = None) -> list[Any]:
    """All variables of the default graph, in the order in which they were made.

    >>> from symgraph import Variable
    >>> w = Variable(1.0, trainable=False)
    >>> global_variables() == [w], trainable_variables()
    (True, [])
    """
    return get_collection(GraphKeys.GLOBAL_VARIABLES, scope)


def trainable_variables(scope: str | None = None) -> list[Any]:
    """Those that optimisers change by default.

    >>> from symgraph import Variable
    >>> trainable_variables() == [Variable(1.0)]
    False
    """
    return get_collection(GraphKeys.TRAINABLE_VARIABLES, scope)
