"""Rows of several entries in memory, and vectors of one entry of each row: text that turns one into the other in registers.

Columns of a row are taken in groups of a power of two, as many as a register holds. A group is loaded with one vector from each row (or, where
rows are that long and no longer, with consecutive vectors) and transposed by halves: each step exchanges a bit of the column's number with one of
the row's (J. O. Eklundh, A fast computer method for matrix transposing, 1972). Storing is the same the other way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Address", "concatenated", "groups", "load_group", "part_of", "store_group"]

Address = Callable[[int, int], str]
"""The pointer to a row's entry, both by number: text that computes it goes to the lines."""

Place = tuple[int, int]  # (row, column)


@dataclass
class _Vector:
    """A vector in a register, and which entries its lanes hold."""

    name: str
    places: list[Place]


def groups(columns: int, lanes: int, together: bool) -> list[tuple[int, int]]:
    """Columns in groups, each by its first column and how many there are: powers of two, at most `lanes`.

    Three are one group where rows follow each other without a gap (`together`).

    >>> groups(9, 8, True), groups(3, 8, True), groups(6, 8, False)
    ([(0, 8), (8, 1)], [(0, 3)], [(0, 4), (4, 2)])
    """
    if columns == 3 and together:
        return [(0, 3)]
    result, start = [], 0
    while start < columns:
        count = min(lanes, 1 << ((columns - start).bit_length() - 1))
        result.append((start, count))
        start += count
    return result


class _Writer:
    def __init__(self, lines: list[str], prefix: str, kind: str, lanes: int) -> None:
        self.lines, self.prefix, self.kind, self.lanes = lines, prefix, kind, lanes
        self._count = 0

    def name(self) -> str:
        self._count += 1
        return f"{self.prefix}.{self._count}"

    def shuffle(self, a: str, b: str, size: int, mask: Sequence[int]) -> str:
        name, t = self.name(), f"<{size} x {self.kind}>"
        places = ", ".join(f"i32 {i}" if i >= 0 else "i32 poison" for i in mask)
        self.lines.append(f"{name} = shufflevector {t} {a}, {t} {b}, <{len(mask)} x i32> <{places}>")
        return name

    def load(self, at: str, size: int) -> str:
        name = self.name()
        self.lines.append(f"{name} = load <{size} x {self.kind}>, ptr {at}, align 1")
        return name

    def store(self, value: str, at: str, size: int) -> None:
        self.lines.append(f"store <{size} x {self.kind}> {value}, ptr {at}, align 1")

    def gathered(self, sources: Sequence[_Vector], wanted: Sequence[Place]) -> str:
        """A vector of the entries at `wanted`, from two sources, then with each one more."""
        where = {place: (k, lane) for k, source in enumerate(sources) for lane, place in enumerate(source.places)}
        have, size = sources[0].name, self.lanes
        for k in range(1, max(2, len(sources))):
            mask = []
            for lane, place in enumerate(wanted):
                source, at = where[place]
                mask.append(at + size if source == k else -1 if source > k else at if k == 1 else lane)
            other = sources[k].name if k < len(sources) else "poison"
            have = self.shuffle(have, other, size, mask)
        return have

    def exchanged(
        self, a: _Vector, b: _Vector, axis: int, bit: int, last: Callable[[Place], object] | None
    ) -> list[_Vector]:
        """Two vectors, alike but for the other axis, as two others: the entries whose row (axis 0) or column (axis 1) has the bit 0, and the rest.

        Entries stay in their lanes as far as they can, but are in order of `last` where that is given.
        """
        set_ = [place[axis] >> bit & 1 for place in a.places]
        lane_of = {place: lane for lane, place in enumerate(a.places)}
        flip = (1 << bit, 0) if axis == 0 else (0, 1 << bit)
        partner = [lane_of[row ^ flip[0], column ^ flip[1]] for row, column in a.places]
        low = [b.places[partner[lane]] if set_[lane] else place for lane, place in enumerate(a.places)]
        high = [place if set_[lane] else a.places[partner[lane]] for lane, place in enumerate(b.places)]
        if last is not None:
            low.sort(key=last)  # type: ignore[arg-type]
            high.sort(key=last)  # type: ignore[arg-type]
        return [_Vector(self.gathered([a, b], places), places) for places in (low, high)]


def part_of(lines: list[str], name: str, kind: str, value: str, size: int, start: int, count: int) -> str:
    """The lanes start, ..., start + count - 1 of a vector of `size` ones."""
    lanes = ", ".join(f"i32 {lane}" for lane in range(start, start + count))
    t = f"<{size} x {kind}>"
    lines.append(f"{name} = shufflevector {t} {value}, {t} poison, <{count} x i32> <{lanes}>")
    return name


def concatenated(lines: list[str], name: str, kind: str, parts: Sequence[str], size: int) -> str:
    """Vectors of `size` lanes each, of which there are a power of two, as one."""
    names = list(parts)
    while len(names) > 1:
        t, lanes = f"<{size} x {kind}>", ", ".join(f"i32 {lane}" for lane in range(2 * size))
        joined = [f"{name}.j{size}.{k}" for k in range(0, len(names), 2)]
        for target, a, b in zip(joined, names[::2], names[1::2], strict=True):
            lines.append(f"{target} = shufflevector {t} {a}, {t} {b}, <{2 * size} x i32> <{lanes}>")
        names, size = joined, 2 * size
    return names[0]


def load_group(
    lines: list[str],
    prefix: str,
    kind: str,
    lanes: int,
    start: tuple[int, int],
    count: int,
    whole: bool,
    address: Address,
) -> list[str]:
    """Vectors of `lanes` rows' entries in `count` columns; `start` is the first row and column. The rows are consecutive memory where `whole`."""
    row0, first = start
    writer = _Writer(lines, prefix, kind, lanes)
    bits = count.bit_length() - 1
    if whole:
        vectors = []
        for k in range(count):
            flat = range(k * lanes, (k + 1) * lanes)
            vectors.append(_Vector(writer.load(address(row0, k * lanes), lanes), [divmod(i, count) for i in flat]))
        if count == 3:
            return [writer.gathered(vectors, [(row, column) for row in range(lanes)]) for column in range(3)]
    else:
        blocks = lanes // count
        vectors = []
        for k in range(count):
            rows = [k + m * count for m in range(blocks)]
            parts = [writer.load(address(row0 + row, first), count) for row in rows]
            vectors.append(
                _Vector(
                    concatenated(lines, writer.name(), kind, parts, count), [(r, c) for r in rows for c in range(count)]
                )
            )
    for bit in range(bits):
        step = 1 << bit
        last = (lambda place: place[0]) if bit == bits - 1 else None
        for k in range(count):
            if not k & step:
                vectors[k], vectors[k | step] = writer.exchanged(vectors[k], vectors[k | step], 1, bit, last)
    return [vector.name for vector in vectors]


def store_group(
    lines: list[str],
    prefix: str,
    kind: str,
    lanes: int,
    start: tuple[int, int],
    values: Sequence[str],
    whole: bool,
    address: Address,
) -> None:
    """Store vectors of `lanes` rows' entries, one for each column; `start` is the first row and column."""
    row0, first = start
    writer = _Writer(lines, prefix, kind, lanes)
    count = len(values)
    bits = count.bit_length() - 1
    vectors = [_Vector(value, [(row, column) for row in range(lanes)]) for column, value in enumerate(values)]
    if whole and count == 3:
        for k in range(3):
            flat = [divmod(i, 3) for i in range(k * lanes, (k + 1) * lanes)]
            writer.store(writer.gathered(vectors, flat), address(row0, k * lanes), lanes)
        return
    top = lanes.bit_length() - 1 - bits if whole else 0  # whole rows: vectors of consecutive rows
    for bit in range(bits):
        step = 1 << bit
        last = (lambda place: place) if bit == bits - 1 else None
        for k in range(count):
            if not k & step:
                vectors[k], vectors[k | step] = writer.exchanged(vectors[k], vectors[k | step], 0, top + bit, last)
    for k, vector in enumerate(vectors):
        if whole:
            writer.store(vector.name, address(row0, k * lanes), lanes)
            continue
        for m in range(lanes // count):
            row = vector.places[m * count][0]
            part = (
                vector.name
                if count == lanes
                else writer.shuffle(vector.name, "poison", lanes, range(m * count, (m + 1) * count))
            )
            writer.store(part, address(row0 + row, first), count)
