"""How gradients fade on their way back: through a chain of functions, and through deep networks side by side."""
