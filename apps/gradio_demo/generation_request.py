"""What a visitor may ask for: one validated request, shared by the page, the API, links and picture files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from pedesis.samplers import SAMPLERS
from pedesis_zoo import ImageModel

MOST_IMAGES, MOST_STEPS, MOST_GUIDANCE, MOST_SEED, MOST_LETTERS = 16, 200, 8.0, 2**31 - 1, 300
MOST_COLUMNS, MOST_ROWS = 8, 4
LOWEST, HIGHEST = -20.0, 20.0  # log-SNR; beyond, a picture is pure noise, or clean
ALL_CLASSES, NO_CLASS, NOTHING = "all classes in turn", "no class", "nothing"
KEY = "pedesis"  # of the request in a PNG


def whole(value: Any) -> Any:
    """A slider sends 10.0 for 10; true is not a number."""
    if isinstance(value, bool):
        raise ValueError("true and false are not numbers")
    return int(value) if isinstance(value, float) and value.is_integer() else value


def digits(value: Any) -> Any:
    """A choice among numbers may come as text."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


Whole = Annotated[int, BeforeValidator(whole)]
Real = Annotated[float, BeforeValidator(whole), Field(allow_inf_nan=False)]
Name = Annotated[str, Field(max_length=200)]


def or_nothing(value: Any) -> Any:
    """A choice that means nothing is empty."""
    return "" if value == NOTHING else value


Other = Annotated[str, BeforeValidator(or_nothing), Field(max_length=MOST_LETTERS)]


@cache
def takes_eta(sampler: str) -> bool:
    """Whether a sampler can be told how much noise it adds. Raises UnknownName."""
    return "eta" in SAMPLERS[sampler]().config()


class GenerationRequest(BaseModel):
    """A request for pictures. Names are checked by `pedesis_zoo`, numbers here."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    model: Name
    label: Name = ALL_CLASSES
    prompt: str = Field(default="", max_length=MOST_LETTERS)
    also: Other = ""
    negative: Other = ""
    guidance: Real = Field(default=2.0, ge=0, le=MOST_GUIDANCE)
    interval_low: Real | None = Field(default=None, ge=LOWEST, le=HIGHEST)  # None: as the model has it
    interval_high: Real | None = Field(default=None, ge=LOWEST, le=HIGHEST)
    rescale: Real = Field(default=0.0, ge=0, le=1)
    seed: Whole = Field(default=0, ge=0, le=MOST_SEED)
    number: Whole = Field(default=8, ge=1, le=MOST_IMAGES)
    sampler: Name
    eta: Real = Field(default=0.0, ge=0, le=1)
    steps: Whole = Field(ge=1, le=MOST_STEPS)
    grid: Name
    palette: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> GenerationRequest:
        if self.seeds()[-1] > MOST_SEED:
            raise ValueError(f"the seed of the last picture is {self.seeds()[-1]}; at most {MOST_SEED}")
        if self.interval is not None and not self.interval[0] < self.interval[1]:
            raise ValueError(
                f"the guidance interval needs low < high; got {self.interval[0]:g} and {self.interval[1]:g}"
            )
        return self

    @property
    def interval(self) -> tuple[float, float] | None:
        """Between which log-SNRs guidance above 1 acts; None where the model is to say."""
        if self.interval_low is None and self.interval_high is None:
            return None
        low = LOWEST if self.interval_low is None else self.interval_low
        return low, HIGHEST if self.interval_high is None else self.interval_high

    def wanted(self, model: ImageModel) -> str | list[int] | None:
        """What `pedesis_zoo.generate` takes as its condition."""
        if model.text is not None:
            return self.prompt or None
        if not model.classes or self.label == NO_CLASS:
            return None
        if self.label == ALL_CLASSES:
            return [i % len(model.classes) for i in range(self.number)]
        return self.label

    def seeds(self) -> range:
        """One per picture."""
        return range(self.seed, self.seed + self.number)

    def settings(self, model: ImageModel) -> dict[str, Any]:
        """What `pedesis_zoo.generate` takes besides condition and seeds, as far as it concerns the model."""
        chosen: dict[str, Any] = {"steps": self.steps, "grid": self.grid, "sampler": self.sampler}
        if self.eta and takes_eta(self.sampler):
            chosen["sampler"] = {"name": self.sampler, "eta": self.eta}
        if model.conditional:
            chosen["guidance"] = self.guidance
        if model.conditional and not model.denoiser.guided:
            chosen |= {"interval": self.interval} if self.interval else {}
            others = {"also": self.also, "negative": self.negative}
            chosen |= {key: value for key, value in others.items() if value}
            chosen |= {"rescale": self.rescale} if self.rescale else {}
        if self.palette:
            chosen["palette"] = True
        return chosen

    def drawn_from(self) -> str:
        """The seeds in words."""
        return f"seed {self.seed}" if self.number == 1 else f"seeds {self.seed} to {self.seeds()[-1]}"

    def line(self, model: ImageModel, *without: str) -> str:
        """The request in one line, for people, without the parts that are said elsewhere."""
        what = [self.prompt or "no words" if model.text is not None else self.label if model.classes else ""]
        guided = f"guidance {self.guidance:g}" if model.conditional else ""
        steps = f"{self.steps} step{'s' * (self.steps != 1)}"
        said = {"condition": what[0], "guidance": guided, "seeds": self.drawn_from()}
        said |= {"sampler": self.sampler, "steps": steps}
        return " · ".join([self.model, *(words for name, words in said.items() if words and name not in without)])

    def script(self, model: ImageModel, source: str | None = None) -> str:
        """The same pictures from Python; `source` is what `zoo.sample` takes, where it is not the name."""
        wanted = self.wanted(model)
        shown = (
            f"[i % {len(model.classes)} for i in range({self.number})]" if isinstance(wanted, list) else repr(wanted)
        )
        settings = "".join(f"    {key}={value!r},\n" for key, value in self.settings(model).items())
        return (
            "import pedesis_zoo as zoo\n"
            "from pedesis.utils.images import make_grid, resize_nearest, save_png\n\n"
            "pixels = zoo.sample(\n"
            f"    {(source or self.model)!r},\n"
            f"    {shown},\n"
            f"    seeds=range({self.seed}, {self.seed + self.number}),\n"
            f"{settings})\n"
            'save_png(resize_nearest(make_grid(pixels), 4), "pictures.png")\n'
        )

    def alone(self, i: int, model: ImageModel) -> GenerationRequest:
        """The request for picture `i` of this one, by itself."""
        label = model.classes[i % len(model.classes)] if self.label == ALL_CLASSES and model.classes else self.label
        return self.model_copy(update={"seed": self.seed + i, "number": 1, "label": label})

    def metadata(self) -> dict[str, str]:
        """The text that a PNG of this request carries."""
        return {KEY: self.model_dump_json()}

    def query(self, usual: GenerationRequest | None = None) -> str:
        """The part of an address that carries this request: what is not as in `usual`, or else all that matters."""
        if usual is None:
            return urlencode(self.model_dump(exclude_defaults=True))
        left = {name: value for name, value in self.model_dump().items() if value not in (None, getattr(usual, name))}
        return urlencode({"model": self.model, **left})


Kind = TypeVar("Kind", bound=GenerationRequest)


class Hole(GenerationRequest):
    """A request to draw part of a picture anew: `hole` has one 0 or 1 per pixel, row by row, 1 where to draw."""

    hole: Annotated[str, Field(max_length=2**14, pattern="^[01]*$")] = ""
    repeats: Whole = Field(default=1, ge=1, le=10)

    def mask(self, model: ImageModel) -> NDArray[np.bool_]:
        """The hole, (H, W). Raises ValueError if it is none."""
        _, height, width = model.shape
        if "1" not in self.hole:
            raise ValueError("nothing is to be drawn anew yet: paint over a part of the picture")
        if len(self.hole) != height * width:
            raise ValueError(f"a mask for {model.name} has {height * width} digits, 0 or 1; got {len(self.hole)}")
        return (np.frombuffer(self.hole.encode(), dtype=np.uint8) == ord("1")).reshape(height, width)


class ImageToImage(GenerationRequest):
    """A request to begin from a picture."""

    strength: Real = Field(default=0.5, gt=0, le=1)


class Walk(GenerationRequest):
    """A request for the way from one seed, and perhaps one condition, to another."""

    second_seed: Whole = Field(default=1, ge=0, le=MOST_SEED)
    other: Other = ""

    def drawn_from(self) -> str:
        """Both ends."""
        return f"from seed {self.seed} to seed {self.second_seed}"


class SuperResolution(GenerationRequest):
    """A request for a picture whose means over blocks of `factor` x `factor` pixels are known."""

    factor: Annotated[Whole, BeforeValidator(digits)] = Field(default=2, ge=2, le=4)


def parse_request(kind: type[Kind] = GenerationRequest, /, **values: Any) -> Kind:  # type: ignore[assignment]
    """Validate a request. Raises ValueError with one sentence that says what came and what was expected."""
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        if not name:
            raise ValueError(message) from None
        raise ValueError(f"{name}: {message}; got {str(first['input'])[:80]!r}") from None


def as_number(text: str) -> float | str:
    """A number, or a text that is none, which validation will name."""
    try:
        return float(text)
    except ValueError:
        return text


def _truth(text: str) -> bool | str:
    return {"true": True, "false": False}.get(text.lower(), text)


READ: dict[Any, Callable[[str], Any]] = {str: str, bool: _truth}
"""How the text of an address is read, by the kind of the field; else as a number."""


def from_query(
    query: Mapping[str, str],
    make: Callable[..., Any] | None = None,
    kind: type[GenerationRequest] = GenerationRequest,
) -> Any:
    """The request that an address carries, or None if it carries none. Raises ValueError for a wrong one.

    Args:
        make: from fields of this kind to the request; by default all of them must be there.
    """
    fields = kind.model_fields
    known = {key: READ.get(fields[key].annotation, as_number)(value) for key, value in query.items() if key in fields}
    return (make or parse_request)(**known) if known else None


def strange(query: Mapping[str, str]) -> list[str]:
    """What an address carries that no request knows; names with two underscores are Gradio's."""
    return [key[:80] for key in query if key not in GenerationRequest.model_fields and not key.startswith("__")]


def from_png(path: str | Path) -> GenerationRequest:
    """The request that a PNG of the demo carries. Raises ValueError if it carries none."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            text = image.info.get(KEY, "")
        values = json.loads(text)
    except Exception:  # a stranger's file: whatever it does to the decoders, it carries no settings
        values = None
    if not isinstance(values, dict):
        raise ValueError(
            "this file carries no settings (GIFs carry none); drop a PNG that was downloaded from this page"
        )
    return parse_request(
        **{name: value for name, value in values.items() if name in GenerationRequest.model_fields}
    )  # edits have more
