"""Fitting and everything else in the form of SciPy's consumers: objectives, residuals, models, differential equations, `fit`."""

from .equations import Root, constraint, root
from .fits import fit
from .history import History
from .models import Model, model
from .objectives import Objective, objective
from .odes import Ode, ode
from .results import FitResult, Prediction
from .vectors import Residuals, residuals

__all__ = [
    "FitResult",
    "History",
    "Model",
    "Objective",
    "Ode",
    "Prediction",
    "Residuals",
    "Root",
    "constraint",
    "fit",
    "model",
    "objective",
    "ode",
    "residuals",
    "root",
]
