"""Session: feeds in, results out, and the values of variables between runs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, cast

import numpy as np
import sympy

from . import backends
from .compiled import Compiled
from .errors import (
    ClosedSessionError,
    FeedError,
    FeedGraphError,
    FeedTypeError,
    FetchError,
    GraphMismatchError,
)
from .feeds import (
    Dimensions,
    batch_shape,
    checked_keys,
    converted,
    describe,
    feed_symbol,
    feed_value,
    missing_feed,
    unknown_feed,
)
from .graph import OPERATORS, Graph, Node, get_default_graph, new_lock, postorder
from .nodes import Operation, Variable, placeholder, symbol_name
from .ops.state import group
from .results import own_results
from .rewriting import rewrite
from .structure import Structure
from .translation import Translation, as_expression, occurring, translate_all

__all__ = ["Session", "get_default_session", "global_variables_initializer", "variables_initializer"]

_default_session: ContextVar[tuple[Session, ...]] = ContextVar("default session", default=())


class _Cache:
    """The most recently used `size` values."""

    def __init__(self, size: int) -> None:
        self._size, self._items, self._lock = size, OrderedDict[Any, Any](), new_lock(self)

    def get(self, key: Any, make: Callable[[], Any]) -> Any:
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
                return self._items[key]
        value = make()
        with self._lock:
            self._items[key] = value
            while len(self._items) > self._size:
                self._items.popitem(last=False)
        return value


class Session:
    """Runs parts of a graph.

    Args:
        graph: the Graph whose nodes it runs; the default graph if None.
        backend: the name of a backend; see `symgraph.backends`.
        threads, contract: as for `symgraph.function`.

    Variables have a value of their own in each session, from their initial value on. A run changes them only when all of it has succeeded.
    A session can be used from several threads at once. SymPy expressions can be run in any session; they are translated once and kept in
    a cache of bounded size.

    >>> import sympy
    >>> x = sympy.Symbol("x")
    >>> with Session() as sess:
    ...     sess.run([x**2, {"double": 2 * x}], {x: [1.0, 3.0]})
    [array([1., 9.]), {'double': array([2., 6.])}]
    """

    def __init__(
        self, graph: Graph | None = None, backend: Any = None, threads: int | None = None, contract: bool = True
    ) -> None:
        self.graph = graph if graph is not None else get_default_graph()
        self._compiler = backends.get(backend, threads, contract)
        self._values: dict[Node, Any] = {}
        self._lock = new_lock(self)
        self._programs, self._translations = _Cache(256), _Cache(256)
        self._closed = False

    def __enter__(self) -> Session:
        self._check_open()
        _default_session.set((*_default_session.get(), self))
        return self

    def __exit__(self, *exception: object) -> None:
        sessions = _default_session.get()
        if not sessions or sessions[-1] is not self:
            raise AssertionError("Nesting violated for the default sessions: leave the inner `with` block first")
        _default_session.set(sessions[:-1])
        self.close()

    def close(self) -> None:
        """Give up the values of the variables; further runs raise ClosedSessionError."""
        self._closed = True
        self._values = {}

    def __reduce__(self) -> Any:
        raise TypeError(
            "A Session cannot be pickled or copied: it belongs to a graph. A symgraph.Function can be pickled; for the values of "
            "variables, run them"
        )

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedSessionError("Attempted to use a closed Session.")

    def run(self, fetches: Any, feed_dict: Mapping[Any, Any] | None = None) -> Any:
        """Compute `fetches`, and give the results in the same structure.

        Args:
            fetches: a node, a node's name, a SymPy expression, or a list, tuple, dict, namedtuple or dataclass of such, nested at will.
            feed_dict: from placeholders (or other nodes, names, SymPy symbols) to values. A fed node is not computed. What the graph or one of
                the fetched expressions has, and the run does not need, is ignored. A name or symbol that neither has is an error, since what
                it was meant for would keep another value in silence (an expression that SymPy simplified may have lost a symbol: run it
                together with others that have it, or leave the symbol out).

        Returns NumPy arrays, and NumPy scalars where the shape is (); None for operations without a value. Results are never views of
        variables, of feeds, or of each other. Nodes fetched beside an assignment have their value from before it, unless
        `control_dependencies` say otherwise.

        Raises MissingFeedError, ShapeError, FeedTypeError, DimensionError before anything is computed.
        """
        self._check_open()
        structure = Structure(fetches)
        feeds = checked_keys(feed_dict)
        nodes, translations = self._nodes(structure.leaves, feeds)
        fed, unknown = self._feeds(feeds, translations)
        results = self._run_nodes(nodes, fed, unknown)
        return structure.rebuild(results)

    def make_callable(self, fetches: Any, feed_list: Sequence[Any] = ()) -> Callable[..., Any]:
        """A function of the values for `feed_list`, in that order, that runs `fetches`.

        >>> x = placeholder()
        >>> Session().make_callable(x * 2, [x])(3.0)
        np.float64(6.0)
        """
        keys, structure = list(feed_list), Structure(fetches)
        plain = all(isinstance(item, Node) for item in [*structure.leaves, *keys])
        plain = plain and all(getattr(key, "symbol", None) is None for key in keys) and len(set(keys)) == len(keys)
        run = (
            self._prepared(structure, keys)
            if plain
            else lambda values: self.run(fetches, dict(zip(keys, values, strict=True)))
        )

        def call(*values: Any) -> Any:
            if len(values) != len(keys):
                raise TypeError(
                    f"This callable takes {len(keys)} values, one for each of its feed_list, but {len(values)} were given"
                )
            return run(values)

        return call

    def _prepared(self, structure: Structure, keys: Sequence[Node]) -> Callable[[Sequence[Any]], Any]:
        """What runs nodes for values of others, of which everything is known beforehand."""
        compiled: Compiled | None = None

        def run(values: Sequence[Any]) -> Any:
            nonlocal compiled
            self._check_open()
            if compiled is None:
                nodes, _ = self._nodes(structure.leaves, {})
                self._feeds(dict(zip(keys, values, strict=True)), ())
                compiled = self._compiled(nodes, keys)
                compiled.check_feeds(keys)
            fed = {key: feed_value(key, value) for key, value in zip(keys, values, strict=True)}
            return structure.rebuild(self._run_compiled(compiled, fed))

        return run

    def load(self, values: Mapping[Any, Any]) -> None:
        """Give variables values, without a run: all of them, or none if one does not fit.

        >>> v = Variable(1.0)
        >>> session = Session()
        >>> session.load({v: 5.0})
        >>> session.run(v)
        np.float64(5.0)
        """
        for variable in values:
            if not isinstance(variable, Variable) or variable.graph is not self.graph:
                raise FeedGraphError(f"Only variables of {self.graph!r} can be given values, not {variable!r}")
        new: dict[Node, Any] = {variable: _kept(feed_value(variable, value)) for variable, value in values.items()}
        with self._lock:
            self._check_open()
            self._values = {**self._values, **new}

    # --- what is fetched

    def _nodes(self, fetches: Sequence[Any], feeds: Mapping[Any, Any]) -> tuple[list[Node], list[Translation]]:
        nodes: list[Node] = []
        translations: list[Translation] = []
        for fetch in fetches:
            if isinstance(fetch, Node):
                if fetch.graph is not self.graph:
                    raise GraphMismatchError(
                        f"{fetch!r} is not an element of this session's graph {self.graph!r}, but of {fetch.graph!r}"
                    )
                nodes.append(fetch)
            elif isinstance(fetch, str):
                nodes.append(self.graph.get_operation_by_name(fetch))
            elif isinstance(fetch, (sympy.Basic, sympy.MatrixBase, sympy.NDimArray)):
                translation = self._translation(fetch, feeds)
                translations.append(translation)
                nodes.extend(translation.nodes)
            else:
                raise FetchError(
                    f"Argument `fetch` = {fetch!r} has invalid type {type(fetch).__name__!r}: it must be a node, the name of one, or a SymPy "
                    f"expression. (Can not convert a {type(fetch).__name__} into a node.)"
                )
        return nodes, translations

    def _translation(self, expression: Any, feeds: Mapping[Any, Any]) -> Translation:
        expression = as_expression(expression)
        symbols = tuple(key.symbol if isinstance(key, placeholder) else key for key in feeds)
        symbols = tuple(key for key in symbols if isinstance(key, sympy.Basic))

        def make() -> Translation:
            with Graph().as_default():
                translation = translate_all([expression], known=symbols)
            there = occurring(symbols, expression)
            placeholders = {s: node for s, node in translation.placeholders.items() if s not in symbols or s in there}
            return replace(translation, nodes=tuple(rewrite(translation.nodes)), placeholders=placeholders)

        try:
            return cast(Translation, self._translations.get((expression, symbols), make))
        except RecursionError:  # SymPy compares deep expressions recursively
            return make()

    # --- what is fed

    def _feeds(
        self, feeds: Mapping[Any, Any], translations: Sequence[Translation]
    ) -> tuple[dict[Node, Any], list[Any]]:
        """The values for nodes, and the keys that stand for none."""
        fed: dict[Node, Any] = {}
        unknown: list[Any] = []
        dimensions = Dimensions()
        scalars: dict[Any, Any] = {}
        names: list[str] = []
        loops: list[tuple[int, ...]] = []
        for key, value in feeds.items():
            nodes = self._fed_nodes(key, translations)
            if not nodes:
                unknown.append(key)
            for node in nodes:
                if node in fed:
                    raise FeedError(
                        f"{node.name!r} is fed twice, the second time by the key {key!r}; leave one of them out"
                    )
                if not isinstance(node, placeholder) or node.symbol is None:
                    fed[node] = feed_value(node, value)
                    continue
                core = node.core
                fed[node] = array = feed_symbol(node, value)
                dimensions.bind(core, array.shape, node.name)
                if not core:
                    scalars[node.symbol] = value
                names.append(node.name)
                loops.append(array.shape[: array.ndim - len(core)])
        dimensions.check(scalars)
        if translations:
            batch_shape(names, loops)
        return fed, unknown

    def _fed_nodes(self, key: Any, translations: Sequence[Translation]) -> list[Node]:
        if isinstance(key, Node):
            if key.graph is not self.graph:
                raise FeedGraphError(
                    f"Cannot interpret feed_dict key {key!r}: it is not an element of this session's graph {self.graph!r}, "
                    f"but of {key.graph!r}"
                )
            symbol = getattr(key, "symbol", None)
            return [
                key,
                *(t.placeholders[symbol] for t in translations if symbol is not None and symbol in t.placeholders),
            ]
        if isinstance(key, str):
            return self._named(key, translations)
        own = [node for node in self.graph.placeholders if node.symbol == key]
        found = [t.placeholders[key] for t in translations if key in t.placeholders]
        return [*own, *found]

    def _named(self, key: str, translations: Sequence[Translation]) -> list[Node]:
        """The node of that name, and the placeholders of the symbol of that name; if these are several inputs, the name is refused."""
        placeholders = [*self.graph.placeholders, *(node for t in translations for node in t.placeholders.values())]
        symbols = {node.symbol for node in placeholders if node.symbol is not None and symbol_name(node.symbol) == key}
        try:
            node = self.graph.get_operation_by_name(key)
        except FetchError as error:
            if not symbols:
                raise FeedTypeError(f"Cannot interpret feed_dict key {key!r}: {error}") from None
        else:
            symbol = getattr(node, "symbol", None)
            if symbol is None and not symbols:
                return [node]
            symbols.add(node if symbol is None else symbol)
        if len(symbols) > 1:
            listed = ", ".join(sorted(describe(symbol) for symbol in symbols))
            raise FeedTypeError(
                f"Cannot interpret feed_dict key {key!r}: this is the name of {len(symbols)} inputs ({listed}); use the symbol or the node as key"
            )
        return [node for node in placeholders if node.symbol in symbols]

    # --- the run

    def _run_nodes(self, nodes: Sequence[Node], fed: dict[Node, Any], unknown: Sequence[Any] = ()) -> list[Any]:
        compiled = self._compiled(nodes, fed)
        compiled.check_feeds(fed, unknown)
        if unknown:
            raise unknown_feed(unknown, [*compiled.leaves, *self.graph.placeholders])
        return self._run_compiled(compiled, fed)

    def _compiled(self, nodes: Sequence[Node], fed: Iterable[Node]) -> Compiled:
        cuts = frozenset([node for node in fed if not isinstance(node, (placeholder, Variable))])
        found = self._programs.get((tuple(nodes), cuts), lambda: Compiled(nodes, cuts, self._compiler))
        return cast(Compiled, found)

    def _run_compiled(self, compiled: Compiled, fed: dict[Node, Any]) -> list[Any]:
        if compiled.assigned or not {*self._values, *fed}.issuperset(compiled.variables):
            with self._lock:  # one at a time change the variables
                return self._execute(compiled, fed)
        return self._execute(compiled, fed)

    def _execute(self, compiled: Compiled, fed: dict[Node, Any]) -> list[Any]:
        values = {**self._values, **fed}
        initial = self._initialise(compiled.variables, values)
        for leaf in compiled.fed:
            if leaf not in values:
                values[leaf] = feed_value(leaf, leaf.default)
        leaves = [values[leaf] for leaf in compiled.leaves]
        results = own_results(compiled.run(leaves), leaves)
        assigned: dict[Node, Any] = dict(
            zip(compiled.assigned, map(_read_only, results[compiled.count :]), strict=True)
        )
        if initial or assigned:
            with self._lock:
                self._check_open()
                self._values = {**initial, **self._values, **assigned}
        return results[: compiled.count]

    def _initialise(self, variables: Sequence[Node], values: dict[Node, Any]) -> dict[Node, Any]:
        """Add the initial values of variables that have none yet to `values`, and give them."""
        fresh = [leaf for leaf in variables if leaf not in values]
        new: dict[Node, Any] = {}
        for node in postorder(fresh, _initial_inputs) if fresh else ():
            if not isinstance(node, Variable) or node in values:
                continue
            value = node.initial_value
            if isinstance(value, Node):
                compiled = Compiled([value], frozenset(), self._compiler)
                missing = [leaf for leaf in compiled.leaves if leaf not in values]
                if missing:
                    raise missing_feed(missing, values)
                value = compiled.run([values[leaf] for leaf in compiled.leaves])[0]
                if node.dtype is not None:
                    value = converted(np.asarray(value), node.dtype, node.name)
            values[node] = new[node] = _kept(value)
        return new


def _initial_inputs(node: Node) -> Sequence[Node]:
    """What must have a value before `node` has its first one."""
    return (
        [node.initial_value]
        if isinstance(node, Variable) and isinstance(node.initial_value, Node)
        else node.input_nodes
    )


def _kept(value: Any) -> Any:
    """A read-only copy, for a variable."""
    return _read_only(np.array(value))


def _read_only(value: Any) -> Any:
    array = np.asarray(value)
    array.flags.writeable = False
    return array


def get_default_session() -> Session | None:
    """The session of the innermost `with` block, or None.

    >>> get_default_session() is None
    True
    """
    sessions = _default_session.get()
    return sessions[-1] if sessions else None


def _eval(node: Node, feed_dict: Any, session: Session | None) -> Any:
    session = session or get_default_session()
    return (session if session is not None else Session(node.graph)).run(node, feed_dict)


def variables_initializer(var_list: Sequence[Variable], name: str = "init") -> Operation:
    """An operation that sets variables to their initial values.

    >>> v = Variable(1.0)
    >>> Session().run(variables_initializer([v]))
    """
    from .ops.state import assign

    graph = var_list[0].graph if var_list else get_default_graph()
    assigns = [assign(v, v.initial_value) for v in var_list]
    with graph.as_default():
        return group(*assigns, name=name)


def global_variables_initializer() -> Operation:
    """An operation that sets all variables of the default graph to their initial values. Not needed before the first use of a variable.

    >>> Session().run(global_variables_initializer())
    """
    return variables_initializer(get_default_graph().variables)


OPERATORS["eval"] = _eval
