"""The backward pass as a graph of its own, drawn as the mirror of the forward pass; and the second order through both."""
