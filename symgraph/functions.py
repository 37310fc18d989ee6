"""Function: SymPy expressions as a Python callable on numbers and arrays."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import backends
from .arguments import Parameter, argument_list, check_arguments, python_signature, unique_names
from .destinations import Destinations
from .differentiable import Differentiable
from .errors import printed
from .fast_calls import FastCalls
from .feeds import Dimensions, batch_shape, feed_symbol
from .graph import Graph, Node
from .inspection import Inspectable
from .nodes import placeholder
from .precision import FLOAT64, NUMBERS, check_constants, numbers_in, precision, real_dtype
from .program import Program
from .results import own_results
from .rewriting import rewrite
from .sampling import draw, random_symbols
from .structure import Structure
from .translation import Translation, as_expression, brief, translate_all

__all__ = ["Function", "function"]


@dataclass(frozen=True)
class _Compiled:
    """The graph for one precision, the placeholders in the order of the arguments and as leaves of the program, and what runs it."""

    graph: Graph
    placeholders: tuple[placeholder, ...]
    leaves: tuple[Node, ...]
    translation: Translation
    program: Program
    run: backends.Runner
    compiled: backends.Runner


class Function(Differentiable, Inspectable, FastCalls):
    """Expressions as a function of their symbols. Made by `symgraph.function` and `symgraph.lambdify`.

    Attributes:
        args: the arguments' symbols, in order (nested arguments one after the other).
        outputs: the expression, or the list, tuple or dict of expressions.
        graph: the Graph with its nodes.
        signature: the core shapes of arguments and outputs in NumPy's gufunc notation, such as "(m,n),(n,1)->(m,1)".
        dtype: the floating-point dtype it computes in; None for that of what is fed (float64 for integers).

    Every argument may have batch axes in front of its own shape; those of all arguments are broadcast, and every output has them all. A Function
    is pure, can be used from several threads at once, pickled and copied.

    >>> import sympy
    >>> x, y = sympy.symbols("x y")
    >>> f = function((x, y), {"sum": x + y, "constant": 2})
    >>> f([1, 2, 3], 10)
    {'sum': array([11., 12., 13.]), 'constant': array([2., 2., 2.])}
    >>> f
    <symgraph Function f(x, y): (),()->(),() = {sum: x + y, constant: 2}>
    """

    _entries_first = False  # whether an array for an explicit matrix of arguments has the entries on its first axis

    def __init__(
        self,
        args: Any,
        outputs: Any,
        *,
        dtype: Any = None,
        domain: str = "real",
        backend: Any = None,
        threads: int | None = None,
        contract: bool = True,
        name: str = "f",
        broadcast: bool = True,
        rewrite: bool = True,
        functions: Mapping[str, Any] | None = None,
        use_imps: bool = True,
        tolerant: bool = False,
        rng: np.random.Generator | None = None,
    ) -> None:
        if dtype is not None and np.dtype(dtype).kind not in "fc":
            raise ValueError(
                f"dtype must be a floating-point or complex dtype, not {np.dtype(dtype)}: SymPy's numbers are not machine integers"
            )
        self._options: dict[str, Any] = {
            "dtype": None if dtype is None else np.dtype(dtype),
            "domain": domain,
            "backend": backend,
            "threads": threads,
            "contract": contract,
            "name": name,
            "broadcast": broadcast,
            "rewrite": rewrite,
            "functions": dict(functions or {}),
            "use_imps": use_imps,
            "tolerant": tolerant,
            "rng": rng,
        }
        self._parameters = [Parameter(arg, place, self._entries_first) for place, arg in enumerate(argument_list(args))]
        self.args = tuple(symbol for parameter in self._parameters for symbol in parameter.symbols)
        check_arguments(self.args)
        self._structure = Structure(outputs)
        self._expressions = tuple(as_expression(leaf) for leaf in self._structure.leaves)
        self._random = random_symbols(self._expressions) if rng is not None else ()
        self._names = unique_names(self._parameters)
        self._compiler = backends.get(backend, threads, contract)
        self._compiled: dict[np.dtype[Any], _Compiled] = {}
        self._kind = type(self)
        self.__name__ = self.__qualname__ = name
        self.__signature__ = python_signature(self._parameters)
        self.__doc__ = f"{name}({', '.join(p.name for p in self._parameters)})\n\nComputes {self._text()}."
        self._default: _Compiled = self._for(real_dtype(np.dtype(dtype)) if dtype is not None else np.dtype(np.float64))
        self._cores = tuple(node.core for node in self._default.placeholders[: len(self.args)])
        self._ranks = tuple(len(core) for core in self._cores)
        number = self.dtype if self.dtype is not None else FLOAT64
        self._number = (np.result_type(number, np.complex64) if domain == "complex" else number).type
        simple = not any(self._ranks) and not self._random and all(p.is_plain for p in self._parameters)
        self._of_numbers = simple and self._number in (np.float64, np.complex128)  # those hold every Python number
        self._begin_to_learn()

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """The dtype it computes in, None for that of what is fed."""
        dtype: np.dtype[Any] | None = self._options["dtype"]
        return dtype

    @property
    def outputs(self) -> Any:
        """The expressions, in the structure they were given in."""
        return self._structure.rebuild(self._expressions)

    @property
    def graph(self) -> Graph:
        """The graph with the nodes of the expressions."""
        return self._default.graph

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes of the outputs."""
        return self._default.translation.nodes

    @property
    def program(self) -> Program:
        """The straight-line code."""
        return self._default.program

    @property
    def signature(self) -> str:
        """The gufunc signature, with the names of symbolic dimensions."""
        inputs = ",".join(_core_text(core) for core in self._cores)
        return f"{inputs}->{','.join(_core_text(shape) for shape in self._default.translation.shapes)}"

    def __repr__(self) -> str:
        return f"<symgraph Function {self.__name__}({', '.join(p.name for p in self._parameters)}): {self.signature} = {self._text()}>"

    def _text(self) -> str:
        texts = [brief(e) for e in self._expressions]
        return (
            str(self._structure.rebuild([_Text(t) for t in texts])).replace("'", "")
            if len(texts) <= 20
            else f"{len(texts)} expressions"
        )

    def expression_text(self) -> str:
        """The expressions in SymPy's notation; what is too deep to print, in brief."""
        try:
            return printed(self.outputs, self._expressions)
        except RecursionError:
            return self._text()

    def __reduce__(self) -> Any:
        return _rebuild, (
            self._kind,
            [p.argument for p in self._parameters],
            self._structure.rebuild(self._expressions),
            self._options,
        )

    def _for(self, dtype: np.dtype[Any]) -> _Compiled:
        """The code for one precision, made on first use."""
        found = self._compiled.get(dtype)
        if found is None:
            graph = Graph()
            with graph.as_default():
                options = {key: self._options[key] for key in ("domain", "functions", "use_imps", "tolerant")}
                translation = translate_all(
                    self._expressions, known=(*self.args, *self._random), strict=True, dtype=dtype, **options
                )
                if self._options["rewrite"]:
                    translation = replace(translation, nodes=tuple(rewrite(translation.nodes)))
                translation = self._derived(translation)
            placeholders = tuple(translation.placeholders[symbol] for symbol in (*self.args, *self._random))
            # every argument is a leaf of the program, used or not
            program, leaves = Program.of([*translation.nodes, *placeholders])
            program = Program(
                program.leaves, program.constants, program.steps, program.outputs[: len(translation.nodes)]
            )
            check_constants(program, dtype)
            place: dict[Node, int] = {node: i for i, node in enumerate(placeholders)}
            order = [place[leaf] for leaf in leaves]
            kind = self.dtype or dtype
            kind = np.result_type(kind, np.complex64) if self._options["domain"] == "complex" else kind
            compiled = self._compiler(program)
            run = numbers_in(kind, compiled, translation.nodes, program, leaves)
            if order != list(range(len(order))):
                in_order, run = run, lambda values, *offered: in_order([values[i] for i in order], *offered)
            found = self._compiled.setdefault(
                dtype, _Compiled(graph, placeholders, leaves, translation, program, run, compiled)
            )
        return found

    def _derived(self, translation: Translation) -> Translation:
        """What is computed in place of the expressions; a derivative makes it of their nodes."""
        return translation

    # --- a call

    def __call__(self, *values: Any, **named: Any) -> Any:
        """The outputs for these arguments (see the class). Raises FeedTypeError, ShapeError, DimensionError before anything is computed.

        With `out=` (unless an argument has that name) they are written into arrays, given in the structure of the outputs, and these are
        returned. Each must have the shape and the dtype of its result. They may be arguments too, which are then overwritten in the end.
        """
        if self._of_numbers and not named and len(values) == len(self._ranks) and NUMBERS.issuperset(map(type, values)):
            return self._at_a_point(values)
        target = None
        if "out" in named and "out" not in self._names:
            target = Destinations(self._structure, named.pop("out"), self.__name__)
        flat = self._flat(values, named)
        dtype = self.dtype if self.dtype is not None else precision(flat)
        compiled = self._for(real_dtype(dtype))
        if self._options["domain"] == "complex":
            dtype = np.result_type(dtype, np.complex64)
        dimensions = Dimensions()
        arrays, loops = [], []
        fed = compiled.placeholders[: len(flat)]
        for node, core, rank, value in zip(fed, self._cores, self._ranks, flat, strict=True):
            array = feed_symbol(node, value, dtype)
            if rank:
                dimensions.bind(core, array.shape, node.name)
            arrays.append(array)
            loops.append(array.shape[: array.ndim - rank])
        dimensions.check({s: v for s, v, rank in zip(self.args, flat, self._ranks, strict=True) if not rank})
        batch = batch_shape([node.name for node in fed], loops) if any(loops) else ()
        if self._random:
            arrays += draw(self._random, batch, self._options["rng"])
        arrays = self._in_batch(arrays, batch)
        offered = target.offered(arrays) if target is not None and hasattr(compiled.compiled, "takes_offers") else []
        outputs = compiled.run(arrays, offered) if offered else compiled.run(arrays)
        if self._options["broadcast"]:
            outputs = [
                _filled(o, batch, len(shape)) for o, shape in zip(outputs, compiled.translation.shapes, strict=True)
            ]
        owned = own_results(outputs, arrays, offered)
        results = self._present(owned, len(batch))
        if (
            (batch or any(self._ranks))
            and self._attempts
            and not named
            and target is None
            and all(map(operator.is_, results, owned))
        ):
            self._learn(compiled, values, arrays, batch, results)
        return self._structure.rebuild(results if target is None else target.filled(results))

    def _in_batch(self, arrays: list[Any], batch: tuple[int, ...]) -> list[Any]:
        """The arguments as the program takes them; a derivative repeats those along the batch with respect to which it is."""
        return arrays

    def _present(self, results: list[Any], loops: int) -> list[Any]:
        """The results, each with `loops` batch axes, in the form that users get."""
        return results

    def _flat(self, values: Sequence[Any], named: dict[str, Any]) -> list[Any]:
        """The value for each symbol, from positional and named arguments."""
        given = list(values)
        if named or len(given) != len(self._parameters):
            given = self._bound(given, named)
        return [
            leaf for parameter, value in zip(self._parameters, given, strict=True) for leaf in parameter.unpack(value)
        ]

    def _bound(self, given: list[Any], named: dict[str, Any]) -> list[Any]:
        title, count = f"{self.__name__}()", len(self._parameters)
        if len(given) > count:
            raise TypeError(f"{title} takes {count} positional arguments but {len(given)} were given")
        places: dict[int, Any] = dict(enumerate(given))
        for name, value in named.items():
            place = self._names.get(name)
            if place is None:
                raise TypeError(
                    f"{title} got an unexpected keyword argument {name!r}; its arguments are {', '.join(p.name for p in self._parameters)}"
                )
            if place in places:
                raise TypeError(f"{title} got multiple values for argument {name!r}")
            places[place] = value
        missing = [p.name for i, p in enumerate(self._parameters) if i not in places]
        if missing:
            raise TypeError(f"{title} missing {len(missing)} required arguments: {', '.join(missing)}")
        return [places[i] for i in range(count)]


class _Text(str):
    """A string that shows without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _rebuild(kind: type[Function], args: Any, outputs: Any, options: dict[str, Any]) -> Function:
    return kind(args, outputs, **options)


def _core_text(shape: Sequence[Any]) -> str:
    return f"({','.join(str(dim).replace(' ', '') for dim in shape)})"


def _filled(output: Any, batch: tuple[int, ...], rank: int) -> Any:
    """`output` with all batch axes."""
    shape = np.shape(output)
    wanted = (*batch, *shape[len(shape) - rank :])
    return output if shape == wanted else np.broadcast_to(output, wanted)


def function(
    args: Any,
    outputs: Any,
    *,
    dtype: Any = None,
    domain: str = "real",
    backend: Any = None,
    threads: int | None = None,
    contract: bool = True,
    name: str = "f",
    broadcast: bool = True,
    rewrite: bool = True,
    rng: np.random.Generator | None = None,
) -> Function:
    """A Function of SymPy symbols that computes expressions. Batch axes come first everywhere.

    Args:
        args: a symbol or a list of symbols (Symbol, MatrixSymbol, f(t), ...), nested at will.
        outputs: an expression, or a list, tuple or dict of expressions, nested at will.
        dtype: the floating-point dtype to compute in; by default that of what is fed.
        domain: "real": functions give nan where their value is not real, and complex values arise from `I` and from complex feeds only;
            "complex": SymPy's principal values, and complex results.
        backend: see `symgraph.backends`.
        threads: how many threads large work may use, by default as many as there are processors; results do not depend on it.
        contract: whether products and sums may be fused, and then rounded once; see `symgraph.backends.get`.
        name: its `__name__`.
        broadcast: whether outputs that are constant along a batch axis are repeated along it.
        rewrite: whether forms that lose digits, such as exp(x) - 1 and log(1 + x), are computed by those that do not.
        rng: where samples for the random symbols of `sympy.stats` come from; each call draws one for each row of the batch.

    Raises UnsupportedExpressionError, UnboundSymbolError, ArgumentError when it is built.

    >>> import sympy
    >>> x = sympy.Symbol("x")
    >>> function(x, sympy.sin(x) ** 2)([0.0, 1.0])
    array([0.        , 0.70807342])
    >>> function(x, sympy.sqrt(x), domain="complex")(-4.0)
    np.complex128(2j)
    """
    options = {"dtype": dtype, "domain": domain, "backend": backend, "threads": threads, "contract": contract}
    return Function(args, outputs, name=name, broadcast=broadcast, rewrite=rewrite, rng=rng, **options)
