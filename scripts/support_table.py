"""Writes docs/support.md: every SymPy class that has a translation, what computes it, whether it has a gradient, and how accurate it is.

    python scripts/support_table.py          # write the file
    python scripts/support_table.py --check  # exit with 1 if the file is not what would be written

Everything is found by trying: a sample of each class is built, translated, and differentiated.
"""

from __future__ import annotations

import itertools
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import sympy
import sympy.combinatorics
import sympy.tensor.array.expressions
from sympy.core.function import AppliedUndef

import symgraph
from symgraph.program import Program
from symgraph.translation.rules import RULES

TARGET = Path(__file__).parents[1] / "docs" / "support.md"
PLAIN = "numpy"

x, y, z, w, v = sympy.symbols("x y z w v", positive=True)
n, m = sympy.symbols("n m", integer=True, positive=True)
i = sympy.Symbol("i", integer=True)
A, B, b = sympy.MatrixSymbol("A", 3, 3), sympy.MatrixSymbol("B", 3, 3), sympy.MatrixSymbol("b", 3, 1)
C, D = (sympy.tensor.array.expressions.ArraySymbol(name, (3, 3)) for name in "CD")
ARGUMENTS = [
    (x,), (x, y), (n, x), (1, x), (2, x), (x, y, z), (n, m, x), (2, 1, x), (x, y, z, w), (n, x, y, z), (2, 1, x, y), (x, y, z, w, v),
    (n,), (n, m), (x > 1,), (x > 1, y > 1), (x > 1, x, y), (x, sympy.Interval(0, 1)), ((x, x > 1), (y, True)),
    (A,), (A, B), (A, 2), (b, b), (b,), (A, b), (A, 0, 1), (2, A), (3,), (3, 3), (A, (0, 2), (0, 2)), (sympy.Lambda(x, sympy.sin(x)), A),
    ([[A, b]],), (A, sympy.combinatorics.Permutation([1, 2, 0])), (3, 3, sympy.Lambda((x, y), x + y)),
    (C,), (C, D), (C, (0, 1)), (C, [1, 0]), (C, (9,)), (C, [0, 1]), (sympy.sin, C),
    (x**i, (i, 0, 5)), (x * y, (x, 0, 1)), (x * y, x), (x * y, x, z), (x**i, i, 0), (sympy.IndexedBase("u"), i),
    ((1, 2), (3,), x), ((1,), (2,), (1,), (2,), x), ([1, 2], [3, 4]), ([1, 2],), (2, (1, 2, 3, 4), 1, x), (x, y, (z,)), (x, 1, 2), (x, 2),
    (x**2 + 1, x),
]  # fmt: skip


def samples(kind: type) -> Iterator[sympy.Basic]:
    """Unevaluated objects of a class."""
    for args in ARGUMENTS:
        try:
            made = kind(*args)
        except Exception:
            continue
        if type(made) is kind or (isinstance(made, kind) and not isinstance(made, AppliedUndef)):
            yield made


def tried(kind: type) -> tuple[str, str, str] | None:
    """What computes a class, whether it has a gradient, and its accuracy; None where no sample can be computed."""
    for sample in itertools.islice(samples(kind), 6):
        try:
            f = symgraph.function(sorted(sample.free_symbols, key=str), sample, rewrite=False)
        except Exception:
            continue
        operations = [step.operation for step in Program.of(f.nodes)[0].steps]
        named = [op for op in operations if getattr(op, "computed_by", PLAIN) != PLAIN]
        by = "; ".join(dict.fromkeys(op.computed_by for op in named)) or PLAIN
        accuracy = "; ".join(dict.fromkeys(getattr(op, "accuracy", "") for op in named)) or "as NumPy"
        return by, gradient(f), accuracy
    return None


def gradient(f: symgraph.Function) -> str:
    """Whether there is a gradient with respect to any argument."""
    leaves = list(f.graph.placeholders)
    try:
        found = symgraph.gradients(list(f.nodes), leaves)
    except Exception:
        return "no"
    return "yes" if any(node is not None for node in found) else "zero"


def rows() -> dict[str, list[str]]:
    """The table's lines, by the SymPy module that a class comes from."""
    table: dict[str, list[str]] = {}
    for kind in sorted(RULES, key=lambda kind: (kind.__module__, kind.__name__)):
        result = tried(kind)
        if result is not None:
            table.setdefault(kind.__module__, []).append(f"| `{kind.__name__}` | {' | '.join(result)} |")
    return table


def text() -> str:
    """The whole document."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = rows()
    count = sum(map(len, table.values()))
    lines = [
        "# What is computed, by what, and how well",
        "",
        f"{count} SymPy classes, found by trying a sample of each. Written by `scripts/support_table.py`; do not edit.",
        "",
        "*Gradient*: `yes`; `zero` where the derivative is 0 almost everywhere or the arguments are discrete; `no` where there is none.",
        "Accuracy is the largest error measured, in units of the last place (ulp) of a float64 unless it says otherwise.",
    ]
    for module, entries in table.items():
        lines += ["", f"## {module}", "", "| class | computed by | gradient | accuracy |", "| --- | --- | --- | --- |", *entries]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    made = text()
    if "--check" in sys.argv:
        sys.exit(0 if TARGET.exists() and TARGET.read_text() == made else f"{TARGET} is not up to date: run {sys.argv[0]}")
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(made)
