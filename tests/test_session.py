"""Sessions: what is fetched and fed, variables and the order of what changes them, expressions, defaults, caches."""

import collections
import dataclasses
import gc
import inspect
import weakref
from typing import Any, NamedTuple

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

import symgraph as sg
from symgraph import Graph, Session, Variable, control_dependencies, gradients, placeholder


class Pair(NamedTuple):
    first: Any
    second: Any


@dataclasses.dataclass
class Plain:
    a: Any
    b: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    a: Any
    total: Any = dataclasses.field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "total", [self.a, self.a])


# --- the structure of fetches


def test_every_structure_comes_back_as_it_was():
    x = placeholder(name="x")
    y, z = x + 1, x * 10
    run = Session().run
    feeds = {x: 2}
    assert run(y, feeds) == 3
    assert run([y, z], feeds) == [3, 20]
    assert run((y, z), feeds) == (3, 20)
    assert run({"b": y, "a": z}, feeds) == {"b": 3, "a": 20}
    assert list(run({"b": y, "a": z}, feeds)) == ["b", "a"]
    ordered = run(collections.OrderedDict([("z", y), ("a", z)]), feeds)
    assert type(ordered) is collections.OrderedDict
    assert list(ordered.items()) == [("z", 3), ("a", 20)]
    with_default = run(collections.defaultdict(list, {"a": y}), feeds)
    assert with_default == {"a": 3}
    assert with_default["new"] == []
    assert run(Pair(y, [z, y]), feeds) == Pair(3, [20, 3])
    assert run(Plain(y, {"k": z}), feeds) == Plain(3, {"k": 20})
    frozen = run(Frozen(y), feeds)
    assert (type(frozen), frozen.a, frozen.total) == (Frozen, 3, [3, 3])
    assert run([[], (), {}, [[y], [(z,)]]], feeds) == [[], (), {}, [[3], [(20,)]]]
    assert run([]) == []
    assert run(()) == ()
    assert run({}) == {}


def test_the_structure_that_was_given_is_not_changed():
    x = placeholder()
    fetches = [x, {"k": [x]}, Plain(x, x)]
    Session().run(fetches, {x: 1})
    assert fetches[:2] == [x, {"k": [x]}]
    assert fetches[2].a is x


def test_deep_and_cyclic_structures():
    x = placeholder()
    deep = x
    for _ in range(5000):
        deep = [deep]
    result = Session().run(deep, {x: 1})
    for _ in range(5000):
        (result,) = result
    assert result == 1
    cyclic = [x]
    cyclic.append({"again": cyclic})
    with pytest.raises(sg.ArgumentError, match="cyclic structure"):
        Session().run(cyclic, {x: 1})


def test_what_is_fetched_twice_is_computed_once_and_given_twice():
    calls = []

    class counting(sg.Operation):
        def compute(self, x_value):
            calls.append(1)
            return x_value * 2

    x = placeholder()
    y = counting([x])
    a, b = Session().run([y, y], {x: [1.0, 2.0]})
    assert len(calls) == 1
    a[0] = -1
    assert b.tolist() == [2.0, 4.0]


def test_kinds_of_fetches():
    x, w = placeholder(name="x"), Variable([1.0, 2.0], name="w")
    y = sg.multiply(x, w, name="y")
    session = Session()
    values = session.run([y, "y", "y:0", w, "w", x, sg.constant(7), sg.group(y), sg.no_op()], {x: 3})
    for value in values[:3]:
        assert value.tolist() == [3.0, 6.0]
    assert values[3].tolist() == values[4].tolist() == [1.0, 2.0]
    assert values[5:] == [3, 7, None, None]


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.float32, np.float64, np.complex64])
def test_a_result_of_shape_empty_is_a_numpy_scalar(dtype):
    x = placeholder(dtype)
    for fetch in (x, sg.identity(x), Variable(dtype(1)), sg.constant(dtype(1)), sg.constant(np.array(1, dtype))):
        for feed in (dtype(1), np.array(1, dtype)):
            value = Session().run(fetch, {x: feed})
            assert type(value) is np.dtype(dtype).type
    for number in (True, 2, 2.5, 1j):
        assert type(Session().run(sg.constant(number))) is np.asarray(number).dtype.type


@pytest.mark.parametrize("fetch", [None, 3, 2.5, {1, 2}, (c for c in "ab"), np.ones(2), object(), b"x", len, int, [1]])
def test_what_cannot_be_fetched(fetch):
    item = 1 if isinstance(fetch, list) else fetch
    with pytest.raises(TypeError) as caught:
        Session().run(fetch)
    assert f"Argument `fetch` = {item!r} has invalid type {type(item).__name__!r}" in str(caught.value)
    assert f"Can not convert a {type(item).__name__} into a node" in str(caught.value)


def test_an_unknown_name_gives_close_ones():
    placeholder(name="force")
    with pytest.raises(ValueError, match=r"'forse'.*Did you mean 'force'"):
        Session().run("forse")


def test_a_node_of_another_graph():
    with Graph().as_default() as other:
        y = placeholder(name="y")
    session = Session()
    with pytest.raises(ValueError, match="not an element of this session's graph") as caught:
        session.run(y)
    assert hex(id(other)) in str(caught.value)
    assert hex(id(session.graph)) in str(caught.value)
    with pytest.raises(TypeError, match=r"Cannot interpret feed_dict key.*not an element") as caught:
        session.run([], {y: 1})
    assert isinstance(caught.value, sg.GraphMismatchError)
    assert hex(id(other)) in str(caught.value)
    assert hex(id(session.graph)) in str(caught.value)


# --- what is fed


def test_feeding_by_node_name_and_symbol():
    s = sympy.Symbol("s")
    x = placeholder(s)
    y = x * 2
    session = Session()
    assert [session.run(y, {key: 4}) for key in (x, "s", "s:0", s)] == [8.0] * 4


def test_feeding_an_intermediate_cuts_the_graph_there():
    x = placeholder(name="x")
    y = sg.exp(x)
    z = y + 1
    session = Session()
    assert session.run(z, {y: 5}) == 6  # x is not needed
    assert session.run([z, y], {y: 5, x: 1.0}) == [6, 5]
    assert session.run(z, {"exp": 7.0}) == 8.0
    assert session.run(z, {x: 0.0}) == 2.0  # without the cut again
    assert session.run(y, {y: 3}) == 3


def test_feeding_a_cut_needs_only_what_is_left():
    a, b = placeholder(name="a"), placeholder(name="b")
    product = a * b
    total = product + b
    with pytest.raises(sg.MissingFeedError, match="'b'") as caught:
        Session().run(total, {product: 1})
    assert caught.value.placeholders == (b,)


def test_feeding_a_variable_holds_for_this_run_only():
    w = Variable([1.0, 2.0])
    session = Session()
    assert session.run(w * 2, {w: [5.0, 5.0]}).tolist() == [10.0, 10.0]
    assert session.run(w * 2).tolist() == [2.0, 4.0]
    with pytest.raises(sg.ShapeError, match=r"\(3,\) for Variable 'Variable', which has shape \(2,\)"):
        session.run(w, {w: [1.0, 2.0, 3.0]})


def test_feeding_a_constant():
    c = sg.constant(2.0)
    assert Session().run(c * 3, {c: 5.0}) == 15.0
    assert Session().run(c * 3) == 6.0


def test_what_is_fed_and_not_needed_is_ignored():
    x, unused = placeholder(), placeholder()
    s, t = sympy.symbols("s t")
    assert Session().run(x + 1, {x: 1, unused: 2}) == 2
    assert Session().run([s + 1, 3 * t - 3 * t + s], {s: 1}) == [2, 1]
    assert Session().run([s + 1, t], {s: 1, t: 2}) == [2, 2]
    known = placeholder(t)
    assert Session().run(s + 1, {s: 1, t: 2}) == Session().run(s + 1, {s: 1, known: 2}) == 2
    matrix = sympy.MatrixSymbol("A", t, t)
    assert Session().run(sympy.Trace(matrix), {matrix: np.eye(3), t: 3}) == 3  # the dimension is part of the matrix
    f = sympy.Function("f")(t)
    assert Session().run(f + s, {f: 1, t: 5, s: 2}) == 3


def test_a_symbol_that_occurs_nowhere_is_an_error_with_close_matches():
    speed, sped, x = sympy.symbols("speed sped x")
    with pytest.raises(sg.FeedTypeError, match=r"feed_dict key sped: it occurs in nothing.*Did you mean 'speed'\?"):
        Session().run(speed + x, {speed: 1, x: 2, sped: 3})
    with pytest.raises(TypeError, match=r"key sped: it occurs in nothing that is run\. Leave out"):
        Session().run(x + 1, {x: 2, sped: 3})
    node = placeholder(speed)
    with pytest.raises(TypeError, match="Did you mean 'speed'"):
        Session().run(sg.constant(1.0), {sped: 3})
    with pytest.raises(TypeError, match=r"Symbol\('speed', real=True\) is not Symbol\('speed'\)"):
        Session().run(node, {node: 1, sympy.Symbol("speed", real=True): 3})


def test_a_missing_feed_of_the_same_name_is_explained():
    plain, positive = sympy.Symbol("x"), sympy.Symbol("x", positive=True)
    pattern = r"Symbols of one name with different assumptions.*Symbol\('x'\) is not Symbol\('x', positive=True\)"
    with pytest.raises(sg.MissingFeedError, match=pattern):
        Session().run(plain**2, {positive: 2})
    node = placeholder(plain)
    with pytest.raises(sg.MissingFeedError, match=pattern):
        Session().run(node, {positive: 2})


def test_missing_feeds_are_named_all_of_them_and_only_those():
    x = placeholder(float, name="x")
    s = placeholder(sympy.Symbol("s", positive=True))
    placeholder(name="unneeded")
    given = placeholder(name="given")
    y = x + s + given
    with pytest.raises(sg.MissingFeedError) as caught:
        Session().run(y, {given: 1})
    message = str(caught.value)
    assert caught.value.placeholders == (x, s)
    assert "You must feed a value for placeholder 'x' with dtype float64" in message
    assert f"{__file__}, line {x.origin[1]}" in message
    assert "Symbol('s', positive=True)" in message
    assert "Fed: 'given'" in message
    assert "unneeded" not in message
    with pytest.raises(ValueError, match="Fed: nothing"):
        Session().run(x)


def test_a_default_is_used_where_nothing_is_fed():
    x = placeholder(float, (2,), default=[1.0, 2.0])
    assert Session().run(x * 2).tolist() == [2.0, 4.0]
    assert Session().run(x * 2, {x: [0.0, 1.0]}).tolist() == [0.0, 2.0]


def test_a_wrong_shape_names_both():
    x = placeholder(float, (None, 2), name="a")
    with pytest.raises(ValueError, match=r"Cannot feed value of shape \(3,\).*'a', which has shape \(None, 2\)"):
        Session().run(x, {x: [1, 2, 3]})
    M = sympy.MatrixSymbol("M", 2, 3)
    with pytest.raises(ValueError, match=r"Cannot feed value of shape \(3, 2\) for M, which has shape \(2, 3\)"):
        Session().run(M * 2, {M: np.ones((3, 2))})


@pytest.mark.parametrize("key", [3, 2.5, None, sympy.Integer(2), sympy.pi, sympy.true, b"x"])
def test_what_cannot_be_a_key(key):
    with pytest.raises(TypeError, match="Cannot interpret feed_dict key"):
        Session().run(sympy.Symbol("x"), {key: 1, sympy.Symbol("x"): 2})


@pytest.mark.parametrize("feeds", [3, [1, 2], np.ones(3), "x"])
def test_what_cannot_be_a_feed_dict(feeds):
    x = placeholder()
    with pytest.raises(TypeError, match=r"feed_dict.*mapping"):
        Session().run(x, feeds)


def test_an_unknown_key_gives_close_ones():
    placeholder(name="velocity")
    with pytest.raises(TypeError, match=r"Cannot interpret feed_dict key 'velocty'.*Did you mean 'velocity'"):
        Session().run("velocity", {"velocty": 1})


def test_one_node_by_two_keys_is_refused():
    s = sympy.Symbol("s")
    x = placeholder(s)
    with pytest.raises(sg.FeedError, match="'s' is fed twice"):
        Session().run(x, {x: 1, s: 2})
    with pytest.raises(sg.FeedError, match="'s' is fed twice"):
        Session().run(x, {x: 1, "s": 2})


# --- variables


def test_a_variable_initialises_itself():
    v = Variable([[1, 2], [3, 4]])
    assert Session().run(v).tolist() == [[1, 2], [3, 4]]
    assert Session().run(sg.assign_add(v, 1)).tolist() == [[2, 3], [4, 5]]


def test_an_initial_value_that_is_a_node_is_evaluated_once_in_each_session():
    drawn = []

    class draw(sg.Operation):
        def compute(self):
            drawn.append(len(drawn) + 1.0)
            return drawn[-1]

    v = Variable(draw())
    first, second = Session(), Session()
    assert [first.run(v), first.run(v), second.run(v), first.run(v * 1)] == [1.0, 1.0, 2.0, 1.0]
    assert len(drawn) == 2


def test_initial_values_from_other_variables_in_a_long_chain():
    first = Variable(1.0)
    v = first
    for _ in range(2000):
        v = Variable(v + 1.0)
    session = Session()
    assert session.run(v) == 2001.0
    session.run(sg.assign(first, 100.0))
    assert session.run(v) == 2001.0  # it has been initialised
    other = Session()
    other.run(sg.assign(first, 100.0))
    assert other.run(v) == 2100.0


def test_an_initial_value_may_need_a_placeholder():
    x = placeholder(name="x")
    v = Variable(x * 2, dtype=np.float32)
    session = Session()
    with pytest.raises(sg.MissingFeedError, match="'x'"):
        session.run(v)
    assert session.run(v, {x: 3}) == 6
    assert session.run(v) == 6
    assert session.run(v).dtype == np.float32


def test_a_failing_initial_value_is_an_error_and_is_tried_again():
    ready = []

    class fragile(sg.Operation):
        def compute(self):
            if not ready:
                raise OSError("not yet")
            return 5.0

    v, session = Variable(fragile()), Session()
    with pytest.raises(OSError, match="not yet") as caught:
        session.run(v)
    assert "fragile" in caught.value.__notes__[0]
    ready.append(True)
    assert session.run(v) == 5.0


def test_plain_fetches_see_the_values_from_before_the_run():
    w = Variable(3.0)
    assign_w = sg.assign(w, 6.0)
    session = Session()
    assert session.run([w, assign_w, w]) == [3.0, 6.0, 3.0]
    assert session.run([assign_w, w * 10]) == [6.0, 60.0]


def test_control_dependencies_count():
    counter = Variable(0)
    increment = sg.assign_add(counter, 1)
    with control_dependencies([increment]):
        r = sg.identity(counter)
    session = Session()
    assert [session.run(r) for _ in range(3)] == [1, 2, 3]
    assert session.run([counter, r, counter * 1]) == [3, 4, 3]


def test_control_dependencies_nest_and_none_clears_them():
    v = Variable(1.0)
    double, add = sg.assign(v, v * 2), None
    with control_dependencies([double]):
        add = sg.assign_add(v, 10.0)
        with control_dependencies([add]):
            both = sg.identity(v)
        with control_dependencies(None):
            neither = sg.identity(v)
    session = Session()
    assert session.run(neither) == 1.0
    assert session.run(both) == 12.0
    assert session.run(v) == 12.0


def test_control_dependencies_take_operations_only():
    for wrong in (3, "x", None):
        with pytest.raises(TypeError, match=f"Can not convert a {type(wrong).__name__} into a node"):
            control_dependencies([wrong]).__enter__()


def test_a_no_op_under_control_dependencies_is_an_anchor():
    v = Variable(0.0)
    with control_dependencies([sg.assign_add(v, 1.0)]):
        anchor = sg.no_op()
    session = Session()
    assert session.run(anchor) is None
    assert session.run(v) == 1.0


def test_assignments_take_effect_in_the_order_in_which_they_were_built():
    v = Variable(1.0)
    add, double = sg.assign_add(v, 10.0), None
    with control_dependencies([add]):
        double = sg.assign(v, v * 2)
    session = Session()
    assert session.run([double, add]) == [22.0, 11.0]
    assert session.run(v) == 22.0
    a, b = sg.assign(v, 1.0), sg.assign_sub(v, 5.0)
    assert session.run([b, a]) == [-4.0, 1.0]
    assert session.run(v) == -4.0


def test_of_several_control_inputs_the_last_assignment_counts():
    v = Variable(0)
    first, second = sg.assign_add(v, 1), sg.assign_add(v, 10)
    cases = [([first, second], 11), ([second, first], 11), ([sg.group(second, first)], 11), ([second], 10)]
    for controls, wanted in cases:
        with control_dependencies(controls):
            after = sg.identity(v)
        assert Session().run(after) == wanted


class Reference:
    """A run by the rules alone: recursive, without an order of its own. An operation reads of a variable what the last assignment left
    of those that come before it: its control inputs, earlier assignments of this run to what it assigns, and all that these need."""

    def __init__(self, fetches, start):
        self.start, self.values, self.closures = start, {}, {}
        self.running, stack = set(), list(fetches)
        while stack:
            node = stack.pop()
            self.running.add(node)
            stack += [*node.control_inputs, *node.input_nodes]

    def earlier(self, node):
        same = [a for a in self.assignments(node.variable) if a.serial < node.serial] if is_assignment(node) else []
        return [*node.control_inputs, *same]

    def assignments(self, variable, among=None):
        among = self.running if among is None else among
        return [node for node in among if is_assignment(node) and node.variable is variable]

    def closure(self, node):
        """All that runs before a node has its value, and the node."""
        if node not in self.closures:
            sources = [*self.earlier(node), *node.input_nodes]
            self.closures[node] = {node}.union(*(self.closure(source) for source in sources))
        return self.closures[node]

    def value(self, node):
        if node not in self.values:
            before = set().union(*(self.closure(source) for source in self.earlier(node)))
            inputs = [self.last(x, before) if isinstance(x, Variable) else self.value(x) for x in node.input_nodes]
            self.values[node] = combine(node, inputs)
        return self.values[node]

    def last(self, variable, among=None):
        assigned = self.assignments(variable, among)
        return self.value(max(assigned, key=lambda a: a.serial)) if assigned else self.start[variable]


def is_assignment(node):
    return isinstance(node, (sg.assign, sg.assign_add))


def combine(node, inputs):
    return (
        inputs[1]
        if isinstance(node, sg.assign)
        else sum(inputs) % 1009
        if isinstance(node, modular_sum)
        else sum(inputs)
    )


class modular_sum(sg.Operation):
    def compute(self, *values):
        return sum(values) % 1009


@given(st.data())
def test_control_dependencies_against_a_reference(data):
    with Graph().as_default() as graph:
        variables = [Variable(1), Variable(100)]
        nodes = list(variables)
        for _ in range(data.draw(st.integers(2, 7), label="count")):
            operations = [node for node in nodes if node not in variables]
            controls = (
                data.draw(st.lists(st.sampled_from(operations), max_size=2), label="controls") if operations else []
            )
            inputs = data.draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=2), label="inputs")
            kind = data.draw(st.sampled_from(["sum", "assign", "add"]), label="kind")
            with control_dependencies(controls):
                if kind == "sum":
                    nodes.append(modular_sum(inputs))
                else:
                    variable = data.draw(st.sampled_from(variables), label="variable")
                    nodes.append((sg.assign if kind == "assign" else sg.assign_add)(variable, inputs[0]))
        fetches = data.draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=3), label="fetches")
        session = Session(graph)
        for _ in range(2):
            reference = Reference(fetches, dict(zip(variables, session.run(variables), strict=True)))
            wanted = [reference.start[n] if n in variables else reference.value(n) for n in fetches]
            final = [reference.last(variable) for variable in variables]
            assert session.run(fetches) == wanted
            assert session.run(variables) == final


def test_group_runs_all_and_swaps_at_once():
    a, b = Variable(1.0), Variable(2.0)
    session = Session()
    assert session.run(sg.group(sg.assign(a, b), sg.assign(b, a))) is None
    assert session.run([a, b]) == [2.0, 1.0]


def test_initializers():
    a, b = Variable(1.0), Variable([2, 3])
    session = Session()
    session.run([sg.assign(a, 9.0), sg.assign(b, [9, 9])])
    session.run(sg.variables_initializer([a]))
    assert session.run(a) == 1.0
    session.run(sg.global_variables_initializer())
    assert session.run(b).tolist() == [2, 3]


def test_what_cannot_be_assigned():
    v, i = Variable([1.0, 2.0], name="v"), Variable(1, name="i")
    with pytest.raises(ValueError, match=r"\(3,\).*\(2,\)"):
        sg.assign(v, [1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="needs a Variable"):
        sg.assign(placeholder(), 1.0)
    x = placeholder()
    session = Session()
    with pytest.raises(TypeError, match=r"float64 cannot be assigned to 'i' of dtype int64"):
        session.run(sg.assign(i, x), {x: 1.5})
    with pytest.raises(ValueError, match=r"\(3,\) cannot be assigned to the variable 'v' of shape \(2,\)"):
        session.run(sg.assign(v, x), {x: [1.0, 2.0, 3.0]})
    assert session.run(i) == 1


def test_a_graph_may_grow_after_a_run():
    x = placeholder()
    session = Session()
    assert session.run(x + 1, {x: 1}) == 2
    w = Variable(5.0)
    assert session.run(x * w, {x: 2}) == 10.0


# --- expressions


def symbols():
    return sympy.MatrixSymbol("A", 2, 2), sympy.MatrixSymbol("x", 2, 1), sympy.MatrixSymbol("b", 2, 1)


def test_an_affine_map_of_one_vector():
    A, x, b = symbols()
    result = Session().run(A * x + b, {A: [[1, 0], [0, -1]], x: [1, 2], b: [1, 1]})
    assert result.tolist() == [[2.0], [-1.0]]


def test_an_affine_map_of_a_thousand_vectors():
    A, x, b = symbols()
    rng = np.random.default_rng(1)
    points, matrix = rng.normal(size=(1000, 2, 1)), np.array([[1.0, 2.0], [3.0, 4.0]])
    result = Session().run(A * x + b, {A: matrix, x: points, b: [1, 1]})
    assert result.shape == (1000, 2, 1)
    assert result == pytest.approx(np.einsum("ij,njk->nik", matrix, points) + 1, rel=1e-13, abs=1e-13)


def test_an_affine_map_with_symbolic_dimensions():
    m, n = sympy.symbols("m n")
    A, x, b = sympy.MatrixSymbol("A", m, n), sympy.MatrixSymbol("x", n, 1), sympy.MatrixSymbol("b", m, 1)
    session = Session()
    for rows, columns in ((2, 3), (4, 1)):
        matrix, point = np.arange(1.0, 1 + rows * columns).reshape(rows, columns), np.arange(1.0, 1 + columns)
        result = session.run(A * x + b, {A: matrix, x: point, b: np.ones(rows)})
        assert np.array_equal(result[:, 0], matrix @ point + 1)
    with pytest.raises(sg.DimensionError, match="n is 3 from A and 4 from x"):
        session.run(A * x + b, {A: np.ones((2, 3)), x: np.ones(4), b: np.ones(2)})
    with pytest.raises(sg.DimensionError, match="m is 2 from A and 5 from b"):
        session.run(A * x + b, {A: np.ones((2, 3)), x: np.ones(3), b: np.ones(5)})


def test_expressions_beside_nodes_share_their_feeds():
    s = sympy.Symbol("s")
    node = placeholder(s) * 2
    values = Session().run([node, s**2, {"matrix": sympy.Matrix([[s, 1]])}, sympy.Array([s, 2])], {s: 3})
    assert values[:2] == [6.0, 9.0]
    assert values[2]["matrix"].tolist() == [[3.0, 1.0]]
    assert values[3].tolist() == [3.0, 2.0]
    by_node = Session().run([node, s**2], {node.input_nodes[0]: 4})
    assert by_node == [8.0, 16.0]
    assert Session().run(s + 1, {"s": 4}) == 5.0


def test_mutable_arrays_and_conditions_are_expressions_too():
    s = sympy.Symbol("s")
    array, matrix = sympy.MutableDenseNDimArray([s, 1]), sympy.Matrix([s, 2])
    assert Session().run([array, s > 2, sympy.true], {s: 3.0})[0].tolist() == [3.0, 1.0]
    assert Session().run(s > 2, {s: [1.0, 3.0]}).tolist() == [False, True]
    session = Session()
    assert session.run(matrix, {s: 1})[0] == 1
    matrix[0, 0] = 7 * s  # another expression, not another value of the old one
    assert session.run(matrix, {s: 1})[0] == 7


def test_part_of_an_expression_may_be_fed():
    s, t = sympy.symbols("s t")
    assert Session().run(sympy.sin(s) + t, {sympy.sin(s): 2.0, t: 1.0}) == 3.0


def test_an_expression_is_translated_once(monkeypatch):
    from symgraph import session as module

    count, original = [], module.translate_all
    monkeypatch.setattr(module, "translate_all", lambda *args, **keys: count.append(1) or original(*args, **keys))
    s, session = sympy.Symbol("s"), Session()
    assert [session.run(s**2 + 1, {s: value}) for value in range(5)] == [1.0, 2.0, 5.0, 10.0, 17.0]
    assert len(count) == 1


def test_expressions_leave_the_sessions_graph_alone():
    s, session = sympy.Symbol("s"), Session()
    session.run([s + 1, sympy.cos(s)], {s: 1.0})
    assert len(session.graph) == 0


def test_an_expression_with_a_symbol_that_is_not_fed():
    s, t = sympy.symbols("s t")
    with pytest.raises(sg.MissingFeedError, match="'t'"):
        Session().run(s + t, {s: 1})


# --- make_callable, eval, defaults, closing


def test_make_callable():
    x, y = placeholder(name="x"), placeholder(name="y")
    session = Session()
    f = session.make_callable([x - y, {"sum": x + y}], [x, "y"])
    assert f(5, 3) == [2, {"sum": 8}]
    for values in ((), (1,), (1, 2, 3)):
        with pytest.raises(TypeError, match=f"takes 2 values.*{len(values)} were given"):
            f(*values)
    s = sympy.Symbol("s")
    assert session.make_callable(s**2, [s])(4) == 16.0
    assert session.make_callable(sg.constant(3))() == 3


def test_a_callable_checks_and_feeds_as_run_does():
    x, y, v = placeholder("float64", (None,), name="x"), placeholder("float64", (), name="y"), Variable(2.0, name="v")
    product = x * v
    session = Session()
    step = session.make_callable({"step": sg.assign_add(v, 1.0), "sum": sg.reduce_sum(product) + y}, [x, y])
    assert [step([1, 2], 1)["sum"] for _ in range(3)] == [7.0, 10.0, 13.0]
    with pytest.raises(sg.ShapeError, match="'x'"):
        step(3.0, 1)
    with pytest.raises(sg.FeedTypeError):
        step("ab", 1)
    assert session.run(v) == 5.0  # what failed has changed nothing
    assert session.make_callable(product + 1, [product])([3.0]).tolist() == [4.0]  # cut there
    assert session.make_callable([v, v], [v])(7.0) == [7.0, 7.0]
    with pytest.raises(sg.MissingFeedError, match="'y'"):
        session.make_callable(x + y, [x])([1.0])
    with pytest.raises(sg.FeedError, match="twice"):
        session.make_callable(x, [x, "x"])([1.0], [1.0])
    with Graph().as_default():
        other = placeholder()
    with pytest.raises(sg.FeedGraphError):
        session.make_callable(x, [x, other])([1.0], 1.0)
    with pytest.raises(sg.GraphMismatchError):
        session.make_callable(other)()
    fetches = [x]
    first = session.make_callable(fetches, [x])
    fetches.append(y)
    (value,) = first([1.0])
    assert value == [1.0]
    session.close()
    with pytest.raises(sg.ClosedSessionError):
        step([1, 2], 1)


def test_eval():
    x = placeholder()
    y = x * 2
    assert y.eval({x: 3}) == 6
    w = Variable(1.0)
    more = sg.assign_add(w, 1.0)
    assert [more.eval(), more.eval()] == [2.0, 2.0]  # a session for each call
    with Session() as session:
        assert [more.eval(), more.eval()] == [2.0, 3.0]
        assert w.eval(session=Session()) == 1.0
    with pytest.raises(RuntimeError):
        w.eval(session=session)


def test_a_closed_session():
    x = placeholder()
    with Session() as session:
        f = session.make_callable(x, [x])
    for use in (lambda: session.run(x, {x: 1}), lambda: f(1), session.__enter__):
        with pytest.raises(RuntimeError, match="Attempted to use a closed Session"):
            use()
    session.close()  # once more does no harm


def test_default_sessions_nest():
    assert sg.get_default_session() is None
    with Session() as outer:
        with Session() as inner:
            assert sg.get_default_session() is inner
        assert sg.get_default_session() is outer
    assert sg.get_default_session() is None


def test_default_sessions_left_in_the_wrong_order():
    outer, inner = Session(), Session()
    outer.__enter__()
    inner.__enter__()
    with pytest.raises(AssertionError, match="Nesting violated"):
        outer.__exit__(None, None, None)
    inner.__exit__(None, None, None)
    outer.__exit__(None, None, None)


def test_a_session_takes_its_graph_or_the_default_one():
    with Graph().as_default() as graph:
        assert Session().graph is graph
    assert Session(graph).graph is graph
    with Graph().as_default(), Session(graph) as session:
        assert session.graph is graph


def test_backends():
    x = placeholder()
    assert Session(backend="numpy").run(x + 1, {x: 1}) == 2
    with pytest.raises(ValueError, match="'numpi'"):
        Session(backend="numpi")
    programs = []

    def spying(program):
        from symgraph.backends.numpy_like import compile_program

        programs.append(program)
        return compile_program(program)

    session = Session(backend=spying)
    assert [session.run(x + 1, {x: 1}) for _ in range(3)] == [2, 2, 2]
    assert len(programs) == 1


# --- gradients and training in a session


def test_gradients_are_a_list_and_none_where_nothing_depends():
    x, i, other = placeholder(float), placeholder(int), placeholder(float)
    z = x * i
    grads = gradients([z, x * 3.0], [x, i, other])
    assert (len(grads), grads[1], grads[2]) == (3, None, None)
    assert Session().run(grads[0], {x: 1.0, i: 2}) == 5.0
    with pytest.raises(TypeError, match="xs must be nodes"):
        gradients(z, [3])
    zeros = gradients(z, [other], unconnected_gradients="zero")
    assert Session().run(zeros, {other: 3.0}) == [0.0]


def test_minimize_refuses_what_cannot_be_trained():
    w, i = Variable([1.0, 2.0], name="w"), Variable(3, name="i")
    optimizer = sg.train.GradientDescentOptimizer(0.1)
    with pytest.raises(ValueError, match=r"No gradients provided.*'w'"):
        optimizer.minimize(placeholder(float, ()), var_list=[w])
    with pytest.raises(ValueError, match=r"No gradients provided.*'i'"):
        optimizer.minimize(i * 2, var_list=[i])
    with pytest.raises(ValueError, match="must be a scalar"):
        optimizer.minimize(w * w)
    session = Session()
    session.run(optimizer.minimize(w * w, grad_loss=[1.0, 0.0]))
    assert session.run(w) == pytest.approx([0.8, 2.0])


def test_the_bits_depend_on_what_is_fed_alone(monkeypatch):
    """Also with more patterns of equal lengths than programs are kept for."""
    monkeypatch.setattr("symgraph.specialization._MOST_PATTERNS", 2)
    leaves = a, b, c, d = [placeholder("float64", (None,)) for _ in range(4)]
    outputs = [gradient * a + b for gradient in gradients((a * b + c) * d + a * a * b, leaves)]
    values = np.random.default_rng(1).standard_normal((4, 37))
    fresh = Session().run(outputs, dict(zip(leaves, values, strict=True)))
    session = Session()
    for lengths in [(1, 1, 1, 1), (1, 37, 1, 1), (37, 1, 1, 1), (37, 37, 1, 37)]:
        session.run(outputs, {leaf: value[:n] for leaf, value, n in zip(leaves, values, lengths, strict=True)})
    for result, expected in zip(session.run(outputs, dict(zip(leaves, values, strict=True))), fresh, strict=True):
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("shapes", [[(3, 4), (5, 4), (4, 4), (1, 4)], [(2, 4), (0, 4), (2, 4)]])
def test_gradients_of_means_know_how_many_there_are(axis, shapes):
    x = placeholder("float64", (None, 4))
    (slope,) = gradients(sg.reduce_mean(x * x, axis=axis), x)
    (rows,) = gradients(sg.reduce_mean(sg.reduce_sum(x * x, axis=1)), x)
    session = Session()
    for shape in shapes:
        value = np.random.default_rng(0).normal(size=shape)
        count = value.size if axis is None else shape[axis]
        found = session.run([slope, rows], {x: value})
        np.testing.assert_allclose(found[0], 2 * value / max(count, 1), rtol=1e-15)
        np.testing.assert_allclose(found[1], 2 * value / max(shape[0], 1), rtol=1e-15)
    assert len(session.graph.placeholders) == 1  # no other ones come into the user's graph


def test_lengths_that_follow_from_others_are_not_taken_for_declared_ones():
    """concat([x, x]) has a length for which no other stands; a leaf that is as long as it is by chance says nothing of it."""
    x = placeholder("float64", (None,))
    twice = sg.reduce_mean(sg.concat([2.0 * x, x], axis=0) ** 2)
    (slope,) = gradients(twice, x)
    for length in (2 * 1009, 2 * 2003, 1009, 2003):
        w = placeholder("float64", (length,))
        found, _ = Session().run([slope, sg.reduce_sum(w)], {x: np.ones(5), w: np.zeros(length)})
        np.testing.assert_allclose(found, np.ones(5))


def test_an_axis_that_is_not_there_is_named_with_its_operation():
    x = placeholder("float64", (...,))
    (slope,) = gradients(sg.reduce_mean(x, -1), x)
    with pytest.raises(IndexError) as caught:
        Session().run(slope, {x: 1.0})
    assert "in the operation" in "".join(caught.value.__notes__)


# --- memory


def test_the_caches_of_a_session_are_bounded():
    x = placeholder()
    session = Session()
    graphs = []
    s = sympy.Symbol("s")
    for i in range(300):
        session.run(s + i, {s: 1.0})
        (program,) = list(session._programs._items)[-1:]
        graphs.append(weakref.ref(program[0][0].graph))
    y = x
    for _ in range(300):
        y = y + 1
        session.run(y, {x: 1})
    del program
    gc.collect()
    assert len(session._programs._items) <= 256
    assert len(session._translations._items) <= 256
    assert sum(graph() is not None for graph in graphs) <= 256
    assert session.run(s + 1, {s: 1.0}) == 2.0  # translated anew


def test_a_deep_expression_is_not_taken_for_another_one_at_its_address():
    s, session = sympy.Symbol("s"), Session()

    def nest(depth):
        expression = s
        for _ in range(depth):
            expression = sympy.Mul(2, sympy.Add(expression, 0, evaluate=False), evaluate=False)
        return expression

    for depth in (5, 700, 800, 900, 5, 650):
        assert session.run(nest(depth), {s: 1.0}) == 2.0**depth


def test_run_and_make_callable_tell_their_arguments():
    assert list(inspect.signature(Session.run).parameters)[1:3] == ["fetches", "feed_dict"]
    assert list(inspect.signature(Session.make_callable).parameters)[1:3] == ["fetches", "feed_list"]
