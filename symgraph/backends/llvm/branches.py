"""Branches: what only one side of a choice needs is jumped over where no row takes that side.

Each instruction belongs to the innermost side of a choice in which all its uses are; sides are nested as choices are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .code import Instruction
from .emission import sources

__all__ = ["with_branches"]

Item = tuple[int, Instruction]

# of measured ones, ten multiplications gain as little as they lose where they are not skipped; two divisions lose nothing
WORTH = 16
_COSTS = {"leaf": 0, "const": 0, "fdiv": 8, "sqrt": 8, "elementary": 40, "call": 100}  # of all others 1
_MOST = 4  # conditions that one branch has, more of which cost more than they skip


class _Side:
    """What is computed for the rows that take one side of a choice, and for nothing else: where `condition` `holds`, or does not."""

    def __init__(self, parent: _Side | None = None, condition: int = -1, holds: bool = True) -> None:
        self.parent, self.condition, self.holds = parent, condition, holds
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.cost = 0
        self.items: list[Item] = []

    @property
    def is_worth_it(self) -> bool:
        return self.parent is None or self.cost >= WORTH

    def worthy(self) -> _Side:
        """This side, or the innermost one around it that is worth a jump."""
        side = self
        while side.parent is not None and not side.is_worth_it:
            side = side.parent
        return side

    def conditions(self, before: int) -> list[tuple[int, bool]]:
        """What must hold, also on sides around that are no branches: of that a part, from instructions `before` a number, which are there already."""
        side, found = self, [(self.condition, self.holds)]
        while side.parent is not None and not side.parent.is_worth_it and len(found) < _MOST:
            side = side.parent
            if side.condition < before:
                found.append((side.condition, side.holds))
        return found


def with_branches(items: Iterable[Item], kept: Collection[int]) -> list[Item]:
    """Numbered instructions, in which those of a side of a choice are one: ("branch", kind, conditions and whether each must hold, instructions).

    `kept` are the numbers of values that are needed besides. A branch has the number of the value that it gives; where it is jumped over, that
    value does not matter.

    >>> [(number, instruction[0]) for number, instruction in with_branches([(1, ("fcmp", "i1", "olt", 0, 0))], [1])]
    [(1, 'fcmp')]
    """
    listed = list(items)
    if not any(instruction[0] == "choice" for _, instruction in listed):
        return listed
    outside, own = _Side(), {number for number, _ in listed}
    home: dict[int, _Side] = dict.fromkeys(kept, outside)
    sides: dict[tuple[int, int], _Side] = {}  # by the number of the choice and that of the value
    for number, instruction in reversed(listed):
        here = home.setdefault(number, outside)
        here.cost += _COSTS.get(instruction[0], 1)
        for source in own.intersection(sources(instruction)):
            there = here
            if instruction[0] == "choice" and source != instruction[2]:
                there = sides[number, source] = _Side(here, instruction[2], source == instruction[3])
            home[source] = there if source not in home else _common(home[source], there)
    for side in reversed(sides.values()):  # the inner ones first
        if side.parent is not None and not side.is_worth_it:
            side.parent.cost += side.cost
    for number, instruction in listed:
        place = home[number].worthy().items
        for value in instruction[3:] if instruction[0] == "choice" else ():
            inner = sides.get((number, value))
            if inner is not None and inner.is_worth_it:
                place.append((value, ("branch", instruction[1], inner.conditions(number), inner.items)))
        place.append((number, instruction))
    return outside.items


def _common(a: _Side, b: _Side) -> _Side:
    """The innermost side that both are in."""
    while a is not b:
        deeper, other = (a, b) if a.depth >= b.depth else (b, a)
        if deeper.parent is not None:
            a, b = deeper.parent, other
    return a
