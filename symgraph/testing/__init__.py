"""For tests: random SymPy expressions and values for their symbols as hypothesis strategies, and checks of values and gradients.

Needs hypothesis (`pip install hypothesis`); nothing else of symgraph imports this package.

>>> import sympy
>>> from hypothesis import given, settings
>>> x, y = sympy.symbols("x y", real=True)
>>> @settings(max_examples=5, derandomize=True, deadline=None)
... @given(expressions([x, y]), values_for([x, y]))
... def test_value(expr, values):
...     check_against_lambdify([x, y], expr, values)
>>> test_value()
"""

from .checks import check_against_lambdify, check_gradient, check_gradients
from .matrices import matrix_expressions
from .reference import Judgement, evaluate, judge, judge_slope
from .scalars import conditions, expressions, values_for

__all__ = [
    "Judgement",
    "check_against_lambdify",
    "check_gradient",
    "check_gradients",
    "conditions",
    "evaluate",
    "expressions",
    "judge",
    "judge_slope",
    "matrix_expressions",
    "values_for",
]
