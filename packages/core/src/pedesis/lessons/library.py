"""What the library says about itself: the row, the formula, the notes and the source of any of its functions.

A docstring of the library opens with the rows of the lecture notes that it builds and names its formula:

    [ROW] What it is ...

    Formula: its LaTeX
    Source: document, "place"; ...

The explorer quotes these, so that a page cannot say anything else than the code does.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

import pedesis

_ROWS = re.compile(r"^(?:\[[A-Z]\d+\]\s*)+")


@dataclass(frozen=True)
class Entry:
    """One class or function of the library.

    Attributes:
        name: "module:qualified.name", for example "pedesis.process:Process.marginal".
        rows: rows of the lecture notes that it builds, for example ("F5",); often none.
        summary: the first paragraph of its docstring, without the rows.
        formula: LaTeX, or "".
        notes: where the lecture notes or papers give it, or "".
        code: its source.
        line: the line of its module where that source begins.
    """

    name: str
    rows: tuple[str, ...]
    summary: str
    formula: str
    notes: str
    code: str
    line: int

    @property
    def place(self) -> str:
        """Module file and line, for example "pedesis/process.py, line 147"."""
        return f"{self.name.partition(':')[0].replace('.', '/')}.py, line {self.line}"


@lru_cache
def entry(name: str) -> Entry:
    """What the library says about "module:qualified.name".

    Raises:
        ValueError: no such thing in the library.
    """
    try:
        thing = pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"expected 'module:name' of something in the library; got {name!r} ({error})") from None
    source: Any = thing.fget if isinstance(thing, property) else thing
    lines, first = inspect.getsourcelines(source)
    doc = inspect.cleandoc(thing.__doc__ or "")
    tag = _ROWS.match(doc)
    rows = tuple(re.findall(r"[A-Z]\d+", tag[0])) if tag else ()
    summary = _ROWS.sub("", doc).split("\n\n")[0].replace("\n", " ")
    code = inspect.cleandoc("\n" + "".join(lines))
    return Entry(name, rows, summary, _field(doc, "Formula"), _field(doc, "Source"), code, first)


@lru_cache
def entries() -> tuple[Entry, ...]:
    """Everything in the library that builds a row of the lecture notes, by row."""
    found = {entry(name) for module in _modules() for name in _names(module) if _tagged(name)}
    return tuple(sorted(found, key=lambda e: (e.rows[0][0], int(e.rows[0][1:]), e.name)))


def _field(doc: str, name: str) -> str:
    """The text of "Name: ..." with its continuation lines."""
    match = re.search(rf"^{name}: (.*?)(?=^\w+:|^\s*$|\Z)", doc, re.MULTILINE | re.DOTALL)
    return " ".join(match[1].split()) if match else ""


def _modules() -> Iterator[ModuleType]:
    for info in pkgutil.walk_packages(pedesis.__path__, "pedesis."):
        if not info.name.startswith("pedesis.lessons"):
            yield importlib.import_module(info.name)


def _names(module: ModuleType) -> Iterator[str]:
    """Classes and functions defined in a module, and the methods defined in those classes."""
    for thing in vars(module).values():
        if getattr(thing, "__module__", None) == module.__name__ and (
            inspect.isclass(thing) or inspect.isroutine(thing)
        ):
            name = thing.__qualname__
            yield f"{module.__name__}:{name}"
            for key, member in vars(thing).items() if inspect.isclass(thing) else ():
                if inspect.isfunction(member) or isinstance(member, property):
                    yield f"{module.__name__}:{name}.{key}"


def _tagged(name: str) -> bool:
    return _ROWS.match(inspect.cleandoc(pkgutil.resolve_name(name).__doc__ or "")) is not None
