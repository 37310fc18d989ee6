"""Calls of a Function that go to machine code without Python: with floats, and with arrays of kinds that it has seen."""

from __future__ import annotations

import functools
import types
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import backends
from .feeds import feed_symbol
from .graph import Node
from .results import own_results

__all__ = ["FastCalls"]

_NOT_TRIED: Any = object()
_FLOATS = frozenset((float, np.float64))
_ATTEMPTS = 16  # how many kinds of arrays are learned; who calls with ever new ones would pay for the search
_MISSES = 256  # calls of which nothing can be learned, after which it is not tried again


class FastCalls:
    """What a Function has to be called fast."""

    _native: Any = _NOT_TRIED
    _bare: Any = _NOT_TRIED
    _array_calls: Any = None
    _attempts = 0
    _misses = 0
    _cores: Any
    _default: Any
    _kind: Any
    _number: Any
    _of_numbers: bool
    _options: dict[str, Any]
    _parameters: list[Any]
    _present: Any
    _random: Any
    _structure: Any

    def _begin_to_learn(self) -> None:
        plain = all(parameter.is_plain for parameter in self._parameters) and not self._random
        if plain and hasattr(self._default.compiled, "direct"):
            self._attempts = _ATTEMPTS

    def _at_a_point(self, values: Sequence[Any]) -> Any:
        """The outputs for Python numbers: nothing has to be checked or broadcast."""
        declined = self._native is not _NOT_TRIED and _FLOATS.issuperset(
            map(type, values)
        )  # by the builtin, for this point
        if self._native is _NOT_TRIED:
            self._native = self._builtin(plain=False)
            if self._native is not None:
                self._call_first(self._native)
        number = self._number
        try:
            arrays = [number(value) for value in values]
        except OverflowError:  # an integer beyond all floats
            for node, value in zip(self._default.placeholders, values, strict=True):
                feed_symbol(node, value)
            raise
        if self._native is not None and not declined:
            return self._native(*arrays)
        return self._structure.rebuild(self._present(own_results(self._default.run(arrays), arrays), 0))

    def _builtin(self, plain: bool) -> Any:
        """A builtin function for calls with floats; None where there can be none."""
        make = backends.native(self._options["backend"])
        form = self._structure.plain_code
        if make is None or not self._of_numbers or form is None or not self._is_plain():
            return None
        leaves = self._default.leaves
        places: dict[Node, int] = {node: i for i, node in enumerate(self._default.placeholders)}
        order = [places[leaf] for leaf in leaves]
        return make(
            self._default.program,
            order,
            form,
            self._others,
            plain,
            self._options["contract"],
        )

    def _call_first(self, builtin: Any) -> None:
        """Let calls go to a builtin function, and from it to this class if it is for others. Not for classes of users, who may do more in theirs."""
        if self._kind.__module__.partition(".")[0] != __name__.partition(".")[0]:
            return
        self.__class__ = type(
            self._kind.__name__, (self._kind,), {"__call__": builtin, "__module__": self._kind.__module__}
        )

    def _learn(
        self,
        compiled: Any,
        values: Sequence[Any],
        arrays: Sequence[Any],
        batch: tuple[int, ...],
        results: Sequence[Any],
    ) -> None:
        """Let calls with arguments of these kinds go to machine code, without Python: if it is one kernel that makes the results as they are.

        Args:
            compiled: what was called.
            values, arrays: the arguments, as they were given and as they were fed.
            batch: its shape.
            results: what was computed.
        """
        same = all(
            a is v or (type(v) in _FLOATS and a.dtype == np.float64) for a, v in zip(arrays, values, strict=False)
        )
        if not same:
            return
        places: dict[Node, int] = {node: i for i, node in enumerate(compiled.placeholders)}
        order = [places[leaf] for leaf in compiled.leaves]
        direct = compiled.compiled.direct([arrays[place] for place in order])
        if (
            direct is None
            or self._container is False
            or any(core != self._cores[order[leaf]] for leaf, (core, _) in direct.leaves.items())
            or [(r.dtype, r.shape) for r in results] != [(dtype, batch + core) for dtype, core, _ in direct.outputs]
        ):
            self._misses += 1
            self._attempts = self._attempts if self._misses < _MISSES else 0
            return
        self._attempts -= 1
        if self._array_calls is None:
            otherwise = types.MethodType(self._kind.__call__, self)
            made = backends.array_calls(len(values), len(results), self._container, otherwise)
            if made is None:
                self._attempts = 0
                return
            calls = self.__dict__.setdefault("_array_calls", made)  # the first one, where several threads learn at once
            type(self._others).__call__ = calls.call
            if self._native is _NOT_TRIED or self._native is None:
                self._call_first(calls.call)
        self._array_calls.learn(direct, values, self._cores, [order.index(place) for place in range(len(values))])

    @functools.cached_property
    def _others(self) -> Any:
        """What other calls than those with floats go to; `_learn` changes what it does."""
        return type("_Others", (), {"__call__": types.MethodType(self._kind.__call__, self)})()

    @property
    def _container(self) -> Any:
        """list or tuple where the outputs come in one, None where there is one output, False for other structures."""
        return None if self._structure.is_leaf else self._structure.flat_kind

    def _is_plain(self) -> bool:
        """Whether results for numbers are what the program computes."""
        return self._number is np.float64

    @property
    def native(self) -> Any:
        """A builtin function for calls with as many floats as there are arguments, which gives Python floats: for loops, `quad`, root finders.

        All other calls are those of the Function. It is the Function itself where no builtin can be made: without llvmlite, for arguments other
        than numbers, or where parts are computed by a library.

        >>> import sympy
        >>> from symgraph import function
        >>> x = sympy.Symbol("x")
        >>> function(x, x**2 + 1).native(2.0)
        5.0
        """
        if self._bare is _NOT_TRIED:
            self._bare = self._builtin(plain=True)
        return self if self._bare is None else self._bare
