"""The tutorial "Deep Learning From Scratch" as its readers type it, and each fault of its own library as a test that it is not here.

The readers' code stands between the lines of dashes: with `import symgraph as ...` in the place of their own module, and nothing else changed.
"""

import numpy as np
import pytest

import symgraph as sg
from symgraph import Graph, Operation, Session, Variable, gradients, placeholder
from symgraph.program import Program

# ---------------------------------------------------------------- the classes that the tutorial has its readers write


class add(Operation):
    """Returns x + y element-wise."""

    def __init__(self, x, y):
        super().__init__([x, y])

    def compute(self, x_value, y_value):
        return x_value + y_value


class matmul(Operation):
    def __init__(self, a, b):
        super().__init__([a, b])

    def compute(self, a_value, b_value):
        return a_value.dot(b_value)


class sigmoid(Operation):
    def __init__(self, a):
        super().__init__([a])

    def compute(self, a_value):
        return 1 / (1 + np.exp(-a_value))


class softmax(Operation):
    def __init__(self, a):
        super().__init__([a])

    def compute(self, a_value):
        return np.exp(a_value) / np.sum(np.exp(a_value), axis=1)[:, None]


class log(Operation):
    def __init__(self, x):
        super().__init__([x])

    def compute(self, x_value):
        return np.log(x_value)


class multiply(Operation):
    def __init__(self, x, y):
        super().__init__([x, y])

    def compute(self, x_value, y_value):
        return x_value * y_value


class reduce_sum(Operation):
    def __init__(self, A, axis=None):
        super().__init__([A])
        self.axis = axis  # set after super().__init__, as in the tutorial

    def compute(self, A_value):
        return np.sum(A_value, self.axis)


class negative(Operation):
    def __init__(self, x):
        super().__init__([x])

    def compute(self, x_value):
        return -x_value


# ----------------------------------------------------------------


def affine():
    Graph().as_default()
    A = Variable([[1, 0], [0, -1]])
    b = Variable([1, 1])
    x = placeholder()
    y = matmul(A, x)
    z = add(y, b)
    return A, b, x, y, z


def test_affine_transformation_prints_what_the_tutorial_prints(capsys):
    *_, x, _, z = affine()
    session = Session()
    output = session.run(z, {x: [1, 2]})
    print(output)
    assert capsys.readouterr().out == "[ 2 -1]\n"  # [2 -1], as NumPy aligns it today
    assert output.dtype.kind == "i"


def test_the_graph_that_the_tutorial_draws():
    A, b, x, y, z = affine()
    graph = z.graph
    assert graph.operations == [y, z]
    assert graph.placeholders == [x]
    assert graph.variables == [A, b]
    assert list(y.input_nodes) == [A, x]
    assert list(z.input_nodes) == [y, b]
    assert (A.consumers, x.consumers, y.consumers, z.consumers) == ([y], [y], [z], [])


def test_library_names_do_the_same():
    Graph().as_default()
    x = placeholder()
    z = sg.add(sg.matmul(Variable([[1, 0], [0, -1]]), x), Variable([1, 1]))
    assert Session().run(z, {x: [1, 2]}).tolist() == [2, -1]


@pytest.mark.parametrize("ops", [None, sg], ids=["own classes", "library"])
def test_perceptron(ops):
    matmul_, add_, sigmoid_ = (ops.matmul, ops.add, ops.sigmoid) if ops else (matmul, add, sigmoid)
    Graph().as_default()
    x = placeholder()
    w = Variable([1, 1])
    b = Variable(0)
    p = sigmoid_(add_(matmul_(w, x), b))
    assert Session().run(p, {x: [3, 2]}) == pytest.approx(0.9933071490757153, rel=1e-15)  # 1 / (1 + exp(-5))


def test_softmax_classifier_with_own_classes():
    points = np.array([[2.0, 3.0], [-1.0, -2.0], [0.5, -0.5]])
    Graph().as_default()
    X = placeholder()
    W = Variable([[1, -1], [1, -1]])
    b = Variable([0, 0])
    p = softmax(add(matmul(X, W), b))
    first = 1 / (1 + np.exp(-2 * points.sum(axis=1)))  # of two classes with scores s and -s
    assert Session().run(p, {X: points}) == pytest.approx(np.stack([first, 1 - first], axis=1), rel=1e-14)


def test_cross_entropy_with_own_classes():
    Graph().as_default()
    p, c = placeholder(), placeholder()
    J = negative(reduce_sum(reduce_sum(multiply(c, log(p)), axis=1)))
    value = Session().run(J, {p: [[0.5, 0.5], [0.25, 0.75]], c: [[1, 0], [0, 1]]})
    assert value == pytest.approx(-np.log(0.5) - np.log(0.75), rel=1e-15)


def test_perceptron_training_as_in_the_tutorial():
    ts, rng = sg, np.random.default_rng(0)
    red_points = rng.normal(size=(50, 2)) - 2 * np.ones((50, 2))
    blue_points = rng.normal(size=(50, 2)) + 2 * np.ones((50, 2))
    # ----------------------------------------------------------------
    ts.Graph().as_default()

    X = ts.placeholder()
    c = ts.placeholder()

    W = ts.Variable(rng.normal(size=(2, 2)))
    b = ts.Variable(rng.normal(size=2))

    p = ts.softmax(ts.add(ts.matmul(X, W), b))
    J = ts.negative(ts.reduce_sum(ts.reduce_sum(ts.multiply(c, ts.log(p)), axis=1)))
    minimization_op = ts.train.GradientDescentOptimizer(learning_rate=0.01).minimize(J)

    feed_dict = {
        X: np.concatenate((blue_points, red_points)),
        c: [[1, 0]] * len(blue_points) + [[0, 1]] * len(red_points),
    }

    session = ts.Session()
    losses = []
    for _step in range(100):
        losses.append(session.run(J, feed_dict))
        session.run(minimization_op, feed_dict)

    W_value = session.run(W)
    b_value = session.run(b)
    # ----------------------------------------------------------------
    W0, b0 = W.initial_value, b.initial_value  # the same descent, by hand
    points, wanted = feed_dict[X], np.array(feed_dict[c], float)
    for loss in losses:
        scores = np.exp(points @ W0 + b0)
        chances = scores / scores.sum(axis=1, keepdims=True)
        assert loss == pytest.approx(-np.sum(wanted * np.log(chances)), rel=1e-9)
        W0, b0 = W0 - 0.01 * points.T @ (chances - wanted), b0 - 0.01 * (chances - wanted).sum(axis=0)
    assert W_value == pytest.approx(W0, rel=1e-9)
    assert b_value == pytest.approx(b0, rel=1e-9)
    predictions = session.run(p, feed_dict).argmax(axis=1)
    assert np.mean(predictions == wanted.argmax(axis=1)) == 1.0


def test_a_library_that_a_reader_trains_with_own_operation_and_gradient():
    class cube(Operation):
        def __init__(self, x):
            super().__init__([x])

        def compute(self, x_value):
            return x_value**3

        def gradient(self, grad):
            (x,) = self.input_nodes
            return [grad * 3 * x * x]

    w = Variable(2.0)
    step, session = sg.train.GradientDescentOptimizer(0.1).minimize(cube(w)), Session()
    session.run(step)
    assert session.run(w) == pytest.approx(2 - 0.1 * 3 * 4)


def test_compute_may_return_a_list_and_its_consumers_get_an_array():
    class pair(Operation):
        def compute(self, x_value):
            return [x_value, 2 * x_value]

    x = placeholder()
    y = pair([x])
    assert isinstance(Session().run(y, {x: 3}), np.ndarray)
    assert Session().run([y, y * 10], {x: 3})[1].tolist() == [30, 60]


def test_compute_without_inputs_and_without_init():
    class five(Operation):
        def compute(self):
            return 5

    assert (five() + 1).eval() == 6


def test_compute_that_keeps_its_inputs_as_the_tutorials_library_does():
    class noting(Operation):
        def compute(self, x_value, y_value):
            self.inputs = [x_value, y_value]
            return x_value + y_value

    x = placeholder()
    assert Session().run(noting([x, 1]), {x: [1, 2]}).tolist() == [2, 3]


def test_init_that_forgets_super_is_told_so():
    class forgetful(Operation):
        def __init__(self, x):
            self.x = x

    with pytest.raises(sg.GraphError, match=r"forgetful.*super\(\).__init__"):
        forgetful(1)


def test_missing_compute_and_missing_gradient_name_the_class():
    class lazy(Operation):
        pass

    x = placeholder()
    y = lazy([x])
    with pytest.raises(NotImplementedError, match="lazy has no `compute`"):
        Session().run(y, {x: 1.0})
    with pytest.raises(NotImplementedError, match="lazy has no `gradient`"):
        gradients(y, x)


# --- the faults of the tutorial's own library


def test_a_times_a_has_both_parts_of_its_gradient():
    A = placeholder(shape=(2, 2))
    value = np.array([[1.0, 2.0], [3.0, 5.0]])
    for square in (A @ A, sg.matmul(A, A)):
        (grad,) = gradients(square, A)
        ones = np.ones((2, 2))
        assert np.array_equal(Session().run(grad, {A: value}), ones @ value.T + value.T @ ones)


def test_the_same_node_twice_among_the_inputs_counts_twice():
    x = placeholder()
    (grad,) = gradients([x + x, x * x, x - x, x / x], x)
    assert Session().run(grad, {x: 3.0}) == 2 + 6 + 0 + 0


def test_doublings_are_linear_in_program_and_gradient():
    x = placeholder()
    y = x
    for _ in range(30):
        y = y + y
    assert len(Program.of([y])[0].steps) == 30
    assert Session().run(y, {x: 1}) == 2**30
    (grad,) = gradients(y, x)
    assert len(Program.of([grad])[0].steps) < 200
    assert Session().run(grad, {x: 1.0}) == 2.0**30


def test_doublings_by_a_readers_own_class():
    calls = []

    class counted_add(Operation):
        def compute(self, x_value, y_value):
            calls.append(1)
            return x_value + y_value

    x = placeholder()
    y = x
    for _ in range(30):
        y = counted_add([y, y])
    assert Session().run(y, {x: 1}) == 2**30
    assert len(calls) == 30


def test_no_value_stays_on_any_node():
    A, b, x, y, z = affine()
    loss = sg.reduce_sum(sg.log(x) * 2.0)
    nodes = (A, b, x, y, z, loss, *gradients(loss, x))
    before = {node: dict(node.__dict__) for node in nodes}
    Session().run(list(nodes), {x: [7.25, 1.5]})
    for node in nodes:
        assert node.__dict__.keys() == before[node].keys()
        assert all(node.__dict__[key] is value for key, value in before[node].items())


def test_two_sessions_on_one_graph_have_their_own_variables():
    w = Variable(1.0)
    more = sg.assign_add(w, 1.0)
    first, second = Session(), Session()
    first.run(more)
    first.run(more)
    assert (first.run(w), second.run(w)) == (3.0, 1.0)


def test_several_graphs_live_side_by_side():
    first, second = Graph(), Graph()
    first.as_default()
    x = placeholder(name="x")
    second.as_default()
    y = placeholder(name="x")
    z = x + 1  # takes its graph from its inputs, not from the default
    assert (z.graph, y.graph) == (first, second)
    assert second.operations == []
    assert Session(first).run(z, {x: 1}) == 2
    with pytest.raises(sg.GraphMismatchError, match="must be from the same graph"):
        x + y


def test_a_readers_own_class_add_does_not_hijack_the_operator():
    class add(Operation):
        def compute(self, x_value, y_value):
            return -1000

    class multiply(Operation):
        def compute(self, x_value, y_value):
            return -1000

    x = placeholder()
    assert Session().run([x + 1, x * 2, add([x, x])], {x: 1}) == [2, 2, -1000]
    (grad,) = gradients(x * x + x, x)  # what gradients build is the library's, too
    assert Session().run(grad, {x: 3.0}) == 7.0
    import sympy

    s = sympy.Symbol("s")
    assert Session().run(s + 1, {s: 1}) == 2


def test_a_readers_class_names_its_nodes_and_the_librarys_is_another():
    x = placeholder()
    own, library = add(x, x), sg.add(x, x)
    assert own is not library
    assert (own.name, library.name) == ("add", "add_1")
    assert add(x, x) is not own  # nothing is known of a reader's class: no sharing without asking


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_the_gradient_seed_is_one_where_y_is_not_finite(bad):
    x = placeholder()
    (grad,) = gradients(x * 3.0 + 1.0, x)
    assert Session().run(grad, {x: bad}) == 3.0


def test_depth_of_20_000_in_a_run_and_in_the_gradient():
    x = placeholder()
    y = x
    for _ in range(20_000):
        y = sg.negative(y)
    assert Session().run(y, {x: 1.5}) == 1.5
    (grad,) = gradients(y, x)
    assert Session().run(grad, {x: 1.5}) == 1.0


def test_runs_and_programs_leave_consumers_alone():
    A, b, x, y, z = affine()
    nodes = (A, b, x, y, z)
    before = [list(node.consumers) for node in nodes]
    session = Session()
    session.run([z, y, z], {x: [1, 2]})
    session.make_callable(z, [x])([1, 2])
    session.run(z, {y: [0, 0]})
    Program.of([z])
    assert [list(node.consumers) for node in nodes] == before
    assert len(z.graph) == len(nodes)


def test_an_operation_that_cannot_be_built_leaves_consumers_alone():
    x = placeholder(shape=(2, 3))
    with pytest.raises(sg.ShapeError, match=r"\(2, 3\).*\(2, 3\)"):
        x @ x
    assert x.consumers == []
    assert x.graph.operations == []


def test_shared_nodes_and_a_repeated_build_add_a_consumer_once():
    x = placeholder()
    y = x * x
    assert x * x is y
    assert x.consumers == [y]


def test_one_and_true_and_one_point_zero_are_three_constants():
    one, true, real = sg.constant(1), sg.constant(True), sg.constant(1.0)
    assert len({one, true, real}) == 3
    assert len({sg.constant(0.0), sg.constant(-0.0)}) == 2
    x = placeholder()
    assert Session().run([x * 1, x * 1.0], {x: 3}) == [3, 3.0]
    assert [type(v) for v in Session().run([x * 1, x * 1.0], {x: 3})] == [np.int64, np.float64]
