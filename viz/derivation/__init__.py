"""Derivations: the chain rule for each leaf as a textbook writes it, from the primitives' own rules."""
