"""Fit a model, evaluate it, and keep what happened.

One loop for every chapter that does not write its own. What is left out:
drawing, saving, choosing a learning rate.
"""

from d2l.train._diverged import TrainingDiverged
from d2l.train._fit import fit, sgd
from d2l.train._history import History
from d2l.train._measure import evaluate
from d2l.train._metric import accuracy
from d2l.train._state import Carried

__all__ = [
    "Carried",
    "History",
    "TrainingDiverged",
    "accuracy",
    "evaluate",
    "fit",
    "sgd",
]
