"""A lesson as pages, slides and terminal shots."""
