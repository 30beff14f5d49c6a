"""What the notes claim, measured over several seeds: `python -m tests.experiments [NAME…]`, or `pytest -m experiment`."""
