"""Modules of one's own: a name that can be imported, also from the present folder, or a file `.../own.py`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def import_module(name: str) -> ModuleType:
    """Import a module by name, or from a file that ends in .py.

    Raises:
        ValueError: there is none, or importing it fails; says how.
    """
    path = Path(name)
    try:
        if path.suffix == ".py":
            return _run(path)
        if "" not in sys.path:
            sys.path.insert(0, "")
        return importlib.import_module(name)
    except Exception as error:
        raise ValueError(f"importing {name!r} failed: {type(error).__name__}: {error}") from error


def _run(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
