"""How a network changes while it learns: moments of a training, as a strip and as a film."""
