"""What the API page says of every endpoint: the range of each parameter, and what it is if it is left out."""

from __future__ import annotations

from typing import Any

from generation_request import Hole, ImageToImage, SuperResolution, Walk

KINDS = (Hole, ImageToImage, SuperResolution, Walk)
FIELDS = {name: field for kind in KINDS for name, field in kind.model_fields.items()}
BY_MODEL = (
    "label",
    "prompt",
    "guidance",
    "interval_low",
    "interval_high",
    "sampler",
    "steps",
    "grid",
    "values",
    "row_values",
)
LIMITS = {"ge": "at least {}", "gt": "more than {}", "le": "at most {}", "max_length": "at most {} letters"}
OTHERS = {
    "randomize": "true: a random seed, which the second result tells",
    "palette": "true: only colors of the data; of models of pixel art",
    "picture": "a picture file of at most 10 MB",
    "by": "guidance, steps, sampler or condition",
    "values": "one a line, 2 to 8 of them",
    "rows_by": "seeds; or, with one seed for all, guidance, steps, sampler or condition",
    "row_values": "one a line, 2 to 4 of them",
}


def described(endpoints: dict[str, Any]) -> dict[str, Any]:
    """The same endpoints; everything can be left out, and then has the value that is usual for the model."""
    for endpoint in endpoints.values():
        for parameter in endpoint["parameters"]:
            name = parameter["parameter_name"]
            if name in BY_MODEL or not parameter["parameter_has_default"]:
                parameter |= {"parameter_has_default": True, "parameter_default": None}
            parameter["python_type"] = {**parameter["python_type"], "description": range_of(name)}
    return endpoints


def range_of(name: str) -> str:
    """What a parameter may be, in words."""
    limits = [
        words.format(f"{limit:g}" if isinstance(limit, float) else limit)
        for metadata in (FIELDS[name].metadata if name in FIELDS else ())
        for key, words in LIMITS.items()
        if (limit := getattr(metadata, key, None)) is not None
    ]
    usual = ["if left out: as is usual for the model"] if name in BY_MODEL else []
    return "; ".join([*([OTHERS[name]] if name in OTHERS else []), *limits, *usual])
