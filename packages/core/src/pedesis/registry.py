"""Names for things that can be chosen by name: schedules, samplers, networks, models.

A class registers itself where it is defined; tests, the zoo and both apps read the registry, so a new
schedule or sampler is written in one place and appears everywhere.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class UnknownName(ValueError):
    """A name that is not known; says what came, the nearest known name, and what exists."""

    def __init__(self, kind: str, name: object, known: Iterable[str]):
        known = list(known)
        near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        super().__init__(f"unknown {kind} {name!r}{hint} Known: {', '.join(known) or '(none)'}.")


class Registry(Generic[T]):
    """A named set of classes of one kind, in the order of their definition."""

    def __init__(self, kind: str):
        self.kind = kind
        self._classes: dict[str, type[T]] = {}

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        """Class decorator: make the class known as `name`, and tell it so (`cls.name`)."""

        def add(cls: type[T]) -> type[T]:
            if name in self._classes:
                raise ValueError(f"{self.kind} {name!r} is already registered, by {self._classes[name]!r}")
            self._classes[name] = cls
            cls.name = name  # type: ignore[attr-defined]
            return cls

        return add

    def __getitem__(self, name: str) -> type[T]:
        try:
            return self._classes[name]
        except KeyError:
            raise UnknownName(self.kind, name, self._classes) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __contains__(self, name: object) -> bool:
        return name in self._classes

    def build(self, spec: dict[str, Any]) -> T:
        """Make an instance from its plain description `{"name": ..., **arguments}`.

        Raises:
            UnknownName: no such name. ValueError: arguments that the class does not take.
        """
        arguments = dict(spec)
        cls = self[arguments.pop("name", "")]
        try:
            return cls(**arguments)
        except TypeError as error:
            raise ValueError(f"{self.kind} {spec.get('name')!r} cannot be built from {arguments}: {error}") from None


class Described:
    """Something that a `Registry` can rebuild from plain data (stored in the header of a weight file)."""

    name: str = ""

    def config(self) -> dict[str, Any]:
        """The constructor's arguments as plain numbers, strings and lists."""
        return {}

    def spec(self) -> dict[str, Any]:
        """`{"name": ..., **config}`: what `Registry.build` takes. Raises ValueError for a class without a name."""
        if not self.name:
            raise ValueError(
                f"{type(self).__name__} has no name by which it could be built again; decorate the class with "
                '`register("a name")` of its registry'
            )
        return {"name": self.name, **self.config()}
