"""The value of C[f(x)] is C of the value of f(x), for each function of one and two arguments and eight contexts C.

Printed code fails here where a function is printed as a sum without parentheses, as `sympy.lambdify` does for harmonic, bernoulli, lowergamma and
others.
The functions are all those of sympy.functions, found by introspection, of which `symgraph.function` computes a sample.
"""

import importlib
import inspect
import pkgutil

import numpy as np
import pytest
import sympy

import symgraph as sg
from symgraph.errors import UnsupportedExpressionError

x, y, z = sympy.symbols("x y z")

CONTEXTS = {  # with z another argument
    "product": (lambda v: z * v, lambda v, z: z * v),
    "quotient": (lambda v: z / v, lambda v, z: z / v),
    "power": (lambda v: v**2, lambda v, z: v**2),
    "difference": (lambda v: z - v, lambda v, z: z - v),
    "negative": (lambda v: -v / 3, lambda v, z: -v / 3),
    "power of a sum": (lambda v: (z + v) ** 3, lambda v, z: (z + v) ** 3),
    "exponent": (lambda v: z**v, lambda v, z: z**v),
    "argument": (lambda v: sympy.cos(z + v), lambda v, z: np.cos(z + v)),
}
Z = 1.375
POINTS = {
    1: [(0.3125,), (-0.6875,), (1.6875,), (-2.4375,), (3.0,), (7.0,), (12.0,)],
    2: [
        (0.3125, 0.6875),
        (2.0, 0.625),
        (3.0, 2.0),
        (5.0, 0.25),
        (7.0, 3.0),
        (1.0, 0.375),
        (-0.5, 1.5),
        (-0.3125, -1.0),
    ],
}

EXCEPTIONS = {  # (class, number of arguments): why
    ("exp_polar", 2): "SymPy does not count the arguments; with two this means nothing",
    ("multigamma", 2): "SymPy raises where it asks whether a power of this is real",
}


def functions():
    """Samples of the classes that can be computed, by class and number of arguments."""
    for module in pkgutil.walk_packages(sympy.functions.__path__, "sympy.functions."):
        if {"tests", "benchmarks"} & set(module.name.split(".")):
            continue
        for kind in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(kind) and kind.__module__ == module.name and issubclass(kind, sympy.Basic):
                yield from (
                    (kind.__name__, len(args), made)
                    for args in ((x,), (x, y))
                    if (made := sample(kind, args)) is not None
                )


def sample(kind, args):
    for options in ({}, {"evaluate": False}):
        try:
            made = kind(*args, **options)
            if type(made) is kind and isinstance(made, sympy.Expr):
                sg.function(args, made)
                return made
        except (TypeError, ValueError, AttributeError, NotImplementedError, UnsupportedExpressionError):
            continue  # another number of arguments, or no function
    return None


FUNCTIONS = {(name, count): made for name, count, made in functions()}
KEYS = [
    pytest.param(
        key,
        id=f"{key[0]}-{key[1]}",
        marks=[pytest.mark.xfail(strict=True, reason=EXCEPTIONS[key])] if key in EXCEPTIONS else [],
    )
    for key in FUNCTIONS
]


@pytest.mark.parametrize("compiler", [sg.function, sg.lambdify], ids=["function", "lambdify"])
@pytest.mark.parametrize("key", KEYS)
def test_contexts(key, compiler):
    made = FUNCTIONS[key]
    args = (x, y)[: key[1]]
    columns = [np.array(column) for column in zip(*POINTS[key[1]], strict=True)]
    value = np.asarray(sg.function(args, made)(*columns))
    f = compiler([*args, z], [context(made) for context, _ in CONTEXTS.values()])
    with np.errstate(all="ignore"):
        for got, (_, context) in zip(f(*columns, Z), CONTEXTS.values(), strict=True):
            wanted = context(value, Z)
            # what a rounding error of the value explains
            doubt = sum(abs(context(value * (1 + error), Z) - wanted) for error in (1e-14, -1e-14))
            comparable = np.isfinite(wanted) & np.isfinite(doubt)
            assert np.all(np.abs(got - wanted)[comparable] <= (doubt + 1e-14 * np.abs(wanted))[comparable])
            assert np.isnan(got)[np.isnan(value)].all()
    assert np.isfinite(value).any()


def test_all_functions_are_found():
    assert set(EXCEPTIONS) <= set(FUNCTIONS)
    for name in ("harmonic", "bernoulli", "sin", "erfinv", "zeta"):
        assert (name, 1) in FUNCTIONS
    for name in ("harmonic", "lowergamma", "besselj", "atan2", "binomial"):
        assert (name, 2) in FUNCTIONS
    assert len(FUNCTIONS) >= 130
