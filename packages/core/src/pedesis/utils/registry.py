"""Names for things that can be chosen by name: schedules, samplers, networks, models.

A class registers itself where it is defined; tests, the zoo and both apps read the registry, so a new
schedule or sampler is written in one place and appears everywhere. A package of your own is imported by itself if
it names its module as an entry point of the group "pedesis".
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar, cast

from pedesis.utils.aliases import hint_for, name_of, squashed, words_for

T = TypeVar("T")
Choice: TypeAlias = T | type[T] | str | Mapping[str, Any]
"""What `Registry.of` takes: an object, its class, its name, or `{"name": ..., **arguments}`."""
ENTRY_POINTS = "pedesis"


def shown(value: object, most: int = 60) -> str:
    """A value in an error: its repr if that is short, else its type, with the shape if it has one."""
    text = repr(value)
    if len(text) <= most and "\n" not in text:
        return text
    shape = getattr(value, "shape", None)
    size = f" of shape {tuple(shape)}" if isinstance(shape, tuple) else ""
    if isinstance(value, str):
        return f"{text[: most - 3]}..."
    if not size and hasattr(value, "__len__"):
        size = f" of {len(value)}"
    return f"a {type(value).__name__}{size}"


class UnknownName(ValueError):
    """A name that is not known; says what came, what it is called here, or the nearest name, and what exists."""

    def __init__(self, kind: str, name: object, known: Iterable[str], told: str | None = None):
        known = list(known)
        told = told or hint_for(kind, str(name))
        near = None if told else nearest(kind, str(name), known)
        hint = f": {told}." if told else f"; did you mean {near!r}?" if near else "."
        super().__init__(f"unknown {kind} {shown(name)}{hint} Known: {', '.join(known) or '(none)'}.")


class UnknownArgument(UnknownName, TypeError):
    """A keyword that a function does not take."""


def nearest(kind: str, name: str, known: Iterable[str]) -> str | None:
    """The known name that a word stands for, or that it is most likely a misspelling of."""
    words = {word: name for word, name in words_for(kind).items() if name in known}
    words |= {squashed(each): each for each in known}
    near = difflib.get_close_matches(squashed(name), words, n=1, cutoff=0.7)
    return words[near[0]] if near else None


@cache
def extend() -> None:
    """Import the modules that installed packages name as entry points of the group "pedesis", once.

    Raises:
        ValueError: one of them cannot be imported.
    """
    for found in entry_points(group=ENTRY_POINTS):
        try:
            found.load()
        except Exception as error:
            raise ValueError(
                f"the entry point {found.name!r} ({found.value}) of the group {ENTRY_POINTS!r} cannot be imported: "
                f"{type(error).__name__}: {error}"
            ) from error


class Registry(Generic[T]):
    """A named set of classes of one kind, in the order of their definition."""

    every: ClassVar[list[Registry[Any]]] = []

    def __init__(self, kind: str):
        self.kind = kind
        self._classes: dict[str, type[T]] = {}
        Registry.every.append(self)

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        """Class decorator: make the class known as `name`, and tell it so (`cls.name`).

        A class that is defined again, as in a cell of a notebook that runs twice, replaces itself.
        """

        def add(cls: type[T]) -> type[T]:
            before = self._classes.get(name)
            if before is not None and _place(before) != _place(cls):
                raise ValueError(f"{self.kind} {name!r} is already registered, by {before!r}")
            self._classes[name] = cls
            cls.name = name  # type: ignore[attr-defined]
            return cls

        return add

    def __getitem__(self, name: str) -> type[T]:
        known = self.named(name)
        if known is None:
            extend()
            known = self.named(name)
        if known is None:
            others = [other.kind for other in Registry.every if other is not self and name in other]
            told = hint_for(self.kind, str(name)) or (f"it is a {others[0]}" if others else None)
            raise UnknownName(self.kind, name, self._classes, told)
        return self._classes[known]

    def named(self, word: object) -> str | None:
        """The name that is meant by a word in any spelling, or by a word of the field (`pedesis.utils.aliases`)."""
        if not isinstance(word, str) or word in self._classes:
            return word if isinstance(word, str) else None
        spelled = {squashed(name): name for name in self._classes}.get(squashed(word))
        alias = name_of(self.kind, word)
        return spelled or (alias if alias in self._classes else None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __contains__(self, name: object) -> bool:
        return self.named(name) is not None

    def build(self, spec: Mapping[str, Any]) -> T:
        """Make an instance from its plain description `{"name": ..., **arguments}`.

        Raises:
            UnknownName: no such name. ValueError: arguments that the class does not take.
        """
        arguments = dict(spec)
        cls = self[arguments.pop("name", "")]
        try:
            return cls(**arguments)
        except TypeError as error:
            given = ", ".join(f"{key} = {shown(value)}" for key, value in arguments.items()) or "nothing"
            taken = ", ".join(inspect.signature(cls).parameters) or "no arguments"
            name = shown(spec.get("name"))
            raise ValueError(f"{self.kind} {name} cannot be built from {given}: {error}; it takes {taken}") from None

    def of(self, wanted: Choice[T]) -> T:
        """What is wanted, as an object: from its name, its plain description, its class or itself.

        Raises:
            UnknownName: no such name. ValueError: something else, or arguments that are missing.
        """
        if isinstance(wanted, str):
            return self.build({"name": wanted})
        if isinstance(wanted, Mapping):
            return self.build(wanted)
        kinds = tuple({_root(cls) for cls in self._classes.values()})
        if isinstance(wanted, type) and issubclass(wanted, kinds):
            try:
                made: T = wanted()
            except TypeError as error:
                raise ValueError(f"the {self.kind} {wanted.__name__} needs arguments: {error}") from None
            return made
        if isinstance(wanted, kinds):
            return cast(T, wanted)
        raise ValueError(
            f"a {self.kind} is a name ({', '.join(self)}), {{'name': ..., arguments}}, a class or an object; "
            f"got {shown(wanted)}"
        )


def _place(cls: type) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__


def _root(cls: type) -> type:
    """The class of everything of one kind: the first that is described."""
    return next((base for base in reversed(cls.__mro__) if Described in base.__bases__), cls)


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

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={shown(value)}" for key, value in self.config().items())
        return f"{type(self).__name__}({arguments})"
