"""The affine map A x + b, by both doors: as a TensorFlow-1 program, and as a SymPy expression, for one vector and for many."""

import numpy as np
import sympy as sp

import symgraph as sg

# --- the TensorFlow door: build a graph, then run it in a session

sg.Graph().as_default()

A = sg.Variable([[1, 0], [0, -1]])
b = sg.Variable([1, 1])
x = sg.placeholder()
y = sg.matmul(A, x)
z = sg.add(y, b)

session = sg.Session()
output = session.run(z, {x: [1, 2]})
print(output)
assert output.tolist() == [2, -1]

# --- the SymPy door: write the expression; a vector of 2 entries may be fed where SymPy has a 2 x 1 matrix

m, n = sp.symbols("m n", integer=True, positive=True)
A, x, b = sp.MatrixSymbol("A", m, n), sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("b", m, 1)
feeds = {A: [[1, 0], [0, -1]], b: [1, 1]}

column = sg.Session().run(A * x + b, {**feeds, x: [1, 2]})
print(f"A*x + b as a column: {column.tolist()}")
assert column.tolist() == [[2.0], [-1.0]]

# --- a batch of 1 000 vectors: its axis stands in front of the vectors' own shape, here (2, 1)

vectors = np.random.default_rng(1).normal(size=(1000, 2, 1))
columns = sg.Session().run(A * x + b, {**feeds, x: vectors})
print(f"a batch of vectors of shape {vectors.shape} gives {columns.shape}")
assert columns.shape == (1000, 2, 1)
assert np.array_equal(columns[:, 0], vectors[:, 0] + 1) and np.array_equal(columns[:, 1], 1 - vectors[:, 1])

# --- the same as a function, which is faster to call again and again

affine = sg.function([A, x, b], A * x + b, name="affine")
print(affine)
assert np.array_equal(affine(feeds[A], vectors, feeds[b]), columns)
