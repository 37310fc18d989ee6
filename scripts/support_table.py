"""Writes docs/support.md: every SymPy class that has a translation, what computes it, whether it has a gradient, and how accurate it is.

    python scripts/support_table.py          # write the file
    python scripts/support_table.py --check  # exit with 1 if the file is not what would be written

The classes are those with a rule, and all of the packages in PACKAGES; those of the latter that have no value are in WITHOUT_VALUE, with the reason.
Everything else is found by trying: samples of each class are built, translated, and differentiated.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import pkgutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import sympy
import sympy.codegen.matrix_nodes
import sympy.codegen.numpy_nodes
import sympy.codegen.scipy_nodes
import sympy.combinatorics
import sympy.physics.units
import sympy.tensor.array.expressions
import sympy.vector
from sympy.core.function import AppliedUndef
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.matrices.expressions.companion import CompanionMatrix

import symgraph
from symgraph.program import Program
from symgraph.translation.rules import RULES

TARGET = Path(__file__).parents[1] / "docs" / "support.md"
PACKAGES = ("sympy.functions", "sympy.matrices.expressions")
PLAIN = "numpy"

ABSTRACT = "an abstract base class"
WITHOUT_VALUE = {
    "sympy.functions.combinatorial.factorials.CombinatorialFunction": ABSTRACT,
    "sympy.functions.combinatorial.factorials.MultiFactorial": "SymPy's class is empty: it has no definition",
    "sympy.functions.combinatorial.numbers._MultisetHistogram": "a tuple in which SymPy counts, no expression",
    "sympy.functions.combinatorial.numbers.carmichael": "a name for functions about Carmichael numbers; SymPy gives it no value",
    "sympy.functions.elementary.exponential.ExpBase": ABSTRACT,
    "sympy.functions.elementary.exponential.ExpMeta": "the class of a class",
    "sympy.functions.elementary.hyperbolic.HyperbolicFunction": ABSTRACT,
    "sympy.functions.elementary.hyperbolic.InverseHyperbolicFunction": ABSTRACT,
    "sympy.functions.elementary.hyperbolic.ReciprocalHyperbolicFunction": ABSTRACT,
    "sympy.functions.elementary.integers.RoundFunction": ABSTRACT,
    "sympy.functions.elementary.miscellaneous.IdentityFunction": "a function that is not applied; applied, it is its argument",
    "sympy.functions.elementary.miscellaneous.MinMaxBase": ABSTRACT,
    "sympy.functions.elementary.trigonometric.InverseTrigonometricFunction": ABSTRACT,
    "sympy.functions.elementary.trigonometric.ReciprocalTrigonometricFunction": ABSTRACT,
    "sympy.functions.elementary.trigonometric.TrigonometricFunction": ABSTRACT,
    "sympy.functions.special.bessel.AiryBase": ABSTRACT,
    "sympy.functions.special.bessel.BesselBase": ABSTRACT,
    "sympy.functions.special.bessel.SphericalBesselBase": ABSTRACT,
    "sympy.functions.special.bessel.SphericalHankelBase": ABSTRACT,
    "sympy.functions.special.error_functions.FresnelIntegral": ABSTRACT,
    "sympy.functions.special.error_functions.TrigonometricIntegral": ABSTRACT,
    "sympy.functions.special.hyper.HyperRep": ABSTRACT,
    "sympy.functions.special.hyper.TupleParametersBase": ABSTRACT,
    "sympy.functions.special.mathieu_functions.MathieuBase": ABSTRACT,
    "sympy.functions.special.polynomials.OrthogonalPolynomial": ABSTRACT,
    "sympy.matrices.expressions.factorizations.Factorization": ABSTRACT,
    "sympy.matrices.expressions.matexpr.MatrixExpr": ABSTRACT,
    "sympy.matrices.expressions.matexpr._LeftRightArgs": "a helper of SymPy's derivatives, no expression",
    "sympy.matrices.expressions.sets.MatrixSet": "a set of matrices, not a matrix",
    "sympy.matrices.expressions.special.GenericIdentity": "has no shape",
    "sympy.matrices.expressions.special.GenericZeroMatrix": "has no shape",
}

ARRAYS = {name: sympy.tensor.array.expressions.ArraySymbol(name, (3, 3)) for name in "CD"}
x, y, z, w, v, u = sympy.symbols("x y z w v u")
p, q = sympy.symbols("p q", positive=True)
n, m = sympy.symbols("n m", integer=True, positive=True)
i = sympy.Symbol("i", integer=True)
A, B, b = sympy.MatrixSymbol("A", 3, 3), sympy.MatrixSymbol("B", 3, 3), sympy.MatrixSymbol("b", 3, 1)
C, D = ARRAYS.values()
OF_MATRICES = [
    (A,), (A, B), (A, 2), (b, b), (b,), (A, b), (A, 0, 1), (2, A), (A, (0, 2), (0, 2)), ([[A, b]],),
    (A, sympy.combinatorics.Permutation([1, 2, 0])), ("A", 3, 3),
]  # fmt: skip
OF_NUMBERS = [
    (x,), (x, y), (n, x), (1, x), (2, x), (x, y, z), (n, m, x), (2, 1, x), (x, y, z, w), (n, x, y, z), (2, 1, x, y), (x, y, z, w, v),
    (x, y, z, w, v, u), (n,), (n, m), (n, m, x, y), (3, n, (x, y, z)), (p,), (p, q), (x, 2 * sympy.pi), (x > 1,), (x > 1, y > 1), (x > 1, x, y),
    (x, sympy.Interval(0, 1)), ((x, x > 1), (y, True)), (x, y > 1), (3,), (3, 3), (sympy.Lambda(x, sympy.sin(x)), A),
    (sympy.combinatorics.Permutation([1, 2, 0]),), (3, 3, sympy.Lambda((x, y), x + y)), (sympy.Poly(x**2 + y * x + 5, x),), (C,), (C, D),
    (C, (0, 1)), (C, [1, 0]), (C, (9,)), (C, [0, 1]), (sympy.sin, C), (x**i, (i, 0, 5)), (x * y, (x, 0, 1)), (x * y, x), (x * y, x, z),
    (x**i, i, 0), (sympy.IndexedBase("u"), i), ((1, 2), (3,), x), ((1,), (2,), (1,), (2,), x), ([1, 2], [3, 4]), ([1, 2],), (2, (1, 2, 3, 4), 1, x),
    (x, y, (z,)), (x, 1, 2), (x, 2), (x**2 + 1, x), (),
]  # fmt: skip
BUILT = {  # what no arguments of the class itself give
    ExprCondPair: sympy.Piecewise((x, x > 1), (y, True)),
    sympy.matrices.matrixbase.MatrixBase: sympy.ImmutableMatrix([[x, 1], [2, y]]),
    sympy.NDimArray: sympy.ImmutableDenseNDimArray([x, y]),
    sympy.vector.basisdependent.BasisDependent: x * sympy.vector.CoordSys3D("N").i,
    sympy.codegen.matrix_nodes.MatrixSolve: sympy.codegen.matrix_nodes.MatrixSolve(A, vector=b),
    sympy.codegen.numpy_nodes.amin: sympy.codegen.numpy_nodes.amin(A),
    sympy.codegen.numpy_nodes.amax: sympy.codegen.numpy_nodes.amax(A),
    CompanionMatrix: CompanionMatrix(sympy.Poly(x**2 + y * x + 5, x)),
}


class Row(NamedTuple):
    """What the table says of a class. `gradient` is "yes", "zero" or "no"."""

    kind: type
    sample: sympy.Basic
    computed_by: str
    gradient: str
    accuracy: str


def classes(package: str) -> list[type]:
    """All classes that the modules of a package define, its tests apart."""
    found: dict[type, None] = {}
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if not {"tests", "benchmarks"} & set(module.name.split(".")):
            members = vars(importlib.import_module(module.name)).values()
            found.update((kind, None) for kind in members if inspect.isclass(kind) and kind.__module__ == module.name)
    return [kind for kind in found if not issubclass(kind, Exception)]


def path(kind: type) -> str:
    """A class by its module and name."""
    return f"{kind.__module__}.{kind.__qualname__}"


def samples(kind: type) -> Iterator[sympy.Basic]:
    """Unevaluated objects of a class."""
    if kind in BUILT:
        yield BUILT[kind]
        return
    if not issubclass(kind, sympy.Basic):  # no expression
        return
    arguments = OF_MATRICES + OF_NUMBERS if kind.__module__.startswith("sympy.matrices") else OF_NUMBERS + OF_MATRICES
    for args, options in itertools.product(arguments, ({}, {"evaluate": False})):
        try:
            made = kind(*args, **options)
        except Exception:
            continue
        if type(made) is kind or (isinstance(made, kind) and not isinstance(made, AppliedUndef)):
            yield made


def tried(kind: type) -> Row | None:
    """What is found out about a class: of three samples that can be computed, the first with a gradient; None where none can be computed."""
    computed = (row for sample in samples(kind) if (row := of_sample(kind, sample)) is not None)
    found = list(itertools.islice(computed, 3))
    return next((row for row in found if row.gradient == "yes"), found[0] if found else None)


def of_sample(kind: type, sample: sympy.Basic) -> Row | None:
    """What is found out about a sample; None where it cannot be computed."""
    try:
        free = [ARRAYS.get(str(symbol), symbol) for symbol in sorted(sample.free_symbols, key=str)]
        f = symgraph.function(
            [symbol for symbol in free if not isinstance(symbol, sympy.vector.BaseVector)], sample, rewrite=False
        )
    except Exception:
        return None
    operations = [step.operation for step in Program.of(f.nodes)[0].steps]
    named = [op for op in operations if getattr(op, "computed_by", PLAIN) != PLAIN]
    by = "; ".join(dict.fromkeys(op.computed_by for op in named)) or PLAIN
    accuracy = "; ".join(dict.fromkeys(getattr(op, "accuracy", "") for op in named)) or "as NumPy"
    return Row(kind, sample, by, gradient(f), accuracy)


def gradient(f: symgraph.Function) -> str:
    """Whether there is a gradient with respect to any argument."""
    leaves = list(f.graph.placeholders)
    try:
        found = symgraph.gradients(list(f.nodes), leaves)
    except Exception:
        return "no"
    return "yes" if any(node is not None for node in found) else "zero"


def rows() -> list[Row]:
    """The table's lines, by the SymPy module that a class comes from."""
    kinds = {kind for kind in RULES if kind.__module__.startswith("sympy.")}.union(*map(classes, PACKAGES))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [tried(kind) for kind in sorted(kinds, key=path) if path(kind) not in WITHOUT_VALUE]
    return [row for row in found if row is not None]


def text() -> str:
    """The whole document."""
    table: dict[str, list[str]] = {}
    for row in rows():
        cells = (row.computed_by, row.gradient, row.accuracy)
        line = f"| `{row.kind.__name__}` | {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
        table.setdefault(row.kind.__module__, []).append(line)
    lines = [
        "# What is computed, by what, and how well",
        "",
        f"{sum(map(len, table.values()))} SymPy classes, found by trying samples of each. Written by `scripts/support_table.py`; do not edit.",
        "",
        "*Gradient*: `yes`; `zero` where the derivative is 0 almost everywhere or the arguments are discrete; `no` where there is none.",
        "Accuracy is the largest error measured, in units of the last place (ulp) of a float64 unless it says otherwise.",
        "",
        "This is the NumPy backend. Machine code has elementary functions, erf, erfc, gamma, loggamma and digamma of its own: "
        "see [accuracy.md](accuracy.md).",
    ]
    for module, entries in table.items():
        lines += ["", f"## {module}", "", "| class | computed by | gradient | accuracy |"]
        lines += ["| --- | --- | --- | --- |", *entries]
    lines += ["", "## Classes without a value", "", "| class | why |", "| --- | --- |"]
    lines += [f"| `{name}` | {why} |" for name, why in sorted(WITHOUT_VALUE.items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    made = text()
    if "--check" in sys.argv:
        same = TARGET.exists() and TARGET.read_text() == made
        sys.exit(0 if same else f"{TARGET} is not up to date: run {sys.argv[0]}")
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(made)
