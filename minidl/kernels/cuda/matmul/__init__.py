"""Products of matrices at three levels, and on tensor cores."""
