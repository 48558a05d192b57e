"""What people give to `sample` and `generate`: numbers of any library, the field's words, rules of their own."""

import inspect
import itertools
import types
from typing import Any

import numpy as np
import pytest
import torch

import pedesis_zoo as zoo
from pedesis.denoiser import Denoiser
from pedesis.guidance.autoguidance import AutoGuidance
from pedesis.guidance.classifier_free import CFGPlusPlus, ClassifierFreeGuidance
from pedesis.samplers import DDIM, Heun
from pedesis.samplers.timesteps import TIMESTEP_SPACINGS
from pedesis_zoo.generation import pipeline as pipeline
from pedesis_zoo.generation.sampling import EVERYWHERE, Settings


@pytest.fixture(scope="module")
def digits() -> zoo.ImageModel:
    return zoo.load("digits")


@pytest.fixture(scope="module")
def usual(digits: zoo.ImageModel) -> np.ndarray:
    return zoo.sample(digits, [3, 4], [0, 1], guidance=2.0, steps=3, sampler="ddim", interval=(-9, 9))


@pytest.mark.parametrize(
    "given",
    [
        {"condition": np.array([3, 4])},
        {"condition": torch.tensor([3, 4])},
        {"condition": (np.int64(3), torch.tensor(4))},
        {"condition": (str(i) for i in (3, 4))},
        {"seeds": torch.arange(2)},
        {"seeds": np.arange(2, dtype=np.uint8)},
        {"seeds": (i for i in range(2))},
        {"guidance": torch.tensor(2.0), "steps": np.int32(3)},
        {"guidance": np.float32(2), "interval": np.array([-9, 9])},
        {"sampler": DDIM},
        {"sampler": "DDIM"},
        {"sampler": "euler"},
        {"sampler": DDIM(), "grid": TIMESTEP_SPACINGS.of("uniform")},
        {"grid": type(TIMESTEP_SPACINGS.of("uniform")), "rescale": None, "negative": None},
    ],
)
def test_numbers_of_any_library_and_things_in_any_form(
    digits: zoo.ImageModel, usual: np.ndarray, given: dict[str, Any]
) -> None:
    plain = {"condition": [3, 4], "seeds": [0, 1], "guidance": 2.0, "steps": 3, "sampler": "ddim", "interval": (-9, 9)}
    assert np.array_equal(zoo.sample(digits, **{**plain, **given}), usual)


def test_minus_one_is_null_as_in_the_core(digits: zoo.ImageModel) -> None:
    assert digits.condition([3, -1, None, "-1"], 4).tolist() == [3, -1, -1, -1]  # type: ignore[union-attr]
    assert digits.condition(torch.tensor(-1), 2).tolist() == [-1, -1]  # type: ignore[union-attr]
    text = zoo.load("avatars")
    assert bool((text.condition(-1, 1) == text.condition(None, 1)).all())  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seeds": 5}, "seeds are whole numbers, one per picture, such as \\[5\\] or range\\(5\\); got 5"),
        ({"seeds": torch.Generator()}, "seeds are whole numbers, one per picture"),
        ({"seeds": "12"}, "seeds are whole numbers"),
        ({"seeds": [0.5]}, "a seed must be a whole number"),
        ({"seeds": itertools.count()}, "1,000,000 at most"),
        ({"condition": 3.0}, "unknown class 3.0"),
        ({"condition": -2}, "unknown class -2"),
        ({"condition": "²"}, "unknown class"),
        ({"condition": {3}}, "a condition is one for all pictures"),
        ({"condition": np.zeros((1, 4000))}, "unknown class a list of 4000"),
        ({"guidance": torch.zeros(50)}, "guidance must be a finite number.*; got a Tensor of shape \\(50,\\)"),
        ({"interval": 3}, "interval must be two numbers"),
        ({"interval": (3, 2)}, "low < high"),
        ({"sampler": TIMESTEP_SPACINGS.of("rho")}, "a sampler is a name"),
        ({"sampler": "edm"}, "the sampler of Karras et al. 2022 is 'heun'"),
        ({"grid": "heun"}, "it is a sampler"),
        ({"model": torch.zeros(3)}, "a model is a name, a path to a weight file"),
        ({"around": lambda denoiser: 3}, "must give a pedesis.denoiser.Denoiser; it gave 3"),
        ({"around": lambda denoiser: denoiser, "guidance": 2.0}, "in place of guidance"),
    ],
)
def test_anything_else_is_one_short_sentence(digits: zoo.ImageModel, given: dict[str, Any], message: str) -> None:
    for verb in (zoo.generate, zoo.sample):
        with pytest.raises(ValueError, match=message) as raised:
            verb(**{"model": digits, **given})
        assert len(str(raised.value)) < 300 and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("guidance_scale", "did you mean 'guidance'"),
        ("num_inference_steps", "did you mean 'steps'"),
        ("scheduler", "did you mean 'sampler'"),
        ("negative_prompt", "did you mean 'negative'"),
        ("prompt", "did you mean 'condition'"),
        ("generator", "seeds: one whole number per picture"),
        ("eta", "sampler={'name': 'ddim', 'eta': 1.0}"),
        ("stpes", "did you mean 'steps'"),
        ("color", "Known: condition, seeds, guidance"),
    ],
)
def test_an_unknown_keyword_is_told_its_name_here(digits: zoo.ImageModel, word: str, message: str) -> None:
    for verb in (zoo.generate, zoo.sample):
        with pytest.raises(TypeError, match=message) as raised:
            verb(digits, 3, **{word: 3})
        assert isinstance(raised.value, ValueError) and "prepare" not in str(raised.value)
    with pytest.raises(TypeError, match="unknown setting"):
        zoo.sample_points("toy-moons", **{word: 3})


def test_a_rule_of_ones_own(digits: zoo.ImageModel) -> None:
    """The model's own rule, given as if it were somebody else's, draws the same; another draws what it says."""
    asked: dict[str, Any] = {"condition": [3, 4], "seeds": [0, 1], "steps": 3}
    own = zoo.sample(digits, **asked, around=lambda plain: ClassifierFreeGuidance(plain, 2.0))
    assert np.array_equal(own, zoo.sample(digits, **asked, guidance=2.0, interval=EVERYWHERE))
    alone = zoo.sample(digits, **asked, around=lambda plain: AutoGuidance(plain, plain, 5.0))
    assert np.abs(alone.astype(int) - zoo.sample(digits, **asked, guidance=1.0)).max() <= 1
    seen: list[Denoiser] = []

    def rule(plain: Denoiser) -> Denoiser:
        seen.append(plain)
        return CFGPlusPlus(plain, 0.5)

    assert zoo.sample(digits, **asked, around=rule).std() > 20 and seen[0].process is digits.denoiser.process


def test_an_upscaler_needs_a_picture() -> None:
    with pytest.raises(ValueError, match="pedesis_zoo.generation.editing.upscale"):
        zoo.generate("heroes-x2")


def test_an_unknown_kind_of_model_is_told() -> None:
    with pytest.raises(ValueError, match="unknown kind of model 'images'; did you mean 'image'"):
        zoo.list_models(kind="images")


def test_points_take_the_same(digits: zoo.ImageModel) -> None:
    given: dict[str, Any] = {"count": 5, "steps": 2}
    one = zoo.sample_points("toy-moons", **given, condition=1, sampler=Heun)
    assert np.array_equal(one, zoo.sample_points("toy-moons", **given, condition="lower", sampler="Heun"))
    none = zoo.sample_points("toy-moons", **given, guidance=1)
    assert np.array_equal(none, zoo.sample_points("toy-moons", **given, condition=-1, guidance=np.float64(1)))
    for wrong in ({"steps": 2.5}, {"count": 0}, {"seed": "x"}, {"condition": "left"}, {"guidance": "2"}):
        with pytest.raises(ValueError):
            zoo.sample_points("toy-moons", **wrong)  # type: ignore[arg-type]


# -- notebooks -------------------------------------------------------------------------------------------------


def test_every_public_name_is_listed_and_is_there() -> None:
    assert set(zoo.__all__) <= set(dir(zoo))
    assert all(hasattr(zoo, name) for name in zoo.__all__)
    functions = [name for name in zoo.__all__ if isinstance(getattr(zoo, name), types.FunctionType)]
    assert {"sample", "generate", "evaluate", "compare", "bits_per_dim"} <= set(functions)
    assert all(inspect.getdoc(getattr(zoo, name)) for name in zoo.__all__)
    assert "around" in Settings.__annotations__


def test_models_pictures_and_moments_show_themselves(digits: zoo.ImageModel) -> None:
    told = repr(digits)
    assert len(told.splitlines()) == 5 and "'digits'" in told and "million" in told and "(1, 8, 8)" in told
    assert len(repr(zoo.load_points("toy-moons")).splitlines()) == 5
    shots = list(zoo.generate(digits, 3, [0, 1], steps=2))
    assert repr(shots[1]) == "Snapshot(step 1 of 2, t=0.5, 2 x 8x8x1)"
    pixels = zoo.sample(digits, 3, [0, 1], steps=2)
    assert isinstance(pixels, np.ndarray) and np.array_equal(pixels, shots[-1].x0)
    for shown in (pixels._repr_png_(), pixels[0]._repr_png_(), shots[0]._repr_png_(), shots[-1]._repr_png_()):
        assert shown is not None and shown.startswith(b"\x89PNG")
    assert (pixels / 2)._repr_png_() is None and pixels[0, 0]._repr_png_() is None


def test_a_bar_says_how_far_it_is(digits: zoo.ImageModel, capsys: pytest.CaptureFixture[str]) -> None:
    quiet = zoo.sample(digits, 3, range(9), steps=2)
    assert capsys.readouterr().err == ""
    ticks = []
    bar = pipeline.tqdm
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "tqdm", lambda **options: ticks.append(bar(**{**options, "delay": 0})) or ticks[-1])
        loud = zoo.sample(digits, 3, range(9), steps=2, progress=True)
    assert np.array_equal(quiet, loud) and ticks[0].n == ticks[0].total == 6
    assert "/6 [" in capsys.readouterr().err
