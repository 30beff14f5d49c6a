"""One example of every kind of figure, for people to look at and for tests to check."""
