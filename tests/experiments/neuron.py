"""Lesson 1: what one neuron can learn."""

from __future__ import annotations

import minidl
from minidl.data.toys import truth_table

from .harness import Measured, claim, experiment

STARTS, EPOCHS = 20, 100


def _learned(gate: str) -> float:
    """The share of random starts from which the perceptron rule gets a whole truth table right, at any time."""
    X, y = truth_table(gate)
    rows = [(minidl.tensor(x), int(t)) for x, t in zip(X, y, strict=True)]
    learned = 0
    for _ in range(STARTS):
        w, b = minidl.randn(2), minidl.randn(())
        for _ in range(EPOCHS):
            mistakes = 0
            for x, t in rows:
                wrong = t - int((w @ x + b).item() > 0)
                w, b = w + wrong * x, b + wrong
                mistakes += wrong != 0
            if not mistakes:
                learned += 1
                break
    return learned / STARTS


@experiment(
    "A3 · 003; Rosenblatt 1958, Minsky and Papert 1969",
    claim("starts that learn AND", above=1, below=1),
    claim("starts that learn XOR", above=0, below=0),
    claim("size of the gradient through the step", above=0, below=0),
)
def perceptron(seed: int) -> Measured:
    """One neuron learns AND, and never XOR.

    The rule w ← w + (t − y)·x, b ← b + (t − y) on the four rows of a truth table, from 20 normally drawn starts,
    until an epoch brings no mistake, or for 100 epochs. The gradient is that of (t − y)² through the step y = H(w·x +
    b).
    """
    X, y = truth_table("and")
    w = minidl.randn(2).requires_grad_()
    out = minidl.heaviside(minidl.tensor(X) @ w + 0.1, minidl.tensor(0.0))
    ((minidl.tensor(y) - out) ** 2).sum().backward()
    return {
        "starts that learn AND": _learned("and"),
        "starts that learn XOR": _learned("xor"),
        "size of the gradient through the step": 0.0 if w.grad is None else float(abs(w.grad.data).max()),
    }
