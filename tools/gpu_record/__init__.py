"""Record a chapter at full scale on a machine with a GPU and no network.

Such a machine has Python and PyTorch, and little else. Two commands:

    python -m tools.gpu_record pack --chapter 5
    python -m tools.gpu_record run --chapter 5 --out DIR [--minutes 9]

The first runs here, with a network, and leaves in ``.gpu/`` what the machine
lacks. The repository and that folder then travel. The second runs there; it
needs nothing but the standard library to start, and leaves the recorded
notebooks, a log and a summary in one folder.
"""
