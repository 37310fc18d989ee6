"""Nested lists, tuples, dicts, namedtuples and dataclasses: taken apart into their leaves, and built again with other leaves in place."""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sympy

from .errors import ArgumentError

__all__ = ["ComputedKeys", "Structure"]


@functools.lru_cache(256)
def _is_leaf(kind: type) -> bool:
    """Whether values of a class are no containers."""
    return (
        not issubclass(kind, (ComputedKeys, dict, tuple, list, sympy.Tuple, sympy.Dict))
        and not dataclasses.is_dataclass(kind)
        and not hasattr(kind, "__attrs_attrs__")
    )


def _parts(value: Any) -> tuple[list[Any], Callable[[list[Any]], Any]] | None:
    """The members of a container and what builds it again; None for a leaf."""
    kind: Any = type(value)
    if _is_leaf(kind):
        return None
    if isinstance(value, ComputedKeys):
        count = len(value.items)
        return [*value.items, *value.items.values()], lambda members: dict(
            zip(members[:count], members[count:], strict=True)
        )
    if isinstance(value, dict):
        keys, like = list(value), copy.copy(value)
        return list(value.values()), lambda members: _updated(like, zip(keys, members, strict=True))
    if isinstance(value, tuple):
        return list(value), kind._make if hasattr(value, "_fields") else tuple
    if isinstance(value, list):
        return value, _same
    if isinstance(value, sympy.Tuple):
        return list(value.args), tuple
    if isinstance(value, sympy.Dict):
        keys = list(value.keys())
        return list(value.values()), lambda members: dict(zip(keys, members, strict=True))
    if dataclasses.is_dataclass(kind):
        return _fields(value, [field.name for field in dataclasses.fields(kind)])
    return _fields(value, [field.name for field in kind.__attrs_attrs__])


def _same(members: list[Any]) -> list[Any]:
    return members


def _updated(like: Any, items: Iterable[tuple[Any, Any]]) -> Any:
    """A copy of a dict with other values: its kind, its order, and what else it holds (a default) stay."""
    result = copy.copy(like)
    result.update(items)
    return result


def _fields(value: Any, names: Sequence[str]) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The fields of an object, and what makes a copy with others; its __init__ is not run, which may want other values than these."""
    like = copy.copy(value)

    def build(members: list[Any]) -> Any:
        result = copy.copy(like)
        for name, member in zip(names, members, strict=True):
            object.__setattr__(result, name, member)  # frozen ones too
        return result

    return [getattr(value, name) for name in names], build


class ComputedKeys:
    """A dict whose keys are leaves too, as its values are. (The keys of a plain dict are labels.)"""

    def __init__(self, items: dict[Any, Any]) -> None:
        self.items = items


class Structure:
    """The form of a nested value; its leaves are in `leaves`.

    >>> s = Structure([1, {"a": 2, "b": (3,)}])
    >>> s.leaves, s.rebuild([x * 10 for x in s.leaves])
    ([1, 2, 3], [10, {'a': 20, 'b': (30,)}])
    """

    def __init__(self, value: Any) -> None:
        self.leaves: list[Any] = []
        self._code: list[
            tuple[Callable[[list[Any]], Any], int] | None
        ] = []  # in postfix order; None takes the next leaf
        open_containers: set[int] = set()
        stack: list[tuple[Any, Any]] = [(value, None)]
        while stack:
            item, close = stack.pop()
            if close is not None:
                open_containers.discard(id(item))
                self._code.append(close)
                continue
            parts = _parts(item)
            if parts is None:
                self.leaves.append(item)
                self._code.append(None)
                continue
            if id(item) in open_containers:
                raise ArgumentError(f"A cyclic structure: a {type(item).__name__} contains itself")
            open_containers.add(id(item))
            members, build = parts
            stack.append((item, (build, len(members))))
            stack.extend((member, None) for member in reversed(members))

    @property
    def is_leaf(self) -> bool:
        """Whether there is no container at all."""
        return self._code == [None]

    @property
    def flat_kind(self) -> Any:
        """`list` or `tuple` where it is one of leaves alone, else False."""
        kind = type(self.rebuild([None] * len(self.leaves)))
        return kind if kind in (list, tuple) and len(self._code) == len(self.leaves) + 1 else False

    @property
    def plain_code(self) -> list[tuple[type, int] | None] | None:
        """In postfix order None for a leaf, (list or tuple, its length) for a container; None in all where there is one of another kind.

        >>> Structure([1, (2, 3)]).plain_code
        [None, None, None, (<class 'tuple'>, 2), (<class 'list'>, 2)]
        """
        kinds = {_same: list, tuple: tuple}
        if any(step is not None and step[0] not in kinds for step in self._code):
            return None
        return [step and (kinds[step[0]], step[1]) for step in self._code]

    def rebuild(self, leaves: Sequence[Any]) -> Any:
        """The same containers around other leaves."""
        if self._code == [None]:
            return leaves[0]
        source = iter(leaves)
        stack: list[Any] = []
        for step in self._code:
            if step is None:
                stack.append(next(source))
                continue
            build, count = step
            members = stack[len(stack) - count :]
            del stack[len(stack) - count :]
            stack.append(build(members))
        return stack[0]
