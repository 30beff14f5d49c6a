"""Linear algebra: products, einsum, solving, determinants, decompositions."""
