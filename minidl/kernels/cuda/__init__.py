"""Numba CUDA: arrays on a GPU and the kernels that compute on them. Importing this loads neither Numba nor a driver."""
