"""What is told of many elements at once: sums, extrema, running results, order."""
