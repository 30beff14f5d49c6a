"""The roof: the `minidl` command, which joins training, figures and lessons. Nothing imports it."""
