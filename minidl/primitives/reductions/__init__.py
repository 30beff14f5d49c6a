"""Many numbers into few, or along an axis: sums, extrema, orders, norms, softmax."""
