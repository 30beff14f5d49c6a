"""One output element from one element of each input: arithmetic, functions, comparisons, activations."""
