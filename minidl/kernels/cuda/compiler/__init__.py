"""What kernels are written in, and how they become a GPU's code."""
