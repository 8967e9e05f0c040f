"""Fit a model, evaluate it, and keep what happened.

One loop for every chapter that does not write its own. What is left out:
drawing, saving, schedules of the learning rate.
"""

from d2l.train._fit import fit, sgd
from d2l.train._history import History
from d2l.train._measure import accuracy, evaluate
from d2l.train._refuse import TrainingDiverged

__all__ = [
    "History",
    "TrainingDiverged",
    "accuracy",
    "evaluate",
    "fit",
    "sgd",
]
