"""Graphs: names, scopes, collections, operators, the walk, control dependencies, life time."""

import copy
import gc
import pickle
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
import sympy

import symgraph as sg
from symgraph import Graph, Operation, Session, Variable, gradients, name_scope, placeholder
from symgraph.graph import postorder
from symgraph.program import Program

# --- names


def test_names_are_unique_and_count_up():
    assert [placeholder(name="c").name for _ in range(3)] == ["c", "c_1", "c_2"]
    assert placeholder(name="c_1").name == "c_1_1"
    assert placeholder().name == "placeholder"
    assert (placeholder() + 1).name == "add"


def test_a_node_that_is_given_a_name_has_it():
    x = placeholder(name="x")
    y = x + 1
    z = sg.add(x, 1, name="z")
    assert (y.name, z.name) == ("add", "z")
    assert Session().run("z", {x: 1}) == 2
    assert sg.add(x, 1) is y


@pytest.mark.parametrize(
    "name", ["a b", "α", "λ_1", "x'\"\n", "", "a/b", "class", "x;import os", "{}", "%s", "a" * 5000]
)
def test_any_text_is_a_name(name):
    x = placeholder(name=name)
    y = x * 2
    assert Session().run([y, y.name], {x.name: 4}) == [8, 8]
    assert x.name == (name or "placeholder")
    assert repr(x) and "\n" not in repr(x)


def test_a_name_that_is_not_text_is_refused():
    with pytest.raises(TypeError, match="name"):
        placeholder(name=3)


def test_name_scopes_as_in_tensorflow():
    graph = Graph()
    with graph.as_default():
        with name_scope("foo") as scope:
            assert scope == "foo/"
            assert placeholder(name="x").name == "foo/x"
            with name_scope("bar"):
                assert placeholder(name="x").name == "foo/bar/x"
        with graph.name_scope("foo") as again:
            assert again == "foo_1/"
            assert placeholder(name="x").name == "foo_1/x"
        with name_scope(scope):  # with the slash: entered again
            assert placeholder(name="x").name == "foo/x_1"
        with name_scope(None, default_name="baz"):
            assert placeholder(name="x").name == "baz/x"
    assert placeholder(name="x").name == "x"


def test_a_scope_is_left_when_its_block_fails():
    with pytest.raises(RuntimeError), name_scope("foo"):
        raise RuntimeError
    assert placeholder(name="x").name == "x"


def test_gradients_are_named_in_a_scope_of_their_own():
    x = placeholder()
    y = x * x
    first, second = gradients(y, x)[0], gradients(sg.exp(x), x)[0]
    assert first.name.startswith("gradients/")
    assert second.name.startswith("gradients_1/")


def test_unknown_names_give_close_ones():
    placeholder(name="velocity")
    with pytest.raises(ValueError, match=r"'velocty'.*Did you mean 'velocity'"):
        sg.get_default_graph().get_operation_by_name("velocty")
    node = sg.get_default_graph().get_tensor_by_name("velocity:0")
    assert node.name == "velocity"


# --- collections


def test_collections_as_in_tensorflow():
    graph = sg.get_default_graph()
    assert graph.get_collection("nokey") == []
    a, sv = Variable(0.0, name="s/a"), Variable(0.0, name="sv", trainable=False)
    assert graph.get_collection("variables") == [a, sv]
    assert graph.get_collection("trainable_variables") == [a]
    assert graph.get_collection("variables", scope="s") == [a, sv]  # re.match on the name
    assert graph.get_collection("variables", scope="s/") == [a]
    graph.add_to_collection("losses", 3)
    copied, live = graph.get_collection("losses"), graph.get_collection_ref("losses")
    copied.append(4)
    live.append(5)
    assert graph.get_collection("losses") == [3, 5]


def test_the_live_list_of_variables_is_the_one_that_optimisers_read():
    a, b = Variable(1.0), Variable(2.0)
    graph = sg.get_default_graph()
    graph.get_collection_ref("trainable_variables").remove(b)
    assert graph.get_collection("trainable_variables") == [a]
    assert graph.get_collection("variables") == [a, b]
    step, session = sg.train.GradientDescentOptimizer(0.5).minimize(a * a + b * b), Session()
    session.run(step)
    assert session.run([a, b]) == [0.0, 2.0]


# --- the default graph


def test_as_default_takes_effect_at_the_call_and_as_a_block():
    outer = sg.get_default_graph()
    with Graph().as_default() as inner:
        assert sg.get_default_graph() is inner
        with Graph().as_default() as innermost:
            assert sg.get_default_graph() is innermost
        assert sg.get_default_graph() is inner
    assert sg.get_default_graph() is outer
    statement = Graph()
    statement.as_default()
    assert placeholder().graph is statement


def test_one_as_default_entered_twice():
    outer, graph = sg.get_default_graph(), Graph()
    block = graph.as_default()
    with block:
        with block:
            assert sg.get_default_graph() is graph
        assert sg.get_default_graph() is graph
    assert sg.get_default_graph() is outer
    with block:
        assert sg.get_default_graph() is graph
    assert sg.get_default_graph() is outer


def test_reset_default_graph():
    x = placeholder()
    sg.reset_default_graph()
    assert sg.get_default_graph() is not x.graph
    assert len(sg.get_default_graph()) == 0
    with Graph().as_default(), pytest.raises(AssertionError, match="Do not use reset_default_graph"):
        sg.reset_default_graph()
    sg.reset_default_graph()  # after the block it may be used again


def test_operations_take_their_graph_from_their_inputs():
    with Graph().as_default() as graph:
        x, w = placeholder(), Variable(1.0)
    assert sg.get_default_graph() is not graph
    y = 2 * sg.exp(x) + [1, 2]
    assert y.graph is sg.assign(w, y).graph is gradients(y, x)[0].graph is Variable(y).graph is graph
    assert len(sg.get_default_graph()) == 0


def test_mixing_graphs_names_both_nodes_and_both_graphs():
    first, second = Graph(), Graph()
    with first.as_default():
        x = placeholder(name="x")
    with second.as_default():
        y = placeholder(name="y")
    for build in (lambda: x + y, lambda: sg.concat([x, y]), lambda: gradients(x, y), lambda: Operation([x, y])):
        with pytest.raises(sg.GraphMismatchError, match="must be from the same graph") as caught:
            build()
        assert all(part in str(caught.value) for part in ("'x'", "'y'", hex(id(first)), hex(id(second))))


# --- limits


def test_a_finalized_graph_takes_no_node():
    x = placeholder(name="x")
    y, graph = x + 1, x.graph
    graph.finalize()
    for build in (lambda: x * 2, lambda: placeholder(), lambda: Variable(0), lambda: gradients(y, x)):
        with pytest.raises(RuntimeError, match="Graph is finalized and cannot be modified"):
            build()
    assert x + 1 is y  # nothing new
    assert Session().run(y, {x: 1}) == 2
    s = sympy.Symbol("s")
    assert Session().run(s * 2, {s: 3}) == 6  # an expression's nodes are in a graph of their own


def test_max_nodes():
    with Graph(max_nodes=3).as_default() as graph:
        x = placeholder()
        y = x + 1
        with pytest.raises(sg.GraphTooLargeError, match=r"3 nodes.*max_nodes=3"):
            y * y
        with pytest.raises(MemoryError):
            y * y
    assert len(graph) == 3
    assert y.consumers == []
    assert Session(graph).run(y, {x: 1}) == 2


def test_cycles_are_named():
    x = placeholder(name="x")
    a = sg.sin(x, name="a")
    b = sg.cos(a, name="b")
    c = sg.tan(b, name="c")
    a.input_nodes[0] = b
    for fetch in (a, b, c):
        with pytest.raises(sg.CycleError, match=r"a -> b -> a|b -> a -> b"):
            Session().run(fetch, {x: 1.0})
    with pytest.raises(sg.CycleError):
        gradients(c, x)
    b.input_nodes[0] = b
    with pytest.raises(sg.CycleError, match=r"b -> b\."):
        Program.of([c])


def test_a_long_cycle_has_a_short_message():
    x = first = sg.sin(placeholder())
    for _ in range(5000):
        x = sg.negative(x)
    first.input_nodes[0] = x
    with pytest.raises(sg.CycleError) as caught:
        Program.of([x])
    assert "sin" in str(caught.value)
    assert len(str(caught.value)) < 2000


# --- nodes as Python objects


@pytest.mark.parametrize(
    "use", [bool, iter, len, np.asarray, float, complex, list, lambda t: 1 if t else 0, lambda t: 3 in t]
)
def test_a_node_is_no_value(use):
    with pytest.raises(TypeError) as caught:
        use(placeholder(name="t"))
    assert "sess.run" in str(caught.value)
    assert "'t'" in str(caught.value)


def test_equality_is_identity_and_nodes_are_keys():
    x, y = placeholder(), placeholder()
    assert x == x
    assert x != y
    assert {x: 1, y: 2}[y] == 2
    assert y not in [x]


X, Y = np.array([5.0, -7.0]), np.array([2.0, 3.0])
M = np.array([[1.0, 2.0], [3.0, 4.0]])
BINARY = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: a**b,
    "@": lambda a, b: a @ b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


@pytest.mark.parametrize("sign", BINARY)
def test_operators(sign):
    operator = BINARY[sign]
    x, y = placeholder(), placeholder()
    built = [operator(x, y), operator(x, Y), operator(X, y), operator(x, [2.0, 3.0]), operator([5.0, -7.0], y)]
    for value in Session().run(built, {x: X, y: Y}):
        assert np.array_equal(value, operator(X, Y))
    if sign != "@":
        assert np.array_equal(
            Session().run([operator(x, 2), operator(2.0, y)], {x: X, y: Y}), [operator(X, 2), operator(2.0, Y)]
        )


def test_unary_operators_and_indexing():
    x, p = placeholder(), placeholder()
    assert np.array_equal(Session().run([-x, +x, abs(x)], {x: X}), [-X, X, abs(X)])
    values = Session().run([x[0], x[..., 1], x[:, None], x[::-1, 0], x.T], {x: M})
    for value, wanted in zip(values, [M[0], M[..., 1], M[:, None], M[::-1, 0], M.T], strict=True):
        assert np.array_equal(value, wanted)
    truth = np.array([True, False])
    assert np.array_equal(
        Session().run([~p, p & True, p | True, p ^ True], {p: truth}), [~truth, truth, truth | True, ~truth]
    )


def test_a_sympy_expression_among_nodes_is_sent_to_translate():
    s = sympy.Symbol("s")
    with pytest.raises(TypeError, match=r"translate\(s \+ 1\)"):
        sg.add(placeholder(), s + 1)
    assert (placeholder() * 0 + sympy.Rational(1, 2)).input_nodes[1].value == 0.5


def test_nodes_graphs_and_sessions_say_that_they_cannot_be_pickled():
    x = placeholder()
    for thing in (x, x + 1, x.graph, Session()):
        for carry in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match=r"cannot be pickled or copied.*Function"):
                carry(thing)


def test_the_origin_of_a_node_is_the_users_line():
    x = placeholder()
    y = x + 1
    assert y.origin[0] == __file__
    assert y.origin[1] == x.origin[1] + 1


# --- shapes when the node is built


@pytest.mark.parametrize(
    ("build", "numbers"),
    [
        (lambda a, b: a + b, ["(2, 3)", "(4, 3)", "add"]),
        (lambda a, b: a @ b, ["3 and 4", "matmul"]),
        (lambda a, b: sg.reshape(a, (4, 2)), ["(2, 3)", "(4, 2)"]),
        (lambda a, b: sg.concat([a, sg.transpose(b)], axis=0), ["(2, 3)", "(3, 4)"]),
        (lambda a, b: a[5], ["5", "(2, 3)"]),
        (lambda a, b: sg.transpose(a, [0, 0]), ["(0, 0)", "(2, 3)"]),
        (lambda a, b: sg.reduce_sum(a, axis=2), ["2", "(2, 3)"]),
        (lambda a, b: sg.broadcast_to(a, (2, 4)), ["(2, 3)", "(2, 4)"]),
        (lambda a, b: sg.assign(Variable(np.zeros((2, 3))), b), ["(4, 3)", "(2, 3)"]),
    ],
)
def test_shapes_that_clash_are_an_error_when_the_node_is_built(build, numbers):
    a, b = placeholder(float, (2, 3), "a"), placeholder(float, (4, 3), "b")
    with pytest.raises(ValueError) as caught:
        build(a, b)
    assert all(text in str(caught.value) for text in numbers)


def test_a_clash_inside_an_expression_names_the_part():
    s, t = sympy.symbols("s t")
    with pytest.raises(sg.ShapeError, match=r"\(3,\) and \(7,\).*from the SymPy expression t\*sin\(s\)"):
        sg.translate(1 + t * sympy.sin(s), bindings={s: placeholder(float, (7,)), t: placeholder(float, (3,))})


def test_a_clash_at_run_time_names_the_operation_its_inputs_and_the_line():
    a, b = placeholder(name="a"), placeholder(name="b")
    c = a @ b
    with pytest.raises(ValueError) as caught:
        Session().run(c, {a: np.ones((2, 3)), b: np.ones((4, 2))})
    notes = "\n".join(caught.value.__notes__)
    assert all(text in notes for text in ("'matmul'", "a (2, 3)", "b (4, 2)", __file__, str(c.origin[1])))


# --- the walk


def test_postorder_is_iterative_and_each_node_comes_once_after_its_inputs():
    x = placeholder()
    y = x
    for _ in range(20_000):
        y = sg.negative(y)
    order = postorder([y, x, y])
    assert len(order) == len(set(order)) == 20_001
    assert (order[0], order[-1]) == (x, y)


# --- interning


def test_equal_pure_nodes_are_one_node_and_impure_ones_are_not():
    x = placeholder()
    assert x + 1 is x + 1
    assert sg.reduce_sum(x, axis=0) is not sg.reduce_sum(x, axis=1)
    assert sg.identity(x) is not sg.identity(x)
    w = Variable(0)
    assert sg.assign(w, 1) is not sg.assign(w, 1)
    assert sg.constant([1, 2]) is sg.constant([1, 2])
    assert sg.constant([1, 2]) is not sg.constant([1.0, 2.0])


def test_attributes_that_are_equal_but_not_the_same_make_two_nodes():
    class scale(sg.PureOperation):
        attributes = ("factor",)

        def __init__(self, x, factor):
            super().__init__([x])
            self.factor = factor

        def compute(self, x, *, xp=np):
            return x * self.factor

    x = placeholder()
    scaled = [scale(x, factor) for factor in (1, 1.0, True, 0.0, -0.0, (1, 2), (1.0, 2.0))]
    assert len(set(scaled)) == len(scaled)
    assert scale(x, 1.0) is scaled[1]
    assert scale(x, (1, 2)) is scaled[5]
    nan = float("nan")
    assert scale(x, nan) is scale(x, nan)
    assert np.signbit(Session().run(scaled[3:5], {x: 1.0})).tolist() == [False, True]


def test_a_pure_operation_with_an_attribute_that_is_no_key_is_not_shared():
    class weigh(sg.PureOperation):
        attributes = ("weights",)

        def __init__(self, x, weights):
            super().__init__([x])
            self.weights = weights

        def compute(self, x, *, xp=np):
            return xp.sum(x * np.asarray(self.weights))

    x = placeholder()
    first, second = weigh(x, np.array([1, 2])), weigh(x, [1, 3])
    assert Session().run([first, second], {x: [10, 10]}) == [30, 40]


# --- life time


def collected(references):
    gc.collect()
    return [reference for reference in references if reference() is not None] == []


def test_functions_that_are_dropped_leave_no_graph_behind():
    x, y = sympy.symbols("x y")
    references = []
    for i in range(1000):
        f = sg.function((x, y), sympy.sin(x) * i + y)
        references.append(weakref.ref(f.graph))
    assert f(0.0, 1.0) == 1.0
    del f
    assert collected(references)


def test_a_graph_goes_with_its_nodes_and_sessions():
    references = []
    for _ in range(20):
        with Graph().as_default() as graph:
            w = Variable(1.0)
            step = sg.train.GradientDescentOptimizer(0.1).minimize(w * w)
            with Session() as session:
                session.run(step)
            references += [weakref.ref(graph), weakref.ref(session), weakref.ref(step)]
    del graph, w, step, session
    assert collected(references)


def test_a_node_keeps_its_graph():
    with Graph().as_default():
        y = placeholder(name="x") + 1
    gc.collect()
    assert Session(y.graph).run("add", {"x": 2}) == 3


def test_doctests_start_from_an_empty_default_graph_also_when_they_run_alone():
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "symgraph", "-k", "symgraph.graph"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
