"""Bad input of every kind, and what must come of it: hostile names, sizes, failures on the way, interrupts.

Arrays and dtypes are in test_fault_arrays.py.
"""

import builtins
import copy
import gc
import inspect
import os
import pickle
import re
import signal
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
import sympy

import symgraph as sg
from symgraph import Graph, Operation, Session, Variable, gradients, placeholder
from symgraph.backends.numpy_like import compile_program
from symgraph.graph import being_translated
from symgraph.program import Program

MARK = "symgraph_injection_mark"
RUN = f"__import__('builtins').__dict__.__setitem__('{MARK}', 1)"


@pytest.fixture
def unharmed():
    """No text was run: the mark is not set, and no builtin is another one than before."""
    before = dict(vars(builtins))
    yield
    after = dict(vars(builtins))
    after.pop("_", None)
    before.pop("_", None)
    assert after == before


# --- names are never run

HOSTILE = {
    "call": RUN,
    "newline": f"x\n{RUN}\n#",
    "semicolon": f"x; {RUN}",
    "default argument": f"x={RUN}",
    "lambda": f"(lambda: {RUN})()",
    "walrus": f"(x := {RUN})",
    "quotes": f"x' + {RUN} + '",
    "double quotes": f'x" + str({RUN}) + "',
    "triple quotes": f"'''\n{RUN}\n'''",
    "closing bracket": f"x): {RUN} #",
    "format": "{0.__class__.__mro__}" + f"{{{RUN}}}",
    "percent": f"%({RUN})s",
    "attribute": "x.__class__",
    "dunder": "__builtins__",
    "backslash": f"\\\n{RUN}",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_name_is_a_name(name, unharmed):
    x, other = sympy.Symbol(name), sympy.Symbol("other")
    f = sg.function([x, other], sympy.sin(x) + other)
    assert f(0.0, 2.0) == 2.0
    assert sg.lambdify([x, other], x * other)(3.0, 2.0) == 6.0
    assert all(text for text in (repr(f), f.__doc__, str(f.__signature__), f.signature, str(f.program)))
    assert pickle.loads(pickle.dumps(f))(0.0, 2.0) == 2.0
    assert Session().run(x + 1, {x: 1}) == Session().run(x + 1, {name: 1}) == 2.0
    node = placeholder(x) * 2
    assert Session().run([node, name], {name: 3}) == [6.0, 3.0]
    assert repr(node.input_nodes[0])
    with pytest.raises(sg.MissingFeedError):
        Session().run(node)
    with pytest.raises(sg.UnboundSymbolError):
        sg.function([other], x + other)
    with pytest.raises(TypeError):
        sg.function([other], sympy.Function(name)(other))
    with pytest.raises((TypeError, ValueError)):
        sg.function([other], x + other)(1.0, **{name: 2.0})


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_name_of_a_matrix_a_base_an_index_and_a_dimension(name, unharmed):
    n = sympy.Symbol(name, integer=True, positive=True)
    A = sympy.MatrixSymbol(name, 2, 2)
    assert sg.function([A], A.T)([[1.0, 2.0], [3.0, 4.0]]).tolist() == [[1.0, 3.0], [2.0, 4.0]]
    with pytest.raises(sg.UnboundSymbolError):
        sg.function([n], A * n)
    v, w = sympy.MatrixSymbol("v", n, 1), sympy.MatrixSymbol("w", n, 1)
    assert sg.function([v], n * v)([1.0, 2.0])[:, 0].tolist() == [2.0, 4.0]
    with pytest.raises(sg.DimensionError):
        sg.function([v, w], v + w)(np.ones(2), np.ones(3))
    i, base = sympy.Idx(name), sympy.IndexedBase(name, shape=(3,))
    assert sg.function([base], base[1] * 2)([1.0, 5.0, 7.0]) == 10.0
    assert sg.function([i], sympy.sqrt(i))(4) == 2.0
    applied = sympy.Function(name)(sympy.Symbol("t"))
    assert sg.function([applied], applied**2)(3.0) == 9.0


@pytest.mark.parametrize(
    "text", [*HOSTILE.values(), "x", "exit()", "x.__class__.__mro__"], ids=[*HOSTILE, "x", "exit", "mro"]
)
def test_strings_are_no_expressions(text, unharmed):
    x = sympy.Symbol("x")
    uses = [
        lambda: sg.function([x], text),
        lambda: sg.function(text, x),
        lambda: sg.function([text], x),
        lambda: sg.function([x], [x, {"k": text}]),
        lambda: sg.translate(text),
        lambda: Session().run(text),
        lambda: Session().run([x, text], {x: 1}),
        lambda: Session().run(x, {x: text}),
        lambda: placeholder() + text,
        lambda: sg.constant(text),
        lambda: Variable(text),
        lambda: sg.function([x], x)(text),
        lambda: sg.function([x], np.array([text])),
        lambda: sg.function([x], np.array([x, text], dtype=object)),
        lambda: sg.function([x], np.array(text)),
        lambda: sg.function(np.array([text]), x),
        lambda: sg.lambdify([x], x * sympy.pi, modules=[{"pi": text}, "numpy"]),
        lambda: sg.lambdify([x], x * sympy.Float("1.5", 50), modules="sympy")(text),
        lambda: sg.lambdify([x], x * sympy.Float("1.5", 50), modules="sympy")([text]),
        lambda: sg.lambdify([x], x * sympy.Float("1.5", 50), modules="sympy")(np.array([text])),
    ]
    for use in uses:
        with pytest.raises((TypeError, ValueError)):
            use()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_lambdify_never_runs_a_string(text, unharmed):
    for args, expr in ((["x"], text), (text, "x"), ([text], "x"), ("x", ["x", text])):
        try:
            sg.lambdify(args, expr)
        except (TypeError, ValueError, NotImplementedError, SyntaxError):
            continue


@pytest.mark.parametrize("name", ["exit", "eval", "exec", "open", "compile", "__import__", "getattr", "print", "input"])
def test_an_undefined_function_is_not_looked_up_among_pythons(name, unharmed):
    x = sympy.Symbol("x")
    with pytest.raises(sg.UnsupportedExpressionError, match=re.escape(f"{name}(x)")):
        sg.function([x], sympy.Function(name)(x) + 1)


def test_an_argument_named_like_a_function_beside_that_function():
    for name in ("sin", "exp", "select", "array", "where", "np", "xp", "compute", "self", "return", "lambda"):
        s, t = sympy.symbols(f"{name} t")
        assert sg.function([s, t], sympy.sin(s) + sympy.exp(t) * s)(0.0, 1.0) == 0.0


@pytest.mark.parametrize(
    "name", ["α", "λ", "", " ", "a b", r"\alpha_1", r"\frac{1}{2}", "1x", "x'", "🙂", "None", "True"]
)
def test_unusual_names(name):
    s, t = sympy.Symbol(name), sympy.Symbol("t")
    f = sg.function([s, t], s - t)
    assert f(3.0, 1.0) == 2.0
    assert Session().run(s - t, {s: 3, t: 1}) == 2.0


def test_dummies_of_one_name_are_different():
    a, b = sympy.Dummy("d"), sympy.Dummy("d")
    assert sg.function([a, b], a - 2 * b)(5.0, 1.0) == 3.0
    assert Session().run(a - b, {a: 3, b: 1}) == 2.0
    with pytest.raises(sg.FeedTypeError, match=r"'d': this is the name of 2 inputs"):
        Session().run(a - b, {"d": 3, a: 1, b: 2})


# --- symbols


def test_symbols_of_one_name_with_other_assumptions_are_other_inputs():
    a, b = sympy.Symbol("a", real=True), sympy.Symbol("a", positive=True)
    f = sg.function([a, b], a - 2 * b)
    assert f(5.0, 1.0) == 3.0
    with pytest.raises(TypeError):
        f(5.0, a=1.0)  # which of them?
    inspect.signature(f).bind(1, 2)
    with pytest.raises(
        sg.UnboundSymbolError, match=r"free symbols \{a\}.*Symbol\('a', positive=True\) is not Symbol\('a', real=True\)"
    ):
        sg.function([a], a - b)
    assert Session().run(a - 2 * b, {a: 5, b: 1}) == 3.0
    with pytest.raises(sg.MissingFeedError, match=r"Symbol\('a', positive=True\)"):
        Session().run(a - b, {a: 5})
    x, y = placeholder(a), placeholder(b)
    with pytest.raises(sg.FeedTypeError, match=r"'a': this is the name of 2 inputs"):
        Session().run(x - y, {"a": 5})
    assert Session().run(x - 2 * y, {a: 5, b: 1}) == 3.0


def test_a_name_that_python_would_generate_for_another_argument():
    odd, arg0, arg1 = sympy.Symbol("a b"), sympy.Symbol("arg0"), sympy.Symbol("arg1")
    f = sg.function([odd, arg0, arg1], odd + 10 * arg0 + 100 * arg1)
    assert f(1.0, 2.0, 3.0) == 321.0
    names = list(inspect.signature(f).parameters)
    assert len(set(names)) == 3
    bound = (
        inspect.signature(f).bind(1.0, 2.0, arg1=3.0)
        if names[2] == "arg1"
        else inspect.signature(f).bind(1.0, 2.0, 3.0)
    )
    assert f(*bound.args, **bound.kwargs) == 321.0
    assert f(1.0, 2.0, arg1=3.0) == 321.0


def test_free_symbols_are_listed():
    x, y, z = sympy.symbols("x y z")
    with pytest.raises(ValueError, match=r"free symbols \{y, z\} are not in args \(x\)") as caught:
        sg.function([x], [x, y * z, {"k": sympy.Matrix([[z, 1]])}])
    assert set(caught.value.symbols) == {y, z}


def test_arguments_given_twice():
    x, y = sympy.symbols("x y")
    for args in ([x, x], [x, (y, x)], [[x, y], [y]]):
        with pytest.raises(ValueError, match=r"argument [xy] is given twice"):
            sg.function(args, x)


@pytest.mark.parametrize("argument", [1, sympy.Integer(1), sympy.pi, None, 2.5, object(), sympy.Symbol("x") + 1])
def test_arguments_that_are_no_symbols(argument):
    with pytest.raises((ValueError, TypeError), match="argument"):
        sg.function([argument], sympy.Symbol("x"))


def test_a_set_has_no_order():
    x, y = sympy.symbols("x y")
    with pytest.raises(TypeError, match="set"):
        sg.function({x, y}, x + y)


def test_lists_that_contain_themselves():
    x = sympy.Symbol("x")
    cyclic = [x]
    cyclic.append(cyclic)
    for use in (
        lambda: sg.function([x], cyclic),
        lambda: sg.function(cyclic, x),
        lambda: Session().run(cyclic, {x: 1}),
    ):
        with pytest.raises(ValueError, match="cyclic structure"):
            use()
    with pytest.raises(ValueError):
        sg.function([x], x)(cyclic)


def test_what_is_changed_after_the_build_changes_nothing():
    x, y = sympy.symbols("x y")
    matrix, outputs, args = sympy.Matrix([x, y]), [x, {"k": y}], [x, y]
    f, g = sg.function(args, matrix), sg.function(args, outputs)
    matrix[0] = 99
    outputs[1]["new"] = x
    outputs.append(x)
    args.reverse()
    assert f(1.0, 2.0)[:, 0].tolist() == [1.0, 2.0]
    assert g(1.0, 2.0) == [1.0, {"k": 2.0}]
    array, start = np.array([1.0, 2.0]), [1.0, 2.0]
    c, v = sg.constant(array), Variable(start)
    w, session = Variable(array), Session()
    array[:] = 7
    start[0] = 7
    assert [value.tolist() for value in session.run([c, v, w])] == [[1.0, 2.0]] * 3


def test_all_unsupported_parts_are_reported_at_once_and_nothing_is_built():
    x = sympy.Symbol("x")
    f, g = sympy.Function("f"), sympy.Function("g")
    graph = sg.get_default_graph()
    with pytest.raises(sg.UnsupportedExpressionError) as caught:
        sg.translate([x + 1, sympy.Order(x), {"k": sympy.Lambda(x, x)}])
    assert "O(x)" in str(caught.value)
    assert "Lambda" in str(caught.value)
    assert len(caught.value.parts) >= 2
    assert len(graph) == 0
    with pytest.raises(sg.UnsupportedExpressionError) as caught:
        sg.function([x], [f(x), g(x) + 1])
    assert "f(x)" in str(caught.value)
    assert "g(x)" in str(caught.value)


# --- size


def sines(depth, x):
    for _ in range(depth):
        x = sympy.sin(x, evaluate=False)
    return x


def test_ten_thousand_sines():
    x = sympy.Symbol("x")
    expression = sines(10_000, x)
    expected = np.float64(0.5)
    for _ in range(10_000):
        expected = np.sin(expected)
    assert sg.function([x], expression)(0.5) == pytest.approx(expected, rel=1e-12)
    session = Session()
    for _ in range(2):
        assert session.run(expression, {x: 0.5}) == pytest.approx(expected, rel=1e-12)
    node = sg.translate(expression)
    assert len(Program.of([node])[0].steps) == 10_000
    (grad,) = gradients(node, node.graph.placeholders[0])
    assert 0 < Session().run(grad, {x: 0.5}) < 1


def test_deep_expressions_that_sympy_has_not_hashed():
    x, session = sympy.Symbol("x"), Session()

    def nest(function, depth):
        expression = x
        for _ in range(depth):
            expression = sympy.Basic.__new__(function, expression)
        return expression

    for depth, (function, compute) in enumerate([(sympy.sin, np.sin), (sympy.cos, np.cos)] * 4, 3000):
        expression = nest(function, depth)
        with pytest.raises(RecursionError):
            hash(expression)
        wanted = 0.5
        for _ in range(depth):
            wanted = compute(wanted)
        assert session.run(expression, {x: 0.5}) == pytest.approx(wanted, rel=1e-12)
    assert sg.function([x], nest(sympy.cos, 3000))(0.5) == pytest.approx(0.7390851332151607, rel=1e-12)  # cos(c) = c


def test_errors_in_what_is_deep_or_wide_or_shared_are_short():
    x, y = sympy.symbols("x y")
    shared = x
    for _ in range(40):
        shared = sympy.Add(shared, shared, evaluate=False)
    wide = sympy.Add(*[sympy.Symbol(f"x{i}") for i in range(5000)], evaluate=False)
    for expression in (sines(5000, x), shared, wide):
        with pytest.raises(sg.UnboundSymbolError) as caught:
            sg.function([y], expression)
        assert len(str(caught.value)) < 100_000
        with pytest.raises(sg.UnsupportedExpressionError) as caught:
            sg.function([x], sympy.Function("undefined")(expression))
        assert len(str(caught.value)) < 1000
        with pytest.raises(sg.MissingFeedError) as caught:
            Session().run(expression, {})
        assert len(str(caught.value)) < 1_000_000
    a, b = placeholder(float, (2,)), placeholder(float, (3,))
    with pytest.raises(sg.ShapeError) as caught:
        sg.translate(sympy.Add(shared, y, evaluate=False), bindings={x: a, y: b})
    assert len(str(caught.value)) < 1000
    p, q = placeholder(), placeholder()
    node = sg.translate(sympy.Add(shared, y, evaluate=False), bindings={x: p, y: q})
    with pytest.raises(ValueError) as caught:
        Session().run(node, {p: [1.0, 2.0], q: [1.0, 2.0, 3.0]})
    assert len("".join(caught.value.__notes__)) < 1000


def test_ten_thousand_terms():
    x = sympy.Symbol("x")
    terms = [sympy.Mul(k, sympy.cos(x), evaluate=False) for k in range(1, 10_001)]
    expression = sympy.Add(*terms, evaluate=False)
    f = sg.function([x], expression)
    assert f(0.0) == 10_000 * 10_001 / 2
    assert f([0.0, np.pi]).tolist() == [50_005_000.0, -50_005_000.0]


def test_five_thousand_arguments():
    symbols = sympy.symbols("x:5000")
    f = sg.function(symbols, sympy.Add(*symbols))
    assert f(*range(5000)) == 4999 * 5000 / 2
    assert Session().run(sympy.Add(*symbols), dict(zip(symbols, range(5000), strict=True))) == 4999 * 5000 / 2


def test_a_graph_of_two_to_the_forty_paths():
    x = sympy.Symbol("x")
    shared = x
    for _ in range(40):
        shared = sympy.Add(shared, shared, evaluate=False)
    f = sg.function([x], shared)
    assert len(f.program.steps) == 40
    assert f(1.0) == 2.0**40
    assert Session().run(shared, {x: 1.0}) == 2.0**40
    assert len(repr(f)) < 1000
    node = placeholder()
    product = node
    for _ in range(40):
        product = product * product
    (grad,) = gradients(product, node)
    assert Session().run(grad, {node: 1.0}) == 2.0**40


def test_constants_with_two_to_the_forty_paths():
    number = sympy.sqrt(2)
    for _ in range(40):
        number = (
            sympy.Mul(number, number, evaluate=False) / 2 if False else sympy.Add(number, -number / 2, evaluate=False)
        )
    assert sg.function([], number)() == pytest.approx(2**0.5 / 2**40)


def test_max_nodes_holds_for_translations():
    x = sympy.Symbol("x")
    with Graph(max_nodes=50).as_default() as graph:
        with pytest.raises(sg.GraphTooLargeError, match="max_nodes=50"):
            sg.translate(sines(100, x))
        assert len(graph) == 50
        assert being_translated.get() is None


# --- constants


def test_constants_beyond_the_floats():
    x = sympy.Symbol("x")
    for expression in (x + 10**400, x * sympy.Float("1e400"), x * sympy.Rational(10**400, 3)):
        with pytest.raises(OverflowError, match=r"beyond the largest float64"):
            sg.function([x], expression)
    with pytest.warns(sg.PrecisionWarning, match="becomes 0"):
        assert sg.function([x], x * sympy.Float("1e-400"))(1.0) == 0.0
    assert sg.function([x], x * sympy.Rational(10**400, 3 * 10**399))(3.0) == 10.0
    assert sg.function([x], x + 10**30)(np.array([1, 2], dtype=np.int8)).tolist() == [1e30, 1e30]
    assert (
        sg.function([x], sympy.Float("0.1000000000000000055511151231257827021181583404541015625", 50) * x)(1.0) == 0.1
    )


def test_constants_beyond_the_dtype_of_a_function():
    x = sympy.Symbol("x")
    for expression in (x * 10**40, [x, 10**40], x + sympy.I * 10**40, sympy.exp(x) * sympy.Float("-1e40")):
        with pytest.raises(OverflowError, match="beyond the largest float32"):
            sg.function([x], expression, dtype=np.float32)
        f = sg.function([x], expression)
        with pytest.raises(OverflowError, match="beyond the largest float32"):
            f(np.float32(1))
        f(1.0)
    with pytest.warns(sg.PrecisionWarning, match="below the smallest float32"):
        sg.function([x], x * sympy.Float("1e-50"), dtype=np.float32)
    assert sg.function([x], [x, sympy.oo, 10**38], dtype=np.float32)(1)[1:] == [np.inf, np.float32(1e38)]


def test_numbers_on_the_graphs_own_door():
    with pytest.raises(OverflowError, match="64 bits"):
        sg.constant(10**30)
    assert sg.constant(2**64 - 1).eval() == 2**64 - 1
    for wrong in (None, "1", b"1", [None], ["a"], object(), {"a": 1}, [[1], [1, 2]], sympy.Symbol("x")):
        with pytest.raises((TypeError, ValueError)):
            sg.constant(wrong)
        with pytest.raises((TypeError, ValueError)):
            Variable(wrong)
    assert len(sg.get_default_graph()) == 1  # only the one that there is


# --- memory


def test_a_broadcast_that_no_memory_holds():
    a, b = placeholder(name="a"), placeholder(name="b")
    product = a * b
    # 2 PiB of results from two arrays of one number each: more than any address space of 47 bits
    column, row = np.broadcast_to(1.0, (2**24, 1)), np.broadcast_to(1.0, (2**24,))
    w = Variable(1.0)
    session = Session()
    with pytest.raises(MemoryError) as caught:
        session.run([sg.assign(w, 2.0), product], {a: column, b: row})
    assert "'multiply'" in caught.value.__notes__[0]
    assert "(16777216, 1)" in caught.value.__notes__[0]
    assert session.run([w, product], {a: 2.0, b: 3.0}) == [1.0, 6.0]
    x, y = sympy.symbols("x y")
    f = sg.function([x, y], x * y + 1)
    with pytest.raises(MemoryError) as caught:
        f(column, row)
    assert "x*y" in caught.value.__notes__[0]
    assert f(2.0, 3.0) == 7.0


def test_intermediate_values_go_when_nothing_needs_them():
    alive, most = set(), []

    class block(Operation):
        def compute(self, x_value):
            import weakref

            result = np.array(x_value, dtype=float)
            alive.add(id(result))
            weakref.finalize(result, alive.discard, id(result))
            most.append(len(alive))
            return result

    x = placeholder()
    y = x
    for _ in range(50):
        y = block([y])
    Session().run(y, {x: np.ones(10)})
    assert max(most) <= 3


# --- failing on the way


def model():
    """A training step with some operations, and the variables that it changes."""
    x = placeholder(name="x")
    w, b, steps = Variable([1.0, 2.0]), Variable(0.5), Variable(0)
    late = Variable(w * 2.0)
    loss = sg.reduce_mean(sg.square(sg.sin(x @ w) + b + sg.reduce_sum(late)))
    step = sg.train.GradientDescentOptimizer(0.1).minimize(loss, global_step=steps)
    return x, [w, b, steps, late], loss, step


def failing_at(place, error):
    """A backend whose runs fail once they have come to the step `place`; None never fails. `counts` notes the length of programs."""

    counts = []

    def compile_failing(program):
        run = compile_program(program)
        counts.append(len(program.steps))

        def run_and_fail(values):
            if place[0] is not None and place[0] < len(program.steps):
                steps = program.steps[: place[0]]
                compile_program(Program(program.leaves, program.constants, steps, ()))(values)
                raise error
            return run(values)

        return run_and_fail

    return compile_failing, counts


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("failed"), MemoryError(), SystemExit()])
def test_a_run_that_fails_at_any_step_changes_no_variable(error):
    x, variables, loss, step = model()
    place = [None]
    backend, counts = failing_at(place, error)
    session = Session(backend=backend)
    feeds = {x: [[1.0, -1.0], [0.5, 2.0]]}
    session.run(step, feeds)
    before = session.run(variables)
    length = max(counts)
    assert length > 20
    for place[0] in range(length):
        with pytest.raises(type(error)):
            session.run([step, loss], feeds)
        failed, place[0] = place[0], None
        for old, new in zip(before, session.run(variables), strict=True):
            assert np.array_equal(old, new), failed
    place[0] = None
    session.run(step, feeds)
    after = session.run(variables)
    reference = Session(backend="numpy")  # what the failing one computes with
    for _ in range(2):
        reference.run(step, feeds)
    assert all(np.array_equal(a, r) for a, r in zip(after, reference.run(variables), strict=True))
    assert after[2] == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError, SystemExit, GeneratorExit])
def test_a_users_operation_that_raises_at_each_place_in_turn(error):
    calls, at = [0], [None]

    class checkpoint(Operation):
        def compute(self, x_value):
            calls[0] += 1
            if calls[0] == at[0]:
                raise error("here")
            return x_value

    v, w = Variable(1.0), Variable([1.0, 2.0])
    first = sg.assign(v, checkpoint([checkpoint([v]) + 1.0]))
    with sg.control_dependencies([first]):
        second = sg.assign_add(w, checkpoint([v * w]))
    last = checkpoint([sg.reduce_sum(second)])
    session = Session()
    for at[0] in range(1, 5):
        calls[0] = 0
        with pytest.raises(error, match="here"):
            session.run([last, first])
        assert calls[0] == at[0]
        at[0] = None
        assert session.run(v) == 1.0
        assert session.run(w).tolist() == [1.0, 2.0]
    at[0] = None
    assert session.run([last, first]) == [9.0, 2.0]
    assert session.run(w).tolist() == [3.0, 6.0]


def test_an_error_in_a_users_operation_tells_where():
    class bad(Operation):
        def compute(self, x_value):
            raise ZeroDivisionError("mine")

    x = placeholder(name="x")
    y = bad([x])
    with pytest.raises(ZeroDivisionError) as caught:
        Session().run(y, {x: np.ones((2, 3))})
    assert str(caught.value) == "mine"
    (note,) = caught.value.__notes__
    assert all(text in note for text in ("'bad'", "x (2, 3)", __file__, str(y.origin[1])))


def interrupted_at_line(number, work):
    """Calls `work`, with a KeyboardInterrupt at the line of the package that is executed as the `number`-th; how many lines were executed."""
    package, count = os.path.dirname(sg.__file__), 0

    def trace(frame, event, argument):
        nonlocal count
        if not frame.f_code.co_filename.startswith(package):
            return None
        if event == "line":
            count += 1
            if count == number:
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt:
        assert count >= number
    finally:
        sys.settrace(None)
    return count


@pytest.mark.skipif(
    sys.gettrace() is not None, reason="another tracer is at work, a debugger or a measurement of coverage"
)
@pytest.mark.parametrize("fresh", [False, True], ids=["a later run", "the first run"])
def test_an_interrupt_at_any_line_leaves_all_old_values_or_all_new_ones(fresh):
    x, variables, loss, step = model()
    feeds = {x: [[1.0, -1.0], [0.5, 2.0]]}
    states = [(reference := Session()).run(variables)]
    for _ in range(100):
        reference.run(step, feeds)
        states.append(reference.run(variables))
    session, done, changes = Session(), 0, set()
    total = interrupted_at_line(None, lambda: session.run([loss, step], feeds))
    if fresh:
        session = Session()
    else:
        done, total = 2, interrupted_at_line(None, lambda: session.run([loss, step], feeds))
    for number in sorted({*range(1, 30), *range(30, total, total // 60), *range(total - 20, total + 1)}):
        interrupted_at_line(number, partial(session.run, [loss, step], feeds))
        with ThreadPoolExecutor(1) as other:  # another thread: no lock is held
            values = other.submit(session.run, variables).result(20)
        count = int(values[2])
        assert all(np.array_equal(a, b) for a, b in zip(values, states[count], strict=True)), number
        changes.add(count - done)
        session, done = (Session(), 0) if fresh else (session, count)
    assert changes == {0, 1}  # the last lines of a run come after its changes


# --- what is around a run


def test_floating_point_errors_of_the_caller_are_respected_and_restored():
    x, y = sympy.symbols("x y")
    f = sg.function([x, y], [x / y, sympy.exp(x), sympy.Piecewise((1 / x, sympy.Ne(x, 0)), (0, True))])
    node = placeholder(np.float32, name="n")
    v = Variable(sg.constant(1e-300) * 1.0, dtype=np.float32)
    session = Session()
    with np.errstate(all="raise"):
        for first in (0.0, 1e308, np.array([0.0, 1e-308])):
            f(first, 0.0)
            session.run([x / y, x * x], {x: first, y: 0})
        session.run(node / 0.0, {node: 1e-300})
        session.run([v, Variable(1e-300, dtype=np.float32), sg.constant(1e-300, dtype=np.float32)])
        sg.function([x], x, dtype=np.float32)(np.array([1e-300]))
        assert set(np.geterr().values()) == {"raise"}
        with pytest.raises(ValueError):
            session.run(node @ node, {node: np.ones((2, 3))})
        assert set(np.geterr().values()) == {"raise"}
        with pytest.raises(FloatingPointError):
            np.float64(1.0) / np.float64(0.0)


def test_no_setting_of_the_process_is_changed():
    import mpmath

    filters, precision, limit = list(warnings.filters), mpmath.mp.dps, sys.getrecursionlimit()
    errors, options = np.geterr(), np.get_printoptions()
    x = sympy.Symbol("x")
    sg.function([x], sympy.sin(x) + sympy.pi)(1.0)
    Session().run(sines(2000, x), {x: 1.0})
    assert list(warnings.filters) == filters
    assert (mpmath.mp.dps, sys.getrecursionlimit(), np.geterr()) == (precision, limit, errors)
    assert str(np.get_printoptions()) == str(options)


def test_functions_travel():
    import cloudpickle

    x, y = sympy.symbols("x y")
    f = sg.function([x, (y,)], {"a": x + y, "b": [sympy.Matrix([[x, 1]])]}, name="g", dtype=np.float32)
    for carried in (
        copy.copy(f),
        copy.deepcopy(f),
        pickle.loads(pickle.dumps(f)),
        cloudpickle.loads(cloudpickle.dumps(f)),
    ):
        result = carried(1.0, [2.0])
        assert result["a"] == 3.0
        assert result["a"].dtype == np.float32
        assert result["b"][0].tolist() == [[1.0, 1.0]]
        assert carried.__name__ == "g"
        assert repr(carried) == repr(f)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_locks_that_another_thread_holds_are_free_after_a_fork():
    started, release = threading.Event(), threading.Event()

    class waiting(Operation):
        def compute(self, x_value):
            started.set()
            release.wait(30)
            return x_value

    v = Variable(1.0)
    graph, more, slow = v.graph, sg.assign_add(v, 1.0), sg.assign(v, waiting([v]))
    session = Session()
    session.run(v)
    thread = threading.Thread(target=session.run, args=(slow,))
    thread.start()
    assert started.wait(30)
    with graph._lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 and later warn of forks beside threads
        child = os.fork()
        if child == 0:  # pragma: no cover
            signal.alarm(20)
            code = 1
            try:
                results: list = []
                other = threading.Thread(target=lambda: results.append(session.run([more, v * 2.0 + 1.0])))
                other.start()
                other.join(10)
                code = 0 if results == [[2.0, 3.0]] else 2
            finally:
                os._exit(code)
    release.set()
    thread.join(30)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


# --- graphs and sessions


def test_a_session_may_be_closed_while_a_run_is_under_way():
    started, release, outcome = threading.Event(), threading.Event(), []

    class waiting(Operation):
        def compute(self, x_value):
            started.set()
            release.wait(30)
            return x_value

    v = Variable(1.0)
    session = Session()

    node = sg.assign(v, waiting([v * 2.0]))

    def run():
        with pytest.raises(RuntimeError, match="closed Session"):
            session.run(node)
        outcome.append("refused")

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(30)
    session.close()
    release.set()
    thread.join(30)
    assert outcome == ["refused"]
    assert session._values == {}


def test_an_operation_may_run_the_session_that_runs_it():
    v = Variable(1.0)
    session = Session()
    inner = v * 10.0

    class nested(Operation):
        def compute(self, x_value):
            return session.run(inner) + x_value

    assert session.run(sg.assign_add(v, nested([v]))) == 12.0
    assert session.run(v) == 12.0


def test_nothing_is_left_of_thousands_of_builds():
    x = sympy.Symbol("x")
    for i in range(50):
        sg.function([x], x + i)(1.0)
    gc.collect()
    before = len(gc.get_objects())
    for i in range(300):
        sg.function([x], x + i)(1.0)
        Session().run(x + i, {x: 1.0})
    gc.collect()
    assert len(gc.get_objects()) - before < 3000  # SymPy's own caches grow a little
