"""The lesson on a screen, key by key, or line by line."""
