"""The circuit of a value: a wire a value, a gate an operation, as the lecture notes draw them."""
