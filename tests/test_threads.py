"""Threads and asyncio tasks: one session, one graph, one Function used by many at once; defaults of each their own."""

import asyncio
import contextvars
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sympy

import symgraph as sg
from symgraph import Graph, Operation, Session, Variable, name_scope, placeholder
from symgraph.graph import being_translated
from symgraph.program import Program


@pytest.fixture(autouse=True)
def switch_often():
    """Let the interpreter change threads as often as it can, so that races happen."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def in_threads(count, work):
    """The results of `work(i)`, all begun at the same time; an error in one is an error here."""
    barrier = threading.Barrier(count)

    def start(i):
        barrier.wait(30)
        return work(i)

    with ThreadPoolExecutor(count) as pool:
        return [future.result(60) for future in [pool.submit(start, i) for i in range(count)]]


def bits(values):
    return [np.asarray(value).tobytes() for value in values]


# --- one session


def test_a_hundred_runs_at_once_give_the_bits_of_serial_ones():
    x = placeholder(float)
    w, b = Variable(np.random.default_rng(0).normal(size=(3, 3))), Variable(0.1)
    y = sg.sigmoid(sg.sin(x @ w) + b)
    loss = sg.reduce_sum(y * y)
    fetches = [y, loss, *sg.gradients(loss, [w, b, x])]
    s = sympy.Symbol("s")
    expression = sympy.sin(s) ** 2 + sympy.exp(-s)
    feeds = [np.random.default_rng(i).normal(size=(2, 3)) for i in range(100)]
    serial = Session()
    wanted = [bits(serial.run([*fetches, expression], {x: feed, s: feed})) for feed in feeds]
    shared = Session()  # nothing is compiled, translated or initialised yet
    got = in_threads(
        20, lambda k: [bits(shared.run([*fetches, expression], {x: f, s: f})) for f in feeds[5 * k : 5 * k + 5]]
    )
    assert [result for part in got for result in part] == wanted


def test_a_variable_is_initialised_once_for_all_threads():
    drawn = []

    class draw(Operation):
        def compute(self):
            drawn.append(sum(range(20_000)))  # long enough for other threads to come by
            return np.random.default_rng().normal(size=3)

    first = Variable(draw())
    second = Variable(first * 2.0)
    session = Session()
    fetches = [second, [first, second], second * 1.0]
    results = in_threads(24, lambda i: np.ravel(session.run(fetches[i % 3])).tolist())
    a, b = session.run([first, second])
    assert len(drawn) == 1
    assert np.array_equal(b, 2 * a)
    assert all(result == [b.tolist(), [*a, *b], b.tolist()][i % 3] for i, result in enumerate(results))


def test_assignments_at_once_lose_nothing():
    v, w = Variable(0), Variable(np.zeros(4))
    add, many = sg.assign_add(v, 1), sg.assign_add(w, np.arange(4.0))
    both = sg.group(add, many)
    session = Session()

    def work(i):
        for _ in range(50):
            session.run(both if i % 2 else [add, many])

    in_threads(8, work)
    assert session.run(v) == 400
    assert session.run(w).tolist() == [0.0, 400.0, 800.0, 1200.0]


def test_a_run_sees_all_of_another_runs_changes_or_none():
    a, b = Variable(1.0), Variable(-1.0)
    double = sg.group(sg.assign(a, a * 2.0), sg.assign(b, b * 2.0))
    both = [a, b, a + b]
    session = Session()

    def work(i):
        if i % 2:
            return [session.run(double) for _ in range(100)]
        return [session.run(both) for _ in range(300)]

    results = in_threads(6, work)
    for values in results[::2]:
        assert all(first == -second and total == 0 for first, second, total in values)
        assert [first for first, _, _ in values] == sorted(first for first, _, _ in values)
    assert session.run(a) == 2.0**300


def test_a_counter_under_control_dependencies_gives_each_number_once():
    counter = Variable(0)
    with sg.control_dependencies([sg.assign_add(counter, 1)]):
        ticket = sg.identity(counter)
    session = Session()
    results = in_threads(8, lambda i: [session.run(ticket) for _ in range(25)])
    assert sorted(number for part in results for number in part) == list(range(1, 201))
    assert all(part == sorted(part) for part in results)


def test_failing_runs_beside_others_change_nothing():
    class checked(Operation):
        def compute(self, x_value):
            if x_value < 0:
                raise ArithmeticError("negative")
            return x_value

    x, v = placeholder(), Variable(0.0)
    add = sg.assign_add(v, checked([x]))
    session = Session()

    def work(i):
        failed = 0
        for k in range(50):
            try:
                session.run(add, {x: -1.0 if k % 5 == i % 5 else 1.0})
            except ArithmeticError:
                failed += 1
        return failed

    assert in_threads(8, work) == [10] * 8
    assert session.run(v) == 320.0


def test_more_programs_than_the_cache_holds():
    x = placeholder()
    nodes = [x + i for i in range(400)]
    session = Session()

    def work(i):
        return [session.run(nodes[(k + 50 * i) % 400], {x: 0}) == (k + 50 * i) % 400 for k in range(400)]

    assert all(all(part) for part in in_threads(6, work))


# --- one Function, one graph


def test_a_function_called_by_many():
    x, y = sympy.symbols("x y")
    A = sympy.MatrixSymbol("A", 2, 2)
    f = sg.function([x, y, A], [sympy.sin(x) * y, x * A, {"c": 3}])
    fresh = sg.function([x, y, A], [sympy.sin(x) * y, x * A, {"c": 3}])
    dtypes = [np.float32, np.float64, np.complex64]

    def call(function, i):
        dtype = dtypes[i % 3]
        first, second, third = function(np.arange(4, dtype=dtype), dtype(i), np.full((2, 2), i, dtype))
        return [first.dtype.str, second.dtype.str, *bits([first, second, third["c"]])]

    wanted = [call(f, i) for i in range(48)]
    got = in_threads(16, lambda k: [call(fresh, i) for i in range(3 * k, 3 * k + 3)])
    assert [result for part in got for result in part] == wanted


def test_functions_built_at_once():
    symbols = sympy.symbols("a b c")

    def build(i):
        values = []
        for k in range(10):
            expression = sympy.sin(symbols[0] * (i + 1)) + symbols[1] ** (k % 3 + 2) / symbols[2]
            f = sg.function(symbols, [expression, sympy.diff(expression, symbols[1])])
            values += f(0.5, 2.0, 4.0)
        return values

    for i, values in enumerate(in_threads(8, build)):
        for k in range(10):
            power = k % 3 + 2
            assert values[2 * k] == pytest.approx(np.sin(0.5 * (i + 1)) + 2.0**power / 4, rel=1e-14)
            assert values[2 * k + 1] == pytest.approx(power * 2.0 ** (power - 1) / 4, rel=1e-14)


def test_one_graph_built_by_many():
    x = placeholder(name="x")
    graph = x.graph

    def build(i):
        y = x
        for k in range(100):
            y = sg.sin(y) + k  # the same nodes in every thread
            z = y * float(1000 * i + k)  # other ones
        return y, z

    built = in_threads(8, build)
    assert len({y for y, _ in built}) == 1
    assert len({z for _, z in built}) == 8
    names = [node.name for node in [*graph.operations, *graph.constants, *graph.placeholders]]
    assert len(names) == len(set(names)) == len(graph)
    assert len(x.consumers) == 1
    for node in graph.operations:
        assert all(source.consumers.count(node) == 1 for source in set(node.input_nodes))
    assert len(Program.of([built[0][0]])[0].steps) == 200
    session = Session()
    results = in_threads(8, lambda i: session.run(built[i][1], {x: 0.5}))
    assert results == [Session().run(z, {x: 0.5}) for _, z in built]


def test_leaves_of_one_name_made_by_many():
    graph = Graph()

    def work(i):
        with graph.as_default():
            return [kind(name="n") for _ in range(200) for kind in (placeholder, lambda name: Variable(0, name))]

    nodes = [node for part in in_threads(8, work) for node in part]
    assert len({node.name for node in nodes}) == len(nodes) == len(graph) == 3200
    assert all(graph.get_operation_by_name(node.name) is node for node in nodes)


def test_one_graph_extended_while_it_runs():
    x = placeholder(float)
    session = Session()

    def work(i):
        y, results = x, []
        for k in range(60):
            y = y + float(i * k)
            results.append(session.run(y, {x: 0.0}))
        return results

    for i, results in enumerate(in_threads(6, work)):
        assert results == [float(i * k * (k + 1) / 2) for k in range(60)]


def test_one_symbol_translated_into_one_graph_by_many():
    s, graph = sympy.Symbol("s"), Graph()

    def work(i):
        with graph.as_default():
            return [sg.translate(sympy.cos(s) * k + i) for k in range(20)]

    session = Session(graph)
    for i, nodes in enumerate(in_threads(6, work)):
        assert session.run(nodes, {s: 0.0}) == [float(k + i) for k in range(20)]
    assert being_translated.get() is None


# --- defaults


def test_each_thread_has_a_default_graph_of_its_own():
    main = Graph()
    main.as_default()

    def work(i):
        before = sg.get_default_graph()
        graphs = []
        for _ in range(20):
            with Graph().as_default() as graph, name_scope(f"scope{i}"):
                x = placeholder(name="x")
                graphs.append((x.graph is graph, x.name, sg.get_default_graph() is graph))
        statement = Graph()
        statement.as_default()
        return before, graphs, placeholder().graph is statement

    results = in_threads(8, work)
    assert sg.get_default_graph() is main
    assert len(main) == 0
    befores = {before for before, _, _ in results}
    assert main not in befores
    assert len(befores) == 1  # the one of the process
    for i, (_, graphs, own) in enumerate(results):
        assert own
        assert graphs == [(True, f"scope{i}/x", True)] * 20


def test_each_thread_has_a_default_session_of_its_own():
    w = Variable(1.0)
    with Session() as session:
        session.run(sg.assign(w, 5.0))
        assert w.eval() == 5.0
        assert in_threads(4, lambda i: (sg.get_default_session(), w.eval())) == [(None, 1.0)] * 4
        context = contextvars.copy_context()
        assert in_threads(1, lambda i: context.run(w.eval)) == [5.0]


def test_control_dependencies_hold_in_their_thread_only():
    v = Variable(0)
    with sg.control_dependencies([sg.assign_add(v, 1)]):
        elsewhere = in_threads(1, lambda i: sg.identity(v))[0]
        here = sg.identity(v)
    assert elsewhere.control_inputs == ()
    session = Session()
    assert [session.run(elsewhere), session.run(here)] == [0, 1]


def test_asyncio_tasks_have_defaults_of_their_own():
    async def build(i):
        graph = Graph()
        if i % 2:
            graph.as_default()
            await asyncio.sleep(0)
            x = placeholder(name=f"x{i}")
        else:
            with graph.as_default(), name_scope(f"s{i}"):
                await asyncio.sleep(0)
                x = placeholder(name=f"x{i}")
                await asyncio.sleep(0)
        w = Variable(x * 0.0) if i % 2 else None
        await asyncio.sleep(0)
        with Session(graph) as session:
            await asyncio.sleep(0)
            assert sg.get_default_session() is session
            value = (x + i).eval({x: 1})
        assert w is None or w.graph is graph
        return x.graph is graph, x.name, value

    async def main():
        before = sg.get_default_graph()
        results = await asyncio.gather(*(build(i) for i in range(10)))
        assert sg.get_default_graph() is before
        assert len(before) == 0
        return results

    results = asyncio.run(main())
    assert results == [(True, f"x{i}" if i % 2 else f"s{i}/x{i}", 1 + i) for i in range(10)]


def test_runs_in_worker_threads_of_asyncio():
    x, v = placeholder(), Variable(0.0)
    add = sg.assign_add(v, x)
    session = Session()

    async def main():
        await asyncio.gather(*(asyncio.to_thread(session.run, add, {x: float(i)}) for i in range(40)))

    asyncio.run(main())
    assert session.run(v) == 780.0
