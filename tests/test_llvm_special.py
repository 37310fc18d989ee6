"""Special functions inside kernels: the values of the NumPy backend, wherever a row stands; rows of mpmath, and what is raised there."""

import ctypes
import itertools
import math

import numpy as np
import pytest
import sympy as sp
from scipy.special import errstate
from sympy.codegen.scipy_nodes import powm1

import symgraph as sg
from symgraph import placeholder
from symgraph.backends import llvm, numpy_like
from symgraph.backends.llvm import loops, runtime, special, symbols
from symgraph.backends.llvm.partition import Kernel, partition
from symgraph.errors import NoMachineCodeError
from symgraph.ops import OPERATIONS
from symgraph.ops.special_base import Special
from symgraph.ops.special_bessel import besselj
from symgraph.program import Program

# inf, nan and both zeros; sizes at which cases meet, orders of half integers, and numbers at which SciPy gives up
WILD = (math.nan, math.inf, -math.inf, 0.0, -0.0, 0.3725, -0.25, 0.5, 1.0, 1.4514, 2.0, -3.0, 7.5, 30.0, -104.0, 700.0)
FEWER = (math.nan, -0.25, 0.5, 1.0, 2.5)
x, n = sp.symbols("x n", real=True)


def program_of(cls, **attributes):
    count = cls.arity or attributes.pop("count")
    return Program.of([cls(*[placeholder(shape=()) for _ in range(count)], **attributes)])[0]


def is_native(program):
    return all(isinstance(item, Kernel) for stage in partition(program, of_arrays=False) for item in stage)


CASES = {name: (cls, {}) for name, cls in OPERATIONS.items() if issubclass(cls, Special) and cls.arity}
CASES |= {f"{p}F1": (OPERATIONS["hyper"], {"p": p, "count": p + 2}) for p in (0, 1, 2)}
NATIVE = [name for name, (cls, attributes) in CASES.items() if is_native(program_of(cls, **attributes))]


def wild_rows(count):
    return [
        np.array(column) for column in zip(*itertools.product(WILD if count < 3 else FEWER, repeat=count), strict=True)
    ]


def test_which_are_native():
    """Those whose SciPy functions have C entry points; not those of NumPy's integers, of longer floats, or of mpmath alone."""
    assert {"besselj", "airyai", "elliptic_pi", "fresnels", "uppergamma", "Si", "beta", "2F1", "expint"} <= set(NATIVE)
    assert not {"hankel1", "legendre", "bernoulli", "lucas"} & set(NATIVE)


@pytest.mark.parametrize("name", sorted(set(NATIVE) - {"gamma", "loggamma", "digamma"}))
def test_values_are_those_of_numpy(name):
    """But for elementary functions, sums and products, which may round in another way."""
    cls, attributes = CASES[name]
    program = program_of(cls, **attributes)
    columns = wild_rows(program.leaves)
    (value,), (expected,) = llvm.compile_program(program)(columns), numpy_like.compile_program(program)(columns)
    assert value.dtype == expected.dtype == np.float64
    np.testing.assert_allclose(value, expected, rtol=4e-14)
    singles = [column.astype(np.float32) for column in columns]
    (single,) = llvm.compile_program(program)(singles)
    (double,) = llvm.compile_program(program)([column.astype(np.float64) for column in singles])
    with np.errstate(over="ignore"):
        expected = double.astype(np.float32)
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, expected)


@pytest.mark.parametrize(
    "name", ["besselj", "bessely", "elliptic_k", "erfcinv", "airybi", "Chi", "jn", "betainc_regularized"]
)
def test_values_of_one_function_have_numpys_bits(name):
    program = program_of(*CASES[name][:1])
    columns = wild_rows(program.leaves)
    expected = numpy_like.compile_program(program)(columns)[0]
    np.testing.assert_array_equal(llvm.compile_program(program)(columns)[0], expected)
    alone = llvm.compile_program(program, threads=1)
    np.testing.assert_array_equal(
        [alone(list(map(np.float64, row)))[0] for row in zip(*columns, strict=True)], expected
    )


def test_an_expression_is_one_kernel_and_a_builtin():
    f = sg.function((n, x), sp.besselj(n, x) * sp.sin(x) + sp.airyai(x), backend="llvm")
    assert is_native(f._default.program)
    assert type(f.native).__name__ == "builtin_function_or_method"
    rows = np.linspace(-20, 80, 301)
    values = f(rows % 7, rows)
    np.testing.assert_array_equal(values, [f(a % 7, a) for a in rows.tolist()])
    np.testing.assert_array_equal(values, [f.native(a % 7, a) for a in rows.tolist()])
    assert "declare double @scipy_jv(double, double, i32)" in f.llvm()
    numbers = np.array([2.0, 3.0])
    assert ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double)(f.address)(*numbers) == f(*numbers)


def test_matrices_of_special_functions():
    X = sp.MatrixSymbol("X", 2, 2)
    f = sg.function((X,), X.applyfunc(lambda entry: sp.besselj(1, entry)), backend="llvm")
    values = np.arange(12.0).reshape(3, 2, 2)
    np.testing.assert_array_equal(f(values), besselj(1, values).eval())


# --- rows that SciPy gives up, or that no case of the operation has


@pytest.mark.parametrize("threads", [1, 3])
def test_rows_by_mpmath(threads, monkeypatch):
    monkeypatch.setattr(loops, "WORTH_THREADS", 0)
    f = sg.function(x, sp.uppergamma(x, 2) + x, backend="llvm", threads=threads)
    rows = np.where(np.arange(200) % 7 == 3, -0.5 - np.arange(200) % 3, np.arange(200) + 0.5)
    values = f(rows)
    np.testing.assert_array_equal(values, [f(row) for row in rows.tolist()])
    np.testing.assert_array_equal(values, [f.native(row) for row in rows.tolist()])
    np.testing.assert_array_equal(f(np.float64(-0.5)), f(-0.5))
    assert abs(f(-0.5) - (float(sp.uppergamma(sp.Rational(-1, 2), 2)) - 0.5)) < 1e-15
    assert type(f(-0.5)) is np.float64 and f(-1) == f(-1.0)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("threads", [1, 3])
def test_what_is_raised_in_a_row_is_raised_by_the_call(error, threads, monkeypatch):
    monkeypatch.setattr(loops, "WORTH_THREADS", 0)
    calls = []

    def fail(*numbers):
        calls.append(numbers)
        raise error

    f = sg.function(x, sp.uppergamma(x, 3) * 2, backend="llvm", threads=threads)
    rows = -np.linspace(0.1, 9.9, 200) - threads
    monkeypatch.setattr(symbols, "_callbacks", {})
    monkeypatch.setattr(OPERATIONS["uppergamma"], "row", fail)
    with pytest.raises(error):
        f(rows)
    assert 1 <= len(calls) <= threads  # no row is computed after it
    with pytest.raises(error):
        f(-0.5)


def test_c_code_of_others_gets_nan_where_a_row_raises(capsys):
    address = symbols.address(symbols.callback("test_fails", 1, lambda number: 1 / number))
    function = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(address)
    assert function(2.0) == 0.5 and math.isnan(function(0.0)) and function(4.0) == 0.25
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_callbacks_of_classes_of_one_name():
    one, other = (type("my_rows", (), {"row": lambda self, x, k=k: k * x})().row for k in (2, 3))
    names = [symbols.callback("test_same_name", 1, row, type(row.__self__)) for row in (one, other, one)]
    assert names == ["python_test_same_name", "python_test_same_name.1", "python_test_same_name"]
    kind = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
    assert [kind(symbols.address(name))(5.0) for name in names] == [10.0, 15.0, 10.0]
    assert symbols.callback("test_same_name", 2, math.fmod, type(one.__self__)) == "python_test_same_name.2"


def test_operations_of_one_name_have_their_own_rows(monkeypatch):
    monkeypatch.setattr(symbols, "_callbacks", {})

    def defined(factor):
        class twice_defined(Special):
            __module__ = Special.__module__  # others are library steps

            def exact(self, mp, x):
                return factor * x

            def values(self, x, xp=np):
                return self.by_rows_where(x < 20, 0.0 * x, x, xp=xp)

        return twice_defined

    rows = np.arange(40.0)
    for factor in (2, 3):
        cls = defined(factor)
        for program in (program_of(cls), program_of(cls)):
            assert is_native(program)
            (values,) = llvm.compile_program(program)([rows])
            np.testing.assert_array_equal(values, np.where(rows < 20, factor * rows, 0.0))
    assert set(symbols._callbacks) == {"twice_defined", "twice_defined.1"}


@pytest.mark.parametrize("action", ["raise", "warn"])  # warnings are errors here
@pytest.mark.parametrize("backend", ["llvm", "numpy"])
@pytest.mark.parametrize("expr", [sp.betainc_regularized(n, 2, 0, x), powm1(x, n)])
def test_nothing_is_raised_in_scipys_error_state(expr, backend, action, monkeypatch, capfd):
    """It says what other calls of SciPy's functions do. Here one is outside of its domain; for the first expression, rows of Python come after it."""
    monkeypatch.setattr(runtime, "SHORT", 0)
    f = sg.function((x, n), expr, backend=backend)
    some, others = np.resize([-1.0, 0.75], 70), np.resize([0.5, 2.0], 70)
    strided = [np.repeat(column, 2)[::2] for column in (some, others)]
    forms = [(-1.0, 0.5), (0.75, 2.0), (some, others), strided, (some[:7, None], others)]
    expected = [f(*form) for form in forms]
    assert math.isnan(expected[0]) and np.isnan(expected[-1]).any()
    with errstate(all=action):
        for form, values in zip(forms * 2, expected * 2, strict=True):
            np.testing.assert_array_equal(f(*form), values)
    assert capfd.readouterr().err == ""


def test_functions_are_called_for_their_rows_only():
    """SciPy's expn warns of orders that are no integers: warnings are errors here."""
    f = sg.function((n, x), sp.expint(n, x) + 1, backend="llvm")
    orders, numbers = np.array([1.0, 1.5, 2.0, 2.5] * 8), np.linspace(0.5, 4, 32)
    np.testing.assert_allclose(
        f(orders, numbers) - 1, [float(sp.expint(*row)) for row in zip(orders, numbers, strict=True)]
    )
    assert f(1.5, 2.0) == f(np.array([1.5]), np.array([2.0]))[0]


# --- where SciPy has no such function


def test_without_entry_points_it_is_a_library_step(monkeypatch):
    monkeypatch.setattr(special, "entry", lambda name: None)
    f = sg.function(x, sp.besselj(0, x) + 1, backend="llvm")
    assert not is_native(f._default.program)
    assert f(2.0) == besselj(0, 2.0).eval() + 1
    with pytest.raises(NoMachineCodeError):
        f.low_level()


def test_entries():
    assert symbols.entry("expn").parameters[0] == ("double", "input")  # rather than that of integers
    assert symbols.entry("spherical_jn").parameters == (
        ("i64", "input"),
        ("double", "input"),
        ("i32", "1"),
        ("ptr", "null"),
    )
    assert symbols.entry("airy").outputs == 4
    assert symbols.entry("hankel1") is symbols.entry("no_such_function") is None
    with pytest.raises(KeyError):
        symbols.address("scipy_no_such_function")


@pytest.mark.parametrize(
    "expr",
    [sp.elliptic_f(x, n) * x, sp.besselj(2, x) * n, sp.gamma(x) * n, sp.jn(1, x) * n, sp.erfinv(x) + n, sp.loggamma(x)],
)
def test_gradients_are_one_kernel(expr):
    """Also where a formula is poor for some rows, at which it is differentiated in Python."""
    f = sg.function((x, n), expr, backend="llvm").grad()
    assert is_native(f._default.program)
    rows = np.linspace(0.01, 0.98, 40)
    expected = sg.function((x, n), expr, backend="numpy").grad()(rows, rows[::-1])
    values = f(rows, rows[::-1])
    for value, other in zip(values, expected, strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-11)
    points = [f(*row) for row in zip(rows.tolist(), rows[::-1].tolist(), strict=True)]
    np.testing.assert_array_equal(np.array(points).T, values)
