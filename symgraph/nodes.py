"""The kinds of nodes: `placeholder`, `Variable` and `Constant` are leaves; an `Operation` computes its value from those of its `input_nodes`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np
import sympy

from .errors import GraphError, GraphMismatchError, ShapeError, brief
from .graph import Graph, Node, being_translated, control_inputs_here, get_default_graph
from .shapes import Shape, Spec, as_shape, core_shape, format_shape

__all__ = [
    "Constant",
    "Operation",
    "Variable",
    "as_dtype",
    "as_node",
    "constant",
    "namesakes",
    "placeholder",
    "symbol_name",
]


class placeholder(Node):
    """A value that is fed at each run.

    Args:
        dtype: a NumPy dtype, or None for the dtype of whatever is fed; or a SymPy symbol (Symbol, MatrixSymbol, IndexedBase, f(t), ...), whose
            shape is taken over.
        shape: a sequence of int and None; None for any shape.
        name: its name in the graph.
        core: the shape of one value of the symbol, where the symbol does not tell it (an IndexedBase without a shape).

    >>> import sympy
    >>> placeholder(sympy.MatrixSymbol("A", 2, 3)).shape
    (Ellipsis, 2, 3)
    """

    kind = "placeholders"

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        name: str | None = None,
        *,
        default: Any = None,
        core: tuple[Any, ...] | None = None,
    ) -> None:
        self.symbol: Any = None
        if isinstance(dtype, sympy.Basic):
            self.symbol, dtype = dtype, None
            name = name or symbol_name(self.symbol)
        self.core = core if core is not None else () if self.symbol is None else core_shape(self.symbol)
        self.spec = Spec(
            as_shape(shape if shape is not None else _batch_of(self.core)),
            None if dtype is None else _numeric_dtype(dtype),
        )
        self.default = None if default is None else _frozen_array(default, dtype)
        self._join(get_default_graph(), name)


def _numeric_dtype(dtype: Any) -> np.dtype[Any]:
    """The dtype that a user means by the first argument of a placeholder."""
    try:
        found: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found.kind not in "biufc":
        raise TypeError(
            f"The first argument of placeholder is the dtype, and {dtype!r} is none of numbers; give a name by name=, a shape by shape="
        )
    return found


def symbol_name(symbol: Any) -> str:
    """What a placeholder of a symbol is called.

    >>> symbol_name(sympy.Symbol("x")), symbol_name(sympy.Function("f")(sympy.Symbol("t")))
    ('x', 'f')
    """
    return str(getattr(symbol, "name", None) or brief(symbol))


def namesakes(wanted: Iterable[Any], given: Iterable[Any]) -> str:
    """A sentence for messages on those of `given` that have the name of one of `wanted`, but other assumptions; empty if there are none.

    >>> namesakes([sympy.Symbol("x")], [sympy.Symbol("x", real=True)])
    "Symbols of one name with different assumptions are different symbols: Symbol('x') is not Symbol('x', real=True)"
    """
    given = list(given)
    pairs = [(a, b) for a in wanted for b in given if a != b and brief(a) == brief(b)]
    listed = "; ".join(f"{sympy.srepr(a)} is not {sympy.srepr(b)}" for a, b in pairs)
    return f"Symbols of one name with different assumptions are different symbols: {listed}" if pairs else ""


def _batch_of(core: tuple[Any, ...]) -> Shape | None:
    """(..., m, n) for a MatrixSymbol(m, n); None for the axes whose length is a symbol."""
    return (..., *(dim if isinstance(dim, int) else None for dim in core)) if core else None


class Variable(Node):
    """A value that a session keeps between runs, from `initial_value` on (an array, a number, or a node) until something is assigned.

    Args:
        initial_value: the first value; evaluated when a session first needs the variable.
        name: its name in the graph.
        dtype: the NumPy dtype; that of the initial value by default.
        trainable: whether optimisers change it by default.

    >>> Variable([[1, 0], [0, -1]]).shape
    (2, 2)
    """

    kind = "variables"

    def __init__(
        self, initial_value: Any = None, name: str | None = None, dtype: Any = None, *, trainable: bool = True
    ) -> None:
        self.trainable = trainable
        if isinstance(initial_value, Node):
            shape, known = initial_value.spec
            self.spec = Spec(
                shape, np.dtype(dtype) if dtype is not None else initial_value.dtype if known is not None else None
            )
            self.initial_value: Any = initial_value
        else:
            if initial_value is None:
                raise ShapeError("A Variable needs an initial value: an array, a number, or a node")
            self.initial_value = _frozen_array(initial_value, dtype)
            self.spec = Spec(self.initial_value.shape, self.initial_value.dtype)
        graph = initial_value.graph if isinstance(initial_value, Node) else get_default_graph()
        self._join(graph, name)


class Constant(Node):
    """A value that is part of the graph. Python numbers take the dtype of what they meet; arrays keep theirs. Use `constant`."""

    value: Any

    def __init__(self, value: Any, graph: Graph, name: str | None = None) -> None:
        self.value = value
        scalar = type(value) in (bool, int, float, complex)
        self.spec = Spec((), type(value)) if scalar else Spec(value.shape, value.dtype)
        self._join(graph, name)


def as_dtype(array: Any, dtype: Any) -> Any:
    """`array` (or a NumPy scalar) in another dtype, where that loses no more than digits after the point.

    Raises TypeError where it would cut off a fraction or an imaginary part, OverflowError where a value is out of range.

    >>> as_dtype(np.array([1, 2]), np.int8).dtype
    dtype('int8')
    """
    have, want = array.dtype, np.dtype(dtype)
    if have == want:
        return array
    if want.kind in "iu" and have.kind in "iu" and array.size:
        info = np.iinfo(want)
        if np.min(array) < info.min or np.max(array) > info.max:
            raise OverflowError(f"a value is out of the range of {want}, {info.min} to {info.max}; use a wider dtype")
    elif not np.can_cast(have, want, "same_kind"):
        raise TypeError(
            f"a value of dtype {have} cannot be held where {want} is declared; convert it, or declare another dtype"
        )
    with np.errstate(all="ignore", over="raise"):
        try:
            return array.astype(want)
        except FloatingPointError:
            raise OverflowError(
                f"a value is beyond the largest {want}, {np.finfo(want).max}; use a wider dtype"
            ) from None


def _frozen_array(value: Any, dtype: Any = None) -> Any:
    """A read-only copy with a numeric dtype."""
    if isinstance(value, (str, bytes, sympy.Basic)) or value is None:
        raise TypeError(f"A {type(value).__name__} is not a number or an array of numbers: {value!r}")
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            "A masked array cannot be held, since its mask would be lost; fill it first, for instance .filled(np.nan)"
        )
    array = np.array(value)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"An array of dtype {array.dtype} is not an array of numbers: {value!r}")
    array = as_dtype(array, array.dtype.newbyteorder("=") if dtype is None else dtype)
    array.flags.writeable = False
    return array


def constant(
    value: Any, dtype: Any = None, shape: Any = None, name: str | None = None, *, graph: Graph | None = None
) -> Constant:
    """A node with a fixed value: a Python number, or an array (copied, read-only). Equal constants of a graph are one node.

    >>> constant(2.5) is constant(2.5)
    True
    """
    graph = graph or get_default_graph()
    if type(value) in (bool, int, float, complex) and dtype is None and shape is None:
        if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
            raise OverflowError(f"The integer {value} does not fit into 64 bits; write it as a float")
        key: Any = (type(value), repr(value))
    else:
        value = _frozen_array(value, dtype)
        if shape is not None:
            value = _frozen_array(np.broadcast_to(value, shape))
        key = (value.dtype.str, value.shape, value.tobytes()) if value.size <= 64 else None
    with graph._lock:
        node = graph._interned.get(key) if key is not None and name is None else None
        if node is None:
            node = Constant(value, graph, name)
            if key is not None and name is None:
                graph._interned[key] = node
        return cast(Constant, node)


def as_node(value: Any, graph: Graph | None = None) -> Node:
    """`value` itself if it is a node, else a constant of `graph`.

    >>> as_node(3).value
    3
    """
    if isinstance(value, Node):
        return value
    if isinstance(value, sympy.Basic) and not value.is_Number:
        raise TypeError(
            f"{brief(value)} is a SymPy expression, not a node: use symgraph.translate({brief(value)}) to make nodes of it"
        )
    if isinstance(value, sympy.Basic):
        value = int(value) if value.is_Integer else float(cast(Any, value))
    return constant(value, graph=graph)


# --- operations


_OWN = frozenset(
    ("input_nodes", "consumers", "graph", "name", "spec", "serial", "control_inputs", "_wanted_name", "origin")
)  # attributes of every node, which say nothing of what it computes


class OperationType(type):
    """The class of operation classes: calling one gives a *finished* node, which for a pure operation may be one that is there already."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return type.__call__(cls, *args, **kwargs)._finish()


class Operation(Node, metaclass=OperationType):
    """A node that computes its value from its inputs' values. Subclass it to define an operation:

    >>> class my_add(Operation):
    ...     def __init__(self, x, y):
    ...         super().__init__([x, y])
    ...     def compute(self, x_value, y_value):
    ...         return x_value + y_value
    >>> my_add(1, 2).eval()
    np.int64(3)

    `compute` gets the inputs' values and returns the value. If it takes a keyword `xp`, it is written against that array namespace (NumPy,
    or another one with the same functions) and runs on every backend; else it gets NumPy arrays. For derivatives write `gradient(grad)`: given
    the node of the gradient with respect to this operation, return a list of nodes, one for each input (or None where there is none). Inputs that
    were broadcast need no care. `infer(*specs)` says the result's Spec from the inputs'; by default nothing is known.

    Attributes of a class:
        attributes: names of the instance attributes that, with the inputs, define the operation.
        has_value: False for operations that compute nothing, whose `compute` returns None.
        pure: equal operations on equal inputs are one node. Only for operations whose value depends on nothing else.
    """

    kind = "operations"
    attributes: ClassVar[tuple[str, ...]] = ()
    pure: ClassVar[bool] = False
    takes_xp: ClassVar[bool] = False
    has_value: ClassVar[bool] = True
    _wanted_name: str | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.takes_xp = "xp" in inspect.signature(cls.compute).parameters

    def __init__(self, input_nodes: Iterable[Any] = (), name: str | None = None) -> None:
        if isinstance(input_nodes, Node):
            raise TypeError(
                f"class {type(self).__name__}: super().__init__ takes a list of inputs, as in super().__init__([x])"
            )
        values = list(input_nodes)
        graph = self.graph = _common_graph(values)
        for place, value in enumerate(values):
            if not isinstance(value, Node):
                values[place] = as_node(value, graph)
        self.input_nodes = values
        if name is not None:
            self._wanted_name = name
        controls = control_inputs_here()
        if controls:
            self.control_inputs = tuple(node for node in controls if node.graph is graph)

    def _finish(self) -> Self:
        """Register the node once its `__init__` is through, or return the equal node that the graph has."""
        if "input_nodes" not in self.__dict__:
            raise GraphError(f"class {type(self).__name__}: its __init__ must call super().__init__([inputs])")
        graph = self.graph
        key = self._key() if self.pure and self._wanted_name is None else None
        if key is not None:
            found = graph._interned.get(key)
            if found is not None:
                return cast(Self, found)
        try:
            self.spec = self.infer(*[node.spec for node in self.input_nodes])
        except ShapeError as error:
            named = ", ".join(f"{node.name} {format_shape(node.shape)}" for node in self.input_nodes)
            raise ShapeError(f"{error} (in {type(self).__name__} of {named}{_from_expression()})") from None
        with graph._lock:
            if key is not None and key in graph._interned:
                return cast(Self, graph._interned[key])
            self._join(graph, self._wanted_name)
            if key is not None:
                graph._interned[key] = self
        return self

    def _key(self) -> tuple[Any, ...] | None:
        """What equal operations have in common; None if the instance has attributes that its class does not declare."""
        attributes = self.attributes
        if len(self.__dict__) > 2 and self.__dict__.keys() - _OWN - set(attributes):  # two are its graph and its inputs
            return None
        if not attributes:
            return (type(self), self.control_inputs, *self.input_nodes)
        try:
            values = [_identity_of(getattr(self, attribute)) for attribute in attributes]
        except TypeError:  # an array or a list: never shared
            return None
        return (type(self), self.control_inputs, *self.input_nodes, *values)

    def rebuild(self, input_nodes: Sequence[Node]) -> Node:
        """The same operation on other inputs."""
        cls = type(self)
        node = cls.__new__(cls)
        node.__dict__.update({key: value for key, value in self.__dict__.items() if key not in _OWN})
        node.origin = self.origin
        Operation.__init__(node, input_nodes)
        return node._finish()

    def infer(self, *specs: Spec) -> Spec:
        """Shape and dtype of the result, from those of the inputs; raises ShapeError where they cannot fit."""
        return Spec()

    if TYPE_CHECKING:
        compute: Callable[..., Any]  # its arguments are the subclass's own
    else:

        def compute(self, *values):
            """The value, from the inputs' values."""
            raise NotImplementedError(f"class {type(self).__name__} has no `compute`")

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        """For each input, the node of the gradient with respect to it, or None, where `grad` is the one with respect to this operation."""
        raise NotImplementedError(
            f"class {type(self).__name__} has no `gradient`: define `gradient(self, grad)` that returns a list with a node or None for each input"
        )


def _identity_of(value: Any) -> Any:
    """A key that tells apart what Python calls equal: 1, 1.0 and True, 0.0 and -0.0; and that is the same for nan and nan."""
    if type(value) is tuple:
        return tuple([_identity_of(item) for item in value])
    if type(value) in (float, complex):
        return (type(value), repr(value))
    hash(value)
    return (type(value), value)


def _from_expression() -> str:
    expression = being_translated.get()
    return "" if expression is None else f", from the SymPy expression {brief(expression)}"


def _common_graph(values: Sequence[Any]) -> Graph:
    graph: Graph | None = None
    for value in values:
        if isinstance(value, Node):
            if graph is None:
                graph, first = value.graph, value
            elif value.graph is not graph:
                raise GraphMismatchError(
                    f"{value!r} must be from the same graph as {first!r}: they are of {value.graph!r} and {graph!r}"
                )
    return graph or get_default_graph()
