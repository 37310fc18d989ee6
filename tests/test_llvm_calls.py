"""Functions and sessions on the native backend: calls of every kind, lifetimes, long programs, threads and processes, and life without llvmlite."""

import copy
import functools
import gc
import inspect
import multiprocessing
import os
import pickle
import pydoc
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import symgraph as sg

pytest.importorskip("llvmlite")

from symgraph.backends import is_native, llvm, numpy_like
from symgraph.backends.llvm import native
from symgraph.backends.llvm.code import Code
from symgraph.backends.llvm.elementary import expanded
from symgraph.backends.llvm.kernel import CONTIGUOUS, Operand, loop_text
from symgraph.backends.llvm.partition import Kernel, partition
from symgraph.backends.llvm.parts import LONGEST
from symgraph.backends.llvm.runtime import NativeKernel
from symgraph.program import Program
from symgraph.structure import Structure

x, y, z = sp.symbols("x y z", real=True)
EXPR = sp.Max(x * y + 2, sp.exp(-x)) / (1 + y**2) + sp.Piecewise((x, x > y), (sp.sin(y), True))
FORMS = {
    "one": EXPR,
    "list": [EXPR, x, 3],
    "tuple": (EXPR, x * y),
    "dict": {"a": EXPR, "b": {"c": x + y}},
    "matrix": sp.Matrix([[EXPR, 1], [x, y]]),
    "condition": sp.And(x > 0, y < 1),
    "constant": sp.pi,
    "argument": x,
    "one step": sp.sin(x),
    "library": sp.zeta(x) + y,
    "none": [],
}


def both(expr=EXPR, args=(x, y), **options):
    """The expression as a Function on NumPy, and a native one that has become a builtin already."""
    functions = [sg.function(args, expr, backend=backend, **options) for backend in ("numpy", "llvm")]
    functions[1](*[0.5] * len(args))
    return functions


def flat(result):
    """The numbers and arrays of a result, as arrays of floats."""
    if isinstance(result, dict):
        result = list(result.values())
    return (
        [leaf for value in result for leaf in flat(value)]
        if isinstance(result, (list, tuple))
        else [np.asarray(result, float)]
    )


def assert_alike(result, expected):
    """Equal in structure, types, dtypes, shapes, and to some digits in values."""
    one, other = Structure(result), Structure(expected)
    assert one.rebuild([0] * len(one.leaves)) == other.rebuild([0] * len(other.leaves))
    for a, b in zip(one.leaves, other.leaves, strict=True):
        assert type(a) is type(b)
        single = np.asarray(b).dtype in (np.float32, np.complex64)
        np.testing.assert_allclose(a, b, rtol=1e-5 if single else 1e-13)
        assert np.shape(a) == np.shape(b) and np.asarray(a).dtype == np.asarray(b).dtype


NUMBERS = [
    (2, 3),
    (True, False),
    (0.5, 2),
    (np.float64(0.5), np.float64(2)),
    (np.float32(0.5), np.float32(2)),
    (np.float32(0.5), 2.0),
    (np.float32(0.5), np.float64(2)),
    (np.int32(2), np.uint8(3)),
    (np.bool_(True), 1.5),
    (np.array(0.5), np.array(2.0)),
    (np.array(0.5, np.float32), 2),
    (np.array(2), 0.25),
    (np.float16(0.5), 1.0),
    (10**18, 0.5),
    (float("inf"), float("nan")),
    (sp.Rational(1, 2), sp.Integer(3)),
    ([0.5, 1.0], 2.0),
    (np.arange(3.0), np.arange(3.0)[::-1]),
    (np.arange(6.0).reshape(2, 3).T, np.array([0.5, 1.0])),
    (np.arange(3, dtype=np.int64), 0.5),
    (np.arange(3, dtype=np.float32), 0.5),
    (np.arange(3.0).astype(">f8"), np.arange(3.0).astype(">f4")),
    (np.array([]), 1.0),
    (np.array([True, False]), np.array([1.0, 2.0])),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("args", NUMBERS, ids=lambda args: f"{type(args[0]).__name__}-{type(args[1]).__name__}")
def test_values_and_types_are_those_of_numpy(form, args):
    on_numpy, f = both(FORMS[form])
    expected = on_numpy(*args)
    assert_alike(f(*args), expected)
    assert_alike(type(on_numpy).__call__(f, *args), expected)
    assert_alike(f(x=args[0], y=args[1]), expected)
    assert_alike(f(args[0], y=args[1]), expected)
    for one, other in zip(flat(f.native(*args)), flat(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ((), {}),
        ((1.0,), {}),
        ((1.0, 2.0, 3.0), {}),
        ((1.0,), {"x": 2.0}),
        ((1.0, 2.0), {"y": 2.0}),
        ((1.0, 2.0), {"q": 2.0}),
        ((1.0,), {"q": 2.0}),
        (("1.0", 2.0), {}),
        ((1.0, b"2"), {}),
        ((None, 2.0), {}),
        ((object(), 2.0), {}),
        ((x, 2.0), {}),
        ((10**400, 1.0), {}),
        ((np.ones(2), np.ones(3)), {}),
        ((np.ones((2, 3)), np.ones((3, 2))), {}),
        (([1.0, [2.0]], 1.0), {}),
        ((np.array(["a"]), 1.0), {}),
        ((np.array([None]), 1.0), {}),
        ((np.ma.masked_array([1.0], [True]), 1.0), {}),
    ],
)
def test_errors_are_those_of_numpy(args, named):
    raised = []
    on_numpy, f = both()
    for call in (on_numpy, f, f.native, functools.partial(type(on_numpy).__call__, f)):
        with pytest.raises((TypeError, ValueError, OverflowError)) as caught:
            call(*args, **named)
        raised.append((caught.type, str(caught.value)))
    assert raised[0] == raised[1] == raised[2] == raised[3]


def test_wrong_shapes_of_matrices():
    A = sp.MatrixSymbol("A", 2, 3)
    for value in (np.ones(6), np.ones((3, 2)), np.ones((4, 2, 2)), 1.0):
        raised = []
        for f in (sg.function([A, x], x * A, backend=backend) for backend in ("numpy", "llvm")):
            with pytest.raises(sg.ShapeError) as caught:
                f(value, 1.0)
            raised.append(str(caught.value))
        assert raised[0] == raised[1]


def test_errors_of_numpy_name_the_operation():
    with sg.Graph().as_default():
        a, b = sg.placeholder(), sg.placeholder()
        total = sg.exp(a) * 2 + b
        for backend in ("numpy", "llvm"):
            with pytest.raises(ValueError, match="broadcast") as caught:
                sg.Session(backend=backend).run(total, {a: np.ones(2), b: np.ones(3)})
            assert any("'add'" in note for note in caught.value.__notes__)


# --- a Function that has become a builtin is still a Function


def test_a_builtin_is_still_a_function():
    f = sg.function((x, y), EXPR, backend="llvm", name="g")
    before = repr(f), str(inspect.signature(f)), f.__doc__, f.signature, str(f.program)
    f(1.0, 2.0)
    assert isinstance(f, sg.Function) and callable(f) and type(f).__name__ == "Function"
    assert (repr(f), str(inspect.signature(f)), f.__doc__, f.signature, str(f.program)) == before
    assert str(inspect.signature(f)) == "(x, y)"
    assert "g(x, y)" in pydoc.render_doc(f, renderer=pydoc.plaintext)
    assert f.__name__ == "g" and hash(f) == hash(f) and f == f


@pytest.mark.parametrize("again", [lambda f: pickle.loads(pickle.dumps(f)), copy.copy, copy.deepcopy])
def test_copies_of_a_builtin(again):
    f = sg.function((x, y), [EXPR, x], backend="llvm", name="g")
    expected = f(1.0, 2.0)
    other = again(f)
    assert isinstance(other, sg.Function) and other.__name__ == "g" and other.args == f.args
    assert other(1.0, 2.0) == expected and f(1.0, 2.0) == expected
    assert again(other)(1.0, 2.0) == expected
    assert_alike(other(np.ones(3), 2.0), f(np.ones(3), 2.0))


def test_derivatives_of_a_builtin():
    f = sg.function((x, y), x**2 * y + x, backend="llvm")
    f(1.0, 2.0)
    assert_alike(list(f.grad()(3.0, 2.0)), [np.float64(13.0), np.float64(9.0)])


def test_native_is_made_once():
    f = sg.function((x, y), EXPR, backend="llvm")
    assert f.native is f.native and type(f.native(1.0, 2.0)) is float
    assert f.native is not f and sg.function(x, x, backend="numpy").native(2.0) == 2.0


NESTED = [
    (x, [y, (x * y,), []]),
    [[x + y, x - y], [x * y, x / y]],
    ((), [sp.Matrix([x, y]), ((x, sp.sin(y)),)]),
    [(), []],
]


@pytest.mark.parametrize("outputs", NESTED, ids=str)
def test_nested_outputs_are_made_by_a_builtin(outputs):
    f = sg.function((x, y), outputs, backend="llvm")
    found, expected = f(1.5, 2.5), sg.function((x, y), outputs, backend="numpy")(1.5, 2.5)
    assert_alike(sg.structure.Structure(found).leaves, sg.structure.Structure(expected).leaves)
    assert sg.structure.Structure(found).plain_code == sg.structure.Structure(expected).plain_code
    assert type(f.native).__name__ == "builtin_function_or_method" or not sg.structure.Structure(outputs).leaves
    assert_alike(
        sg.structure.Structure(f([1.5], 2.5)).leaves,
        [np.atleast_1d(v).reshape(1, *np.shape(v)) for v in sg.structure.Structure(expected).leaves],
    )


def test_values_with_derivatives_are_made_by_a_builtin():
    f = sg.function((x, y), x**2 * y, backend="llvm")
    assert f.value_and_grad().native(3.0, 2.0) == (18.0, (12.0, 9.0))
    assert f.hess().native(3.0, 2.0) == ((4.0, 6.0), (6.0, 0.0))
    assert f.hessp().native(3.0, 2.0, 1.0, 10.0) == (64.0, 6.0)
    assert f.jvp().native(3.0, 2.0, 1.0, 10.0) == (18.0, 102.0)
    assert f.vjp().native(3.0, 2.0, 2.0) == (18.0, (24.0, 18.0))
    for each in (f.value_and_grad(), f.hess(), f.hessp(), f.jvp(), f.vjp()):
        assert type(each.native).__name__ == "builtin_function_or_method"


def test_a_builtin_without_memory_gives_back_what_it_made():
    testing = pytest.importorskip("_testcapi")
    native = sg.function((x, y), [x + y, (x * y, [x - y, x / y])], backend="llvm").native
    expected = native(1.5, 2.5)
    before = sys.getallocatedblocks()
    failures = 0
    for allocation in range(12):
        testing.set_nomemory(allocation, allocation + 1)
        try:
            result = native(1.5, 2.5)
        except MemoryError:
            failures, result = failures + 1, None
        finally:
            testing.remove_mem_hooks()
        assert result is None or result == expected
    assert failures  # of some: small objects may come from where there are some left
    del result
    assert sys.getallocatedblocks() - before < 20


# --- lifetimes


@pytest.mark.parametrize("calls", [[], [(1.0, 2.0)], [(1.0, 2.0), (np.ones(40), 1.0)]])
def test_functions_go_when_nothing_holds_them(calls):
    f = sg.function((x, y), [EXPR, sp.Matrix([x, y])], backend="llvm")
    for args in calls:
        f(*args)
    f.native(1.0, 2.0)
    gone = weakref.ref(f)
    del f
    gc.collect()
    assert gone() is None


def test_a_bare_builtin_keeps_what_it_needs():
    bare = sg.function((x, y), [EXPR, sp.Matrix([x, y])], backend="llvm").native
    gc.collect()
    expected = sg.function((x, y), [EXPR, sp.Matrix([x, y])], backend="numpy")
    assert bare(1.0, 2.0)[0] == pytest.approx(expected(1.0, 2.0)[0], rel=1e-14)
    assert_alike(bare(np.ones(3), 2.0), expected(np.ones(3), 2.0))
    assert_alike(bare(1, 2)[1], expected(1, 2)[1])


def memory():
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_hundreds_of_compiles_leave_memory_flat(monkeypatch):
    monkeypatch.setenv("SYMGRAPH_CACHE", "0")

    def compile_some(count):
        for k in range(count):
            f = sg.function(x, x * x + sp.Float(k + 0.5), backend="llvm")
            f(1.0)
            f(np.ones(40))
        gc.collect()

    compile_some(60)
    before = memory()
    compile_some(300)
    assert memory() - before < 9e6  # functions that are kept take 60 kB each, together twice that


# --- long programs


def kernels_of(program):
    return [item for stage in partition(program) for item in stage if isinstance(item, Kernel)]


def compiled_text(program, size=64):
    """The text of the one kernel of a program, for rows of contiguous numbers."""
    (kernel,) = kernels_of(program)
    task = NativeKernel(kernel, program.constants, program.leaves, 1)
    task([np.ones(size)] * len(kernel.inputs))
    (variant,) = task._variants.values()
    (loop,) = variant.loops.values()
    return loop.text


def chain(steps):
    with sg.Graph().as_default():
        a = node = sg.placeholder(np.float64)
        for k in range(steps):
            node = node * a if k % 3 else node + 0.5
        return Program.of([node])[0]


def test_a_program_of_20_000_steps_is_cut_into_parts():
    program = chain(20_000)
    text = compiled_text(program)
    functions = text.split("define ")[1:]
    longest = max(function.count("\n") for function in functions)
    assert longest < 2 * LONGEST  # so the time for each is bounded, and their number grows with the program
    assert 20_000 / LONGEST * 0.4 <= len(functions) <= 20_000 / LONGEST + 3
    run, values = llvm.compile_program(program), np.linspace(-0.4, 0.4, 50)
    np.testing.assert_allclose(run([values])[0], numpy_like.compile_program(program)([values])[0], rtol=1e-12)


def test_thousands_of_sines_are_one_function_of_machine_code():
    with sg.Graph().as_default():
        a = sg.placeholder(np.float64)
        lengths = []
        for count in (2000, 4000):
            total = sg.add_n([sg.sin(a * (k / 100)) for k in range(count)])
            program = Program.of([total])[0]
            lengths.append(len(compiled_text(program)))
        values = np.linspace(-3, 3, 40)
        result = llvm.compile_program(program)([values])[0]
    assert lengths[1] < 2.2 * lengths[0]
    np.testing.assert_allclose(result, np.sin(np.multiply.outer(values, np.arange(4000) / 100)).sum(-1), atol=1e-9)


def test_large_matrices_are_not_traced():
    with sg.Graph().as_default():
        a, b = (sg.placeholder(sp.MatrixSymbol(name, 50, 50)) for name in "ab")
        node = sg.sin(a * b) @ b + sg.maximum(a, b)
        program = Program.of([node])[0]
    assert kernels_of(program) == []
    values = [np.full((50, 50), 0.25), np.eye(50)]
    np.testing.assert_allclose(
        llvm.compile_program(program)(values)[0], np.sin(0.25) * np.eye(50) + np.maximum(*values)
    )


def test_text_of_builtins_is_linear_in_the_number_of_results(monkeypatch):
    lengths, to_object = [], native.to_object
    monkeypatch.setattr(native, "to_object", lambda text, *level: (lengths.append(len(text)), to_object(text))[1])
    for count in (50, 100):
        f = sg.function((x, y), [x * y + k for k in range(1, count + 1)], backend="llvm")
        assert f(2.0, 3.0) == [6.0 + k for k in range(1, count + 1)]
    assert lengths[1] < 2.2 * lengths[0]


# --- contraction


def text_of(contract):
    code = Code()
    a, b, c = (code.leaf("double", place) for place in range(3))
    result = code.emit("add", "double", code.emit("mul", "double", a, b), c)
    inputs = [Operand("double", ((leaf, 0),), CONTIGUOUS) for leaf in (a, b, c)]
    new, numbers = expanded(code, [result])
    return loop_text("kernel", new, inputs, [Operand("double", ((numbers[result], 0),), CONTIGUOUS)], 8, contract).text


def test_contraction_can_be_left_off():
    assert "llvm.fma" in text_of(True) and "fmul" not in text_of(True)
    assert "llvm.fma" not in text_of(False) and "fmul" in text_of(False)


def test_products_are_rounded_once_with_what_is_added():
    f = sg.function((x, y, z), x * y + z, backend="llvm")
    tiny = 2.0**-30
    assert f(1 + tiny, 1 - tiny, -1.0) == -(tiny**2)  # rounded on its own, the product is 1
    np.testing.assert_array_equal(f(np.full(40, 1 + tiny), 1 - tiny, -1.0), -(tiny**2))


# --- threads and processes


def test_functions_compiled_by_eight_threads_at_once():
    barrier = threading.Barrier(8)

    def work(k):
        barrier.wait()
        results = []
        for j in range(3):
            f = sg.function((x, y), sp.exp(-x) * (k + 2) + y * (j + 1) + sp.sin(x * y), backend="llvm")
            results += [float(f(0.5, 2.0)), *map(float, f(np.full(40, 0.5), 2.0)[[0, -1]])]
        return results

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(8)))
    for k, results in enumerate(found):
        for j in range(3):
            expected = np.exp(-0.5) * (k + 2) + 2 * (j + 1) + np.sin(1)
            np.testing.assert_allclose(results[3 * j : 3 * j + 3], expected, rtol=1e-14)
            assert len(set(results[3 * j : 3 * j + 3])) == 1


def test_one_function_called_first_by_eight_threads_at_once():
    f = sg.function((x, y), [EXPR, x * y], backend="llvm")
    barrier = threading.Barrier(8)

    def work(k):
        barrier.wait()
        return f(0.5, 2.0) if k % 2 else [value[7] for value in f(np.full(40, 0.5), 2.0)]

    with ThreadPoolExecutor(8) as pool:
        assert len({tuple(map(float, result)) for result in pool.map(work, range(8))}) == 1


def in_child(f, g, values, queue):
    h = sg.function(x, sp.cos(x) + x, backend="llvm")  # compiled here
    queue.put((f(0.5), g(values).sum(), float(h(0.0)), f(values[:40]).sum()))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_functions_work_in_a_forked_process():
    f = sg.function(x, sp.exp(x) * x, backend="llvm")
    g = sg.function(x, sp.exp(x) * x, backend=functools.partial(llvm.compile_program, threads=2))
    values = np.linspace(0, 1, 400_000)
    expected = f(0.5), g(values).sum(), 1.0, f(values[:40]).sum()  # the threads of this process are there
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=in_child, args=(f, g, values, queue))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert queue.get() == expected


# --- sessions


def test_sessions_with_variables_and_assignments():
    results = []
    for backend in ("numpy", "llvm"):
        with sg.Graph().as_default():
            w, step = sg.Variable(np.array([1.0, 2.0, 3.0])), sg.Variable(0.0)
            a = sg.placeholder()
            loss = sg.reduce_sum((w * a - 1) ** 2) + sg.reduce_sum(sg.exp(-w))
            (slope,) = sg.gradients(loss, [w])
            update = sg.group(sg.assign(w, w - 0.1 * slope), sg.assign_add(step, 1))
            session = sg.Session(backend=backend)
            for k in range(5):
                session.run(update, {a: np.full(3, k / 5)})
            with pytest.raises(ValueError, match="broadcast"):
                session.run(update, {a: np.ones(4)})
            results.append(session.run([w, step, loss], {a: 0.5}))
    for one, other in zip(*results, strict=True):
        assert one.dtype == other.dtype and np.shape(one) == np.shape(other)
        np.testing.assert_allclose(one, other, rtol=1e-13)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.float16, np.float32, np.float64, np.longdouble, complex])
def test_placeholders_of_unknown_shape_and_dtype(dtype):
    results = []
    values = [np.array(2, dtype), np.ones(40, dtype), np.ones((2, 1, 3), dtype), np.ones((0, 3), dtype)]
    for backend in ("numpy", "llvm"):
        with sg.Graph().as_default():
            a, b = sg.placeholder(), sg.placeholder()
            nodes = [a * b + a * 2 + 1, sg.where(sg.equal(a, b), a, b * 3), sg.reduce_sum(a * b), sg.exp(a) * b]
            nodes += sg.gradients(nodes[0] * nodes[3], [a, b])
            session = sg.Session(backend=backend)
            results.append([session.run(nodes, {a: value, b: other}) for value in values for other in (value, 1.5)])
    for one, other in zip(*results, strict=True):
        for result, expected in zip(one, other, strict=True):
            assert type(result) is type(expected) and result.dtype == expected.dtype
            assert np.shape(result) == np.shape(expected)
            rtol = {np.float16: 1e-2, np.float32: 1e-5}.get(dtype, 1e-12)
            np.testing.assert_allclose(result, expected, rtol=rtol)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.float64])
def test_constants_beyond_a_dtype(dtype):
    for constant in (1e300, -1e300, 1e-300):
        results = []
        for backend in ("numpy", "llvm"):
            with sg.Graph().as_default():
                a = sg.placeholder(dtype)
                node = sg.maximum(a * constant, -a) + a if dtype is not np.complex64 else a * constant + a
                results.append(sg.Session(backend=backend).run(node, {a: np.ones(40, dtype)}))
        assert results[0].dtype == results[1].dtype
        np.testing.assert_array_equal(results[1], results[0])


def test_what_users_do_stays_in_order():
    """Their operations may do more than compute, so they run in the order that control dependencies say."""
    orders = []
    for backend in ("numpy", "llvm"):
        seen = []

        class note(sg.Operation):
            def __init__(self, value, tag):
                super().__init__([value])
                self.tag = tag

            def compute(self, value, seen=seen):
                seen.append((self.tag, float(value)))
                return value

        with sg.Graph().as_default():
            a = sg.placeholder(np.float64)
            first = note(sg.exp(a) * a + 1, "first")
            with sg.control_dependencies([first]):
                second = note(a, "second")
            with sg.control_dependencies([second]):
                third = note(first * 2 + a, "third")
            sg.Session(backend=backend).run([third, second], {a: 0.0})
        orders.append(seen)
    assert orders[0] == orders[1] == [("first", 1.0), ("second", 0.0), ("third", 2.0)]


# --- without llvmlite


def test_which_backend_is_the_default(monkeypatch):
    monkeypatch.delenv("SYMGRAPH_BACKEND", raising=False)
    assert is_native() and is_native("llvm") and not is_native("numpy")
    monkeypatch.setenv("SYMGRAPH_BACKEND", "numpy")
    assert not is_native() and is_native("llvm")
    f = sg.function((x, y), EXPR)
    assert f.native is f and f(1.0, 2.0) == sg.function((x, y), EXPR, backend="numpy")(1.0, 2.0)
    monkeypatch.setenv("SYMGRAPH_BACKEND", "abacus")
    with pytest.raises(ValueError, match="abacus"):
        sg.function(x, x)


WITHOUT = """
import sys
sys.modules["llvmlite"] = None
import numpy as np, sympy as sp, symgraph as sg
x, y = sp.symbols("x y")
for backend in (None, "numpy"):
    f = sg.function((x, y), sp.exp(x) * y, backend=backend)
    assert f(0.0, 2.0) == 2.0 and f.native(0.0, 2) == 2.0 and (f(np.zeros(3), 1.0) == 1).all()
assert sg.lambdify((x,), x + 1)(1) == 2
a = sg.placeholder()
assert sg.Session().run(a + 1, {a: 1.0}) == 2
for build in (lambda: sg.function(x, x, backend="llvm"), lambda: sg.Session(backend="llvm"), lambda: sg.lambdify(x, x, backend="llvm")):
    try:
        build()
    except ImportError as error:
        assert "llvmlite" in str(error) and "numpy" in str(error), error
    else:
        raise SystemExit("no error")
print("done")
"""

LATE = """
import sys
import symgraph, sympy
assert not [m for m in sys.modules if m.split(".")[0] == "llvmlite"]
f = symgraph.function(sympy.Symbol("x"), sympy.Symbol("x") * 2)
assert not [m for m in sys.modules if m.split(".")[0] == "llvmlite"]
f(1.0)
print("done")
"""


FIRST_BY_THREADS = """
import threading
import numpy as np
import symgraph as sg
from symgraph.backends import llvm
from symgraph.program import Program
x, y = sg.placeholder("float64", (...,)), sg.placeholder("float64", (...,))
row = sg.sin(x) * y + x
program, leaves = Program.of([row, sg.reduce_sum(row), sg.exp(x), y * 2.0, *sg.gradients(sg.reduce_sum(row), [x, y])])
run = llvm.compile_program(program, threads=2)
wrong = []
def work(seed):
    rng = np.random.default_rng(seed)
    for _ in range(200):
        a, b = [((5,), (5,)), ((40,), ()), ((3, 40), (40,)), ((1,), (1,)), ((2000,), (2000,))][rng.integers(5)]
        values = {x: rng.normal(size=a), y: rng.normal(size=b)}
        found = run([values[leaf] for leaf in leaves])
        right = np.sin(values[x]) * values[y] + values[x]
        if not (np.allclose(found[0], right) and np.isclose(found[1], right.sum()) and np.allclose(found[2], np.exp(values[x]))):
            wrong.append((a, b))
threads = [threading.Thread(target=work, args=(seed,)) for seed in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not wrong, wrong
print("done")
"""  # machine code that all kernels share is made by the first call


@pytest.mark.parametrize("script", [WITHOUT, LATE, FIRST_BY_THREADS])
def test_in_a_process_of_its_own(script):
    environment = {key: value for key, value in os.environ.items() if key != "SYMGRAPH_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[1],
        timeout=300,
    )
    assert done.returncode == 0 and done.stdout == "done\n", done.stderr
