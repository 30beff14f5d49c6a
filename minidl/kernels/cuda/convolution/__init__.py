"""Convolution and its transposes at three levels, and on tensor cores."""
