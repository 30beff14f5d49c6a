"""Settings of a run in a TOML file, under the names of the command line's options."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..training.choices import nearest


def read_settings(path: Path, names: Iterable[str], tables: Iterable[str] = ()) -> dict[str, Any]:
    """Return the settings that a TOML file gives.

    Args:
        path: the file.
        names: what may be set there; `-` and `_` are the same.
        tables: the names of tables that may stand there, which are returned as they are.

    Raises:
        UsageError: there is no such file, it is not TOML, or it sets something unknown.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"there is no file {path}; name a TOML file with a run's settings, such as epochs = 10"
        ) from None
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder; name a TOML file, such as {path / 'run.toml'}") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    known = [*names, *tables]
    settings = {}
    for key, value in content.items():
        name = key.replace("-", "_")
        if name not in known:
            raise UsageError(f"{path}: there is no setting {key!r}{nearest(name, known)}")
        if isinstance(value, dict) != (name in tables):
            if name in tables:
                raise UsageError(f"{path}: {key} is a table; write [{key}] and its settings below it")
            raise UsageError(f'{path}: {key} is a table; write it as text: {key} = "NAME(OPTION=VALUE)"')
        if name in settings:
            raise UsageError(f"{path}: {name} is set twice")
        settings[name] = value
    return settings


def as_toml(settings: Mapping[str, Any]) -> str:
    r"""Return settings as the text of a TOML file.

    Args:
        settings: text, numbers, truth values, and lists of them, by name.

    >>> print(as_toml({"data": "C:\\data", "lr": 0.1, "balanced": False}), end="")
    data = "C:\\data"
    lr = 0.1
    balanced = false
    """
    return "".join(f"{name} = {_value(value)}\n" for name, value in settings.items())


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    # TOML writes text, whole numbers and truth values as JSON does, and floats as Python does.
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
