"""Kernels drawn from their own index arithmetic: who touches which memory, step by step, and what it costs."""
