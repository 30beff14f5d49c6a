"""The kernels of layers and losses: softmax, cross-entropy, normalisation, pooling."""
