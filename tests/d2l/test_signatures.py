"""The shapes written in the signatures are the shapes that come and go."""

import subprocess
import sys
import textwrap

import pytest

HOOK = """
from jaxtyping import install_import_hook
install_import_hook("d2l", "beartype.beartype")
import torch
from d2l import data, layers, train
X, W, b = torch.randn(6, 4), torch.randn(4, 3), torch.zeros(3)
y = torch.tensor([0, 1, 2, 0, 1, 2])
"""

CALLS = {
    "layers": """
        O = layers.linear(X, W, b)
        layers.softmax(O), layers.softmax(O[None])
        layers.cross_entropy(O, y)
        layers.squared_loss(O, O), layers.squared_loss(b, b)
    """,
    "train": """
        train.accuracy(X, y)
        train.accuracy(torch.randn(2, 3, 5, 5), torch.ones(2, 5, 5).long())
        W.requires_grad_()
        train.fit(
            lambda X: X @ W, [(X, y)], [(X, y)], loss=layers.cross_entropy,
            optimizer=torch.optim.SGD([W], lr=0.1), epochs=1, device="cpu",
            clip=1.0, ignore=1, metric_after_epoch=True,
        ).table()
        net = train.Carried(torch.nn.GRU(4, 2))
        known = data.batches(X, X[:, :2], batch_size=4)
        train.evaluate(net, known, metric=layers.squared_loss, device="cpu")
    """,
    "data": """
        X, y = data.linear([2.0, -3.4], 4.2, num_samples=20)
        list(data.batches(X, y, batch_size=8, shuffle=True))
        pictures = torch.zeros(4, 3, 5, 5, dtype=torch.uint8)
        list(data.batches(pictures, batch_size=3, prepare=data.to_unit))
        list(data.batches(pictures, batch_size=3, drop_last=True).in_order())
    """,
}


@pytest.mark.parametrize("module", sorted(CALLS))
def test_calls_agree_with_their_signatures(module):
    """With every argument and result checked by beartype, nothing raises."""
    code = HOOK + textwrap.dedent(CALLS[module])

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr[-2000:]


def test_the_hook_would_object():
    """A wrong rank is caught: the test above can fail."""
    code = HOOK + "layers.cross_entropy(X, y[:, None])"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )

    assert "Type-check error" in done.stderr
