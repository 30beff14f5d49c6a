"""The one place that states minidl's version."""

__version__ = "0.1.0"
