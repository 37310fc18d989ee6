"""The graph: what every node is, the graph that owns the nodes, and the walk over them. The kinds of nodes are in `nodes.py`.

A node belongs to the graph of its inputs; leaves ask for the default graph. No node ever holds a run-time value.
"""

from __future__ import annotations

import itertools
import os
import re
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, ClassVar

import numpy as np

from .errors import CycleError, FetchError, GraphError, GraphTooLargeError
from .operators import OPERATORS, Operators
from .shapes import Shape, Spec, format_shape

__all__ = [
    "OPERATORS",
    "Graph",
    "Node",
    "being_translated",
    "control_dependencies",
    "get_default_graph",
    "name_scope",
    "postorder",
    "reset_default_graph",
    "translating",
]

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_serial = itertools.count()

_owners_of_locks: weakref.WeakSet[Any] = weakref.WeakSet()


def new_lock(owner: Any) -> threading.RLock:
    """A lock, which `owner` keeps as its `_lock`. After a fork the child gets new ones: the thread that held one is not in the child."""
    _owners_of_locks.add(owner)
    return threading.RLock()


def _renew_locks() -> None:
    for owner in list(_owners_of_locks):
        owner._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


def _calling_line() -> tuple[str, int]:
    """File and line of the nearest caller outside this package."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


class Node(Operators):
    """A value that a session can compute: the common base of placeholders, variables, constants and operations.

    Attributes:
        graph: the Graph that it belongs to.
        name: unique in the graph.
        input_nodes: the nodes whose values it needs (none for leaves).
        consumers: the operations that need its value, each once.
        control_inputs: operations that have run before it (see `control_dependencies`).
        spec: what is known of its shape and dtype before a run; also as `shape` and `dtype`.
        origin: the SymPy expression it was translated from, or the user's (file, line).

    Python's operators build nodes; `==` compares identity, so that nodes can be keys of a `feed_dict`.

    >>> from symgraph import placeholder
    >>> x = placeholder(name="x")
    >>> (2 * x + 1).input_nodes[1].name
    'Constant_1'
    """

    graph: Graph
    name: str
    spec: Spec
    input_nodes: Sequence[Node] = ()
    control_inputs: tuple[Node, ...] = ()
    serial: int  # the order of building
    origin: Any = None
    kind: ClassVar[str] = "constants"  # the list of the graph that holds it

    def _join(self, graph: Graph, name: str | None) -> None:
        """Make the node, complete with inputs and spec, part of `graph`."""
        if self.origin is None:
            expression = being_translated.get()
            self.origin = expression if expression is not None else _calling_line()
        self.consumers: list[Node] = []
        self.serial = next(_serial)
        graph._add(self, name or type(self).__name__)

    @property
    def shape(self) -> Shape:
        """The static shape: a tuple of int, None (unknown), and `...` in front for any number of batch axes."""
        return self.spec.shape

    @property
    def dtype(self) -> Any:
        """The NumPy dtype, or None where it depends on what is fed."""
        dtype = self.spec.dtype
        return np.dtype(dtype) if isinstance(dtype, type) else dtype

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """The value, computed by `session`, or by a session opened for this call.

        >>> from symgraph import constant
        >>> (constant(1.5) * 2).eval()
        np.float64(3.0)
        """
        return OPERATORS["eval"](self, feed_dict, session)

    def __repr__(self) -> str:
        dtype = self.dtype
        return f"<symgraph {type(self).__name__} {self.name!r} shape={format_shape(self.shape)} dtype={dtype if dtype is None else dtype.name}>"

    def __reduce__(self) -> Any:
        raise TypeError(
            f"{self!r} cannot be pickled or copied: it is part of a graph. A symgraph.Function can be pickled"
        )


class Graph:
    """A set of nodes, in the order in which they were built.

    Attributes:
        operations, placeholders, variables, constants: the nodes of each kind, in order.
        max_nodes: the largest number of nodes, or None for no limit; one more raises GraphTooLargeError.

    >>> from symgraph import placeholder
    >>> graph = Graph()
    >>> with graph.as_default():
    ...     y = placeholder(name="x") + 1
    >>> [node.name for node in graph.operations]
    ['add']
    """

    def __init__(self, max_nodes: int | None = None) -> None:
        self.operations: list[Any] = []
        self.placeholders: list[Any] = []
        self.variables: list[Any] = []
        self.constants: list[Any] = []
        self.max_nodes = max_nodes
        self.finalized = False
        self._collections: dict[str, list[Any]] = {"variables": self.variables, "trainable_variables": []}
        self.expressions: dict[
            Node, Any
        ] = {}  # what was translated: the expression, and its symbols that are variables
        self._named: dict[str, Node] = {}
        self._next_suffix: dict[str, int] = {}
        self._interned: dict[Any, Node] = {}
        self._lock = new_lock(self)

    def __repr__(self) -> str:
        counts = (
            f"{len(self.operations)} operations, {len(self.placeholders)} placeholders, {len(self.variables)} variables"
        )
        return f"<symgraph Graph at {id(self):#x}: {counts}>"

    def __len__(self) -> int:
        return len(self._named)

    def __bool__(self) -> bool:
        return True

    def __reduce__(self) -> Any:
        raise TypeError(
            "A Graph cannot be pickled or copied. A symgraph.Function can: it is rebuilt from its expression"
        )

    def as_default(self) -> _DefaultGraph:
        """Make this the graph that new leaves join: from this call on, or within a `with` block.

        >>> with Graph().as_default() as graph:
        ...     assert get_default_graph() is graph
        """
        return _DefaultGraph(self)

    def finalize(self) -> None:
        """Refuse any further node."""
        self.finalized = True

    def name_scope(self, name: str) -> Any:
        """`symgraph.name_scope` for this graph."""
        return name_scope(name, graph=self)

    def get_operation_by_name(self, name: str) -> Node:
        """The node of this name; TensorFlow's "name:0" is understood. Raises FetchError with close matches."""
        node = self._named.get(name, self._named.get(name.removesuffix(":0")))
        if node is None:
            import difflib

            close = difflib.get_close_matches(name, self._named, 3)
            hint = f" Did you mean {', '.join(map(repr, close))}?" if close else ""
            raise FetchError(f"The name {name!r} refers to a node which does not exist in {self!r}.{hint}")
        return node

    get_tensor_by_name = get_operation_by_name

    def unique_name(self, name: str) -> str:
        """`name` in the current name scope, with a number behind it if it is taken."""
        scopes = _scopes.get()
        if scopes:
            name = scopes.get(id(self), "") + name
        with self._lock:
            named = self._named
            if name not in named:
                return name
            suffix = self._next_suffix.get(name, 1)
            while (unique := f"{name}_{suffix}") in named:
                suffix += 1
            self._next_suffix[name] = suffix + 1
            return unique

    def _add(self, node: Node, name: str) -> None:
        with self._lock:
            if not isinstance(name, str):
                raise TypeError(f"The name of a node must be a str, not {name!r} of type {type(name).__name__}")
            if self.finalized:
                raise GraphError(
                    f"Graph is finalized and cannot be modified. Build {name!r} before finalize(), or in another graph"
                )
            if self.max_nodes is not None and len(self._named) >= self.max_nodes:
                raise GraphTooLargeError(
                    f"The graph has {len(self._named)} nodes and max_nodes={self.max_nodes} does not allow another one"
                )
            node.graph = self
            node.name = name = self.unique_name(name)
            self._named[name] = node
            for source in node.input_nodes if len(node.input_nodes) < 2 else dict.fromkeys(node.input_nodes):
                source.consumers.append(node)
            getattr(self, node.kind).append(node)
            if node.kind == "variables" and node.trainable:  # type: ignore[attr-defined]
                self._collections["trainable_variables"].append(node)

    def get_collection(self, key: str, scope: str | None = None) -> list[Any]:
        """A copy of the collection `key`; with `scope`, its items whose names match that regular expression at their start."""
        found = list(self._collections.get(key, ()))
        return found if scope is None else [item for item in found if re.match(scope, getattr(item, "name", ""))]

    def get_collection_ref(self, key: str) -> list[Any]:
        """The live list of a collection."""
        return self._collections.setdefault(key, [])

    def add_to_collection(self, name: str, value: Any) -> None:
        """Append to a collection."""
        self.get_collection_ref(name).append(value)


# --- the default graph, name scopes, control dependencies, what is translated: each per thread and per asyncio task

_default: ContextVar[tuple[Graph, ...]] = ContextVar("default graph", default=())
_entered: ContextVar[int] = ContextVar("with blocks around", default=0)
_process_default = Graph()


class _DefaultGraph:
    """What `Graph.as_default()` gives: the graph is the default one already; as a `with` block it is so until the end of the block."""

    _used = False

    def __init__(self, graph: Graph) -> None:
        self._graph, self._at_call = graph, _default.get()
        self._outer: list[tuple[Graph, ...]] = []
        _default.set((graph,))

    def __enter__(self) -> Graph:
        # the first block ends what the call began; further ones go back to where they were entered
        self._outer.append(_default.get() if self._used else self._at_call)
        self._used = True
        _default.set((self._graph,))
        _entered.set(_entered.get() + 1)
        return self._graph

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _default.set(self._outer.pop())
        _entered.set(_entered.get() - 1)


def get_default_graph() -> Graph:
    """The graph that new leaves join in this thread or task.

    >>> isinstance(get_default_graph(), Graph)
    True
    """
    current = _default.get()
    return current[0] if current else _process_default


def reset_default_graph() -> None:
    """Start a new, empty default graph. Inside `with graph.as_default()` that is an AssertionError, as in TensorFlow."""
    global _process_default
    if _entered.get():
        raise AssertionError(
            "Do not use reset_default_graph() to clear nested graphs: it stands inside a `with graph.as_default()`"
        )
    _process_default = Graph()
    _default.set(())


_NO_SCOPES: dict[int, str] = {}
_scopes: ContextVar[dict[int, str]] = ContextVar("name scopes", default=_NO_SCOPES)
_controls: ContextVar[tuple[Node, ...]] = ContextVar("control dependencies", default=())
being_translated: ContextVar[Any] = ContextVar("the SymPy expression that new nodes come of", default=None)


def _scope_of(graph: Graph) -> str:
    scopes = _scopes.get()
    return scopes.get(id(graph), "") if scopes else ""


@contextmanager
def name_scope(
    name: str, default_name: str | None = None, values: Any = None, *, graph: Graph | None = None
) -> Iterator[str]:
    """Names of nodes built inside begin with `name/`; a second scope of that name is `name_1/`. A name with a final slash is entered again.

    >>> from symgraph import placeholder
    >>> with name_scope("layer"):
    ...     x = placeholder(name="x")
    >>> x.name
    'layer/x'
    """
    graph = graph or get_default_graph()
    name = name or default_name or ""
    if name.endswith("/") or not name:
        prefix = name
    else:
        scope_key = f"{_scope_of(graph)}{name}/"
        count = graph._next_suffix.get(scope_key, 0)
        graph._next_suffix[scope_key] = count + 1
        prefix = scope_key if count == 0 else f"{scope_key[:-1]}_{count}/"
    token = _scopes.set({**_scopes.get(), id(graph): prefix})
    try:
        yield prefix
    finally:
        _scopes.reset(token)


@contextmanager
def control_dependencies(control_inputs: Iterable[Node] | None) -> Iterator[None]:
    """Operations built inside run after `control_inputs` and read the variables as those left them; None clears the list.

    >>> from symgraph import Session, Variable, assign_add, identity
    >>> count = Variable(0)
    >>> with control_dependencies([assign_add(count, 1)]):
    ...     after = identity(count)
    >>> Session().run(after)
    np.int64(1)
    """
    nodes = list(control_inputs or ())
    for node in nodes:
        if not isinstance(node, Node):
            raise TypeError(
                f"Can not convert a {type(node).__name__} into a node: control_dependencies takes operations"
            )
    token = _controls.set(() if control_inputs is None else (*_controls.get(), *nodes))
    try:
        yield
    finally:
        _controls.reset(token)


def control_inputs_here() -> tuple[Node, ...]:
    """The operations of the `control_dependencies` blocks around."""
    return _controls.get()


class translating:
    """The nodes made in the block come of a SymPy expression; of what they come without the block if it is a (file, line), as an `origin` may be.

    >>> from symgraph import constant
    >>> with translating("x + 1"):
    ...     constant(1.0).origin
    'x + 1'
    """

    __slots__ = ("_expression", "_token")

    def __init__(self, expression: Any) -> None:
        self._expression = being_translated.get() if isinstance(expression, tuple) else expression

    def __enter__(self) -> None:
        self._token = being_translated.set(self._expression)

    def __exit__(self, *error: object) -> None:
        being_translated.reset(self._token)


# --- the walk


def _cycle(loop: list[str]) -> CycleError:
    shown = loop if len(loop) <= 20 else [*loop[:10], f"({len(loop) - 20} more)", *loop[-10:]]
    return CycleError(
        f"The graph has a cycle, so that no order of computation exists: {' -> '.join([*shown, loop[0]])}. "
        "Some node's input_nodes were changed after it was built"
    )


def _inputs(node: Node) -> Sequence[Node]:
    return node.input_nodes


def postorder(nodes: Iterable[Node], predecessors: Callable[[Node], Sequence[Node]] = _inputs) -> list[Node]:
    """All nodes that `nodes` need, each once and after its own inputs. Iterative: depth is no limit. Raises CycleError, naming the loop.

    >>> from symgraph import placeholder
    >>> x = placeholder(name="x")
    >>> [node.name for node in postorder([x * x + x])]
    ['x', 'multiply', 'add']
    """
    order: list[Node] = []
    done: dict[Node, bool] = {}  # False while its inputs are under way
    for root in nodes:
        stack: list[Node] = [root]
        while stack:
            node = stack[-1]
            state = done.get(node)
            if state is None:
                done[node] = False
                height = len(stack)
                for source in reversed(predecessors(node)):
                    before = done.get(source)
                    if before is None:
                        stack.append(source)
                    elif not before:
                        raise _cycle([n.name for n in stack[stack.index(source) :] if done.get(n) is False])
                if len(stack) > height:
                    continue
            stack.pop()
            if not state:
                done[node] = True
                order.append(node)
    return order
