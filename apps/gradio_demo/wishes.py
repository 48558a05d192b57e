"""What a visitor may ask for: one validated request, shared by the page and the API."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

MOST_IMAGES, MOST_STEPS, MOST_GUIDANCE, MOST_SEED = 16, 200, 8.0, 2**31 - 1
ALL_CLASSES, NO_CLASS = "all classes in turn", "no class"


def whole(value: Any) -> Any:
    """A slider sends 10.0 for 10; true is not a number."""
    if isinstance(value, bool):
        raise ValueError("true and false are not numbers")
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(whole)]


class Wish(BaseModel):
    """A request for pictures. Names are checked by `pedesis_zoo`, numbers here."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    model: str = Field(max_length=200)
    label: str = Field(default=ALL_CLASSES, max_length=100)
    guidance: Annotated[float, BeforeValidator(whole)] = Field(default=2.0, ge=0, le=MOST_GUIDANCE, allow_inf_nan=False)
    sampler: str = Field(max_length=50)
    steps: Whole = Field(ge=1, le=MOST_STEPS)
    grid: str = Field(max_length=50)
    number: Whole = Field(default=8, ge=1, le=MOST_IMAGES)
    seed: Whole = Field(default=0, ge=0, le=MOST_SEED)

    def condition(self, classes: tuple[str, ...]) -> str | list[int] | None:
        """What `pedesis_zoo.generate` takes as its condition."""
        if not classes or self.label == NO_CLASS:
            return None
        if self.label == ALL_CLASSES:
            return [i % len(classes) for i in range(self.number)]
        return self.label

    def script(self, classes: tuple[str, ...], source: str | None = None) -> str:
        """The same pictures from Python; `source` is what `zoo.sample` takes, where it is not the name."""
        condition = self.condition(classes)
        shown = (
            f"[i % {len(classes)} for i in range({self.number})]" if isinstance(condition, list) else repr(condition)
        )
        return (
            "import pedesis_zoo as zoo\n"
            "from pedesis.images import enlarge, grid, save_png\n\n"
            "pixels = zoo.sample(\n"
            f"    {(source or self.model)!r},\n"
            f"    {shown},\n"
            f"    seeds=range({self.seed}, {self.seed + self.number}),\n"
            f"    guidance={self.guidance},\n"
            f"    sampler={self.sampler!r},\n"
            f"    steps={self.steps},\n"
            f"    grid={self.grid!r},\n"
            ")\n"
            'save_png(enlarge(grid(pixels), 4), "pictures.png")\n'
        )


def wish(**values: Any) -> Wish:
    """Validate a request. Raises ValueError with one sentence that says what came and what was expected."""
    try:
        return Wish(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "the request"
        message = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{name}: {message}; got {first['input']!r}") from None
