"""Functions of single elements: each expression is one generated kernel."""
