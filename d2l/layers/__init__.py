"""What more than one chapter builds its models on, and weighs them with."""

from d2l.layers._functions import (
    cross_entropy,
    linear,
    softmax,
    squared_loss,
)
from d2l.layers._summary import Row, Summary, summary

__all__ = [
    "Row",
    "Summary",
    "cross_entropy",
    "linear",
    "softmax",
    "squared_loss",
    "summary",
]
