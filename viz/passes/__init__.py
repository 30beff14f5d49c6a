"""The forward and the backward pass through a network, a box a layer: the diagram that a training run draws of itself."""
