"""The page that a training run leaves behind."""
