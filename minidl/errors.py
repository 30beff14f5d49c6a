"""The errors minidl raises on purpose: each says what was wrong and what to do.

The command line prints the message of any of these and exits with a status other than 0; it never shows a traceback for
them. Each is also the built-in exception that a Python or PyTorch user would expect in its place.
"""

from __future__ import annotations


class MinidlError(Exception):
    """Base of every error that minidl raises deliberately."""


class UsageError(MinidlError, ValueError):
    """A request that cannot be carried out as written: an unknown name, an option out of range."""


class RangeError(UsageError, IndexError):
    """An axis or a position that a tensor does not have."""


class MissingNameError(UsageError, KeyError):
    """A name that a dictionary of modules or parameters does not hold."""

    __str__ = Exception.__str__  # KeyError's would put the message in quotes


class BadNameError(UsageError, KeyError):
    """A name that cannot be given to a part of a module: it is no word, or is taken already."""

    __str__ = Exception.__str__


class MissingPartError(UsageError, AttributeError):
    """A part that a module does not have, or not yet, as its `__init__` did not begin with `super().__init__()`."""


class ShapeError(MinidlError, ValueError):
    """Shapes that do not fit an operation."""


class StateError(UsageError, ShapeError, RuntimeError):
    """A state dict that does not fit the module it is to fill."""


class DtypeError(MinidlError, TypeError):
    """A dtype, or a kind of value, that an operation cannot take."""


class GraphError(MinidlError, RuntimeError):
    """A graph that cannot be differentiated or drawn as asked."""


class LinAlgError(MinidlError, RuntimeError):
    """A matrix that cannot be inverted or factorised: singular, or not positive definite."""


class DataError(MinidlError, ValueError):
    """A data file that is missing, damaged or not what it says it is."""


class WorkerError(MinidlError, RuntimeError):
    """A process that prepares data has failed; the message holds its traceback."""


class PeerError(MinidlError, RuntimeError):
    """Another of the processes that train together has failed; it tells why itself."""


class CheckpointError(MinidlError, ValueError):
    """A checkpoint or run folder that is missing, damaged or belongs to something else."""


class RenderError(MinidlError, RuntimeError):
    """A figure that could not be rendered."""


class MissingEngineError(RenderError):
    """No Graphviz engine can be used here; the message names the command that adds one."""


class DeviceError(MinidlError, RuntimeError):
    """A device that is not there, is out of memory, has failed, or does not hold what an operation was given."""


class NotOnDeviceError(DeviceError, NotImplementedError):
    """An operation that is not computed on this device; nothing falls back to another one in silence."""
