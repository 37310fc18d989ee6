"""Training, by TensorFlow 1's names: optimisers, clipping of gradients, and saving of variables."""

from .adaptive import AdagradOptimizer, AdamOptimizer, RMSPropOptimizer
from .clipping import clip_by_global_norm, clip_by_norm, clip_by_value, global_norm
from .optimizers import GradientDescentOptimizer, MomentumOptimizer, Optimizer
from .saver import Saver, latest_checkpoint
from .schedules import exponential_decay

__all__ = [
    "AdagradOptimizer",
    "AdamOptimizer",
    "GradientDescentOptimizer",
    "MomentumOptimizer",
    "Optimizer",
    "RMSPropOptimizer",
    "Saver",
    "clip_by_global_norm",
    "clip_by_norm",
    "clip_by_value",
    "exponential_decay",
    "global_norm",
    "latest_checkpoint",
]
