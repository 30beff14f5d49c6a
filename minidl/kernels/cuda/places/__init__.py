"""Moving, picking and putting elements."""
