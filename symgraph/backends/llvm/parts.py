"""Parts: long code cut into functions, since the time that LLVM takes for a block grows faster than its length."""

from __future__ import annotations

from collections.abc import Sequence

from .code import Instruction
from .emission import Emission, jump, sources

__all__ = ["LONGEST", "Parts"]

LONGEST = 600


class Parts:
    """The instructions `items` as functions of at most LONGEST ones, called from `body`, which has their leaves.

    Values that pass from one function to another lie in slots of a scratch memory, which are used again when a value is not needed any more.

    Attributes:
        functions: their text.
        slots: how many slots of 8 bytes a row there are.
        declarations, symbols: as those of an Emission.
    """

    def __init__(self, body: Emission, items: Sequence[tuple[int, Instruction]], written: Sequence[int]) -> None:
        self._body = body
        instructions = body.code.instructions
        work = _in_depth({n: i for n, i in items if i[0] not in ("const", "leaf")}, written)
        chunks = [work[start : start + LONGEST] for start in range(0, len(work), LONGEST)]
        home = {n: place for place, chunk in enumerate(chunks) for n, _ in chunk}
        last: dict[int, int] = dict.fromkeys(written, len(chunks))  # the last function that reads a value
        for place, chunk in enumerate(chunks):
            for _, instruction in chunk:
                for source in sources(instruction):
                    if instructions[source][0] != "const":
                        last[source] = max(last.get(source, 0), place)
        leaves = [n for n, i in items if i[0] == "leaf"]
        self._slot: dict[int, int] = {}
        self._free: list[int] = []
        self.slots = 0
        self.functions: list[str] = []
        self.declarations: dict[str, str] = {}
        self.symbols: set[str] = set()
        dying: dict[int, list[int]] = {}
        for number in leaves:
            self._take(number, dying, last.get(number, -1))
            body.lines += self._store(body, number, "b")
        for place, chunk in enumerate(chunks):
            kept = [n for n, _ in chunk if last.get(n, -1) > place]
            for number in kept:
                self._take(number, dying, last[number])
            self._function(place, chunk, [s for s in self._read(chunk) if home.get(s) != place], kept)
            body.lines.append(f"call void @part{place}(ptr %scratch)")
            self._free += [self._slot[number] for number in dying.pop(place, ())]
        for number in dict.fromkeys(written):
            if number in home:
                body.lines += self._load(body, number, "b")

    def _take(self, number: int, dying: dict[int, list[int]], until: int) -> None:
        if self._free:
            self._slot[number] = self._free.pop()
        else:
            self._slot[number] = self.slots
            self.slots += 1
        dying.setdefault(until, []).append(number)

    def _read(self, chunk: Sequence[tuple[int, Instruction]]) -> list[int]:
        return sorted({s for _, i in chunk for s in sources(i) if s in self._slot})

    def _function(
        self, place: int, chunk: Sequence[tuple[int, Instruction]], read: Sequence[int], kept: Sequence[int]
    ) -> None:
        part = Emission(self._body.code, self._body.width, "v")
        outside, later = set(read), set(kept)
        for (
            number,
            instruction,
        ) in (
            chunk
        ):  # loads stand before the first use and stores after the value: few values at a time are in registers
            for source in sources(instruction):
                if source in outside:
                    outside.remove(source)
                    part.lines += self._load(part, source, "l")
            part.run([(number, instruction)])
            if number in later:
                part.lines += self._store(part, number, "k")
        text = "\n".join(
            [
                f"define internal void @part{place}(ptr noalias %scratch) noinline {{",
                *part.lines,
                *jump("done"),
                "ret void",
                "}",
            ]
        )
        self.functions.append(text)
        self.declarations.update(part.declarations)
        self.symbols |= part.symbols

    def _address(self, emission: Emission, number: int, tag: str) -> tuple[list[str], str, str]:
        name = f"%{tag}{number}"
        offset = self._slot[number] * 8 * emission.width
        kind = emission.types[emission.code.kinds[number]]
        return [f"{name} = getelementptr i8, ptr %scratch, i64 {offset}"], name, kind

    def _store(self, emission: Emission, number: int, tag: str) -> list[str]:
        lines, at, kind = self._address(emission, number, tag)
        return [*lines, f"store {kind} {emission.names[number]}, ptr {at}, align 8"]

    def _load(self, emission: Emission, number: int, tag: str) -> list[str]:
        lines, at, kind = self._address(emission, number, tag)
        name = emission.names[number] = f"%v{number}"
        return [*lines, f"{name} = load {kind}, ptr {at}, align 8"]


def _in_depth(items: dict[int, Instruction], written: Sequence[int]) -> list[tuple[int, Instruction]]:
    """Instructions in an order in which few values live for long: depth first, of the sources of each the latest first.

    So each term of a long sum is added as soon as it is there.

    >>> from symgraph.backends.llvm.code import Code
    >>> code = Code()
    >>> a, b = code.leaf("double", 0), code.leaf("double", 1)
    >>> first, second = code.fmul(a, a), code.fmul(b, b)
    >>> total = code.fadd(code.fadd(a, first), second)
    >>> items = dict(enumerate(code.instructions))
    >>> [items[n][0] for n, _ in _in_depth({n: items[n] for n in range(2, 6)}, [total])]
    ['fmul', 'fadd', 'fmul', 'fadd']
    """
    order: list[tuple[int, Instruction]] = []
    done: set[int] = set()
    begun: set[int] = set()
    stack = list(reversed(written))
    while stack:
        number = stack[-1]
        if number in done or number not in items:
            stack.pop()
        elif number in begun:
            stack.pop()
            done.add(number)
            order.append((number, items[number]))
        else:
            begun.add(number)
            stack.extend(sorted({source for source in sources(items[number]) if source not in done}))
    return order
