"""symgraph: SymPy expressions as TensorFlow-1-style graphs, evaluated on batches, with gradients.

>>> import sympy
>>> A, x, b = sympy.MatrixSymbol("A", 2, 2), sympy.MatrixSymbol("x", 2, 1), sympy.MatrixSymbol("b", 2, 1)
>>> Session().run(A * x + b, {A: [[1, 0], [0, -1]], x: [1, 2], b: [1, 1]})
array([[ 2.],
       [-1.]])
"""

from . import derivatives, errors, ops, sparse, train  # noqa: F401
from .differentiate import gradients
from .dropin import lambdify
from .errors import *  # noqa: F403
from .fitted import to_sympy
from .fitting import FitResult, History, constraint, fit, model, objective, ode, residuals, root
from .forward import tangents
from .functions import Function, function
from .graph import Graph, Node, control_dependencies, get_default_graph, name_scope, reset_default_graph
from .graph_keys import GraphKeys, add_to_collection, get_collection, global_variables, trainable_variables
from .jacobians import hessians, jacobian
from .nodes import Constant, Operation, Variable, constant, placeholder
from .ops import *  # noqa: F403
from .session import Session, get_default_session, global_variables_initializer, variables_initializer
from .train import clip_by_global_norm, clip_by_norm, clip_by_value, global_norm
from .translation import translate
from .translation.user import register

__version__ = "0.1.0"
__all__ = [
    "Constant",
    "FitResult",
    "Function",
    "Graph",
    "GraphKeys",
    "History",
    "Node",
    "Operation",
    "Session",
    "Variable",
    "add_to_collection",
    "clip_by_global_norm",
    "clip_by_norm",
    "clip_by_value",
    "constant",
    "constraint",
    "control_dependencies",
    "fit",
    "function",
    "get_collection",
    "get_default_graph",
    "get_default_session",
    "global_norm",
    "global_variables",
    "global_variables_initializer",
    "gradients",
    "hessians",
    "jacobian",
    "lambdify",
    "model",
    "name_scope",
    "objective",
    "ode",
    "placeholder",
    "register",
    "reset_default_graph",
    "residuals",
    "root",
    "tangents",
    "to_sympy",
    "train",
    "trainable_variables",
    "translate",
    "variables_initializer",
    *errors.__all__,
    *ops.__all__,
]
