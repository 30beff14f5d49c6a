"""Networks from outside: architectures, the two passes through them, and how gradients fade on the way."""
