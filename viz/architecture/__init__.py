"""Networks from outside: their layers surveyed, folded into blocks, and drawn with shapes and parameters."""
