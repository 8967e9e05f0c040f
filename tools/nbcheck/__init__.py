"""Re-executes the notebooks and holds them to their stored outputs.

``kernel`` runs cells, ``stamp`` knows what a notebook says about its last
run, ``compare`` (with ``tokens``, ``markup`` and ``picture``) says how two
outputs differ, ``plugin`` is pytest's side, ``report`` counts.
"""
