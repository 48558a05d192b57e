"""Names: any spelling, the field's words, classes defined twice, things given as names, classes or objects."""

import sys
import types
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pytest
import torch

from pedesis.denoiser import NetworkDenoiser
from pedesis.losses import WEIGHTS
from pedesis.nn import UNet
from pedesis.parameterizations import PARAMETERIZATIONS, Eps
from pedesis.process import Process
from pedesis.samplers import DDIM, SAMPLERS, Heun
from pedesis.samplers.timesteps import TIMESTEP_SPACINGS
from pedesis.schedules import SCHEDULES
from pedesis.utils import registry
from pedesis.utils.aliases import HINTS, NAMES, squashed, words_for
from pedesis.utils.registry import Described, Registry, UnknownName, shown

REGISTRIES: dict[str, Registry[Any]] = {WEIGHTS.kind: WEIGHTS, **{each.kind: each for each in Registry.every}}


@pytest.mark.parametrize(
    ("known", "word", "name"),
    [
        (SAMPLERS, "DDIM", "ddim"),
        (SAMPLERS, "dpm++_2m", "dpm++2m"),
        (SAMPLERS, "euler", "ddim"),
        (SAMPLERS, "DPM-Solver++", "dpm++2m"),
        (SAMPLERS, "DPMSolverMultistepScheduler", "dpm++2m"),
        (SAMPLERS, "Euler a", "ddpm"),
        (PARAMETERIZATIONS, "v_prediction", "v"),
        (PARAMETERIZATIONS, "epsilon", "eps"),
        (PARAMETERIZATIONS, "sample", "x0"),
        (TIMESTEP_SPACINGS, "karras", "rho"),
        (TIMESTEP_SPACINGS, "log_snr", "log-snr"),
        (SCHEDULES, "Linear-Log-SNR", "linear-log-snr"),
    ],
)
def test_words_of_the_field_are_found(known: Registry[Described], word: str, name: str) -> None:
    assert word in known and known[word] is known[name]
    assert known.of(word).spec() == known.build({"name": name}).spec()


@pytest.mark.parametrize(
    ("known", "word", "message"),
    [
        (SAMPLERS, "edm", "the sampler of Karras et al. 2022 is 'heun'"),
        (SAMPLERS, "dpm", "did you mean 'dpm\\+\\+2m'"),
        (SAMPLERS, "rho", "it is a time grid"),
        (SAMPLERS, "eular", "did you mean 'ddim'"),
        (TIMESTEP_SPACINGS, "heun", "it is a sampler"),
        (PARAMETERIZATIONS, "velocity", "'flow' is eps - x0"),
        (SCHEDULES, "scaled_linear", "table of betas"),
    ],
)
def test_what_has_no_counterpart_is_explained(known: Registry[Described], word: str, message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        known[word]


@pytest.mark.parametrize("word", ["tcd", "ipndm", "rectified", "xyz", "", "pdm", "res"])
def test_a_word_that_is_like_nothing_gets_no_hint(word: str) -> None:
    with pytest.raises(UnknownName) as raised:
        SAMPLERS[word]
    assert "did you mean" not in str(raised.value)


@pytest.mark.parametrize("kind", [kind for kind in NAMES if kind != "setting"])
def test_the_table_leads_to_names_that_exist(kind: str) -> None:
    known = REGISTRIES[kind]
    names = {squashed(name) for name in known}
    assert set(NAMES[kind]) <= set(known)
    assert not names & set(words_for(kind)), "a name is never the alias of another"
    assert not {squashed(word) for word in HINTS.get(kind, {})} & (names | set(words_for(kind)))


def test_things_are_given_by_name_by_class_or_as_they_are() -> None:
    heun = Heun(churn=0.1)
    assert SAMPLERS.of(heun) is heun and isinstance(SAMPLERS.of(Heun), Heun)
    assert SAMPLERS.of({"name": "Heun", "churn": 0.1}).spec() == heun.spec()
    assert NetworkDenoiser(torch.nn.Identity(), Process("flow", "rectified-flow"), Eps).parameterization.name == "eps"
    for wrong in (3, None, TIMESTEP_SPACINGS.of("rho"), Process, torch.zeros(50, 50)):
        with pytest.raises(ValueError, match="a sampler is a name"):
            SAMPLERS.of(wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="needs arguments"):
        SCHEDULES.of(SCHEDULES["betas"])


def test_a_class_defined_again_replaces_itself_and_no_other() -> None:
    known: Registry[Described] = Registry("thing")

    def define(answer: int) -> type[Described]:
        @known.register("mine")
        class Mine(Described):
            value = answer

        return Mine

    define(1)
    again = define(2)
    assert known["mine"] is again
    with pytest.raises(ValueError, match="already registered"):
        known.register("mine")(DDIM)
    Registry.every.remove(known)


def test_errors_are_short_whatever_came() -> None:
    assert shown(torch.zeros(100, 3)) == "a Tensor of shape (100, 3)"
    assert shown(list(range(1000))) == "a list of 1000" and len(shown("x" * 500)) <= 60
    for wrong in (torch.zeros(100, 100), UNet(), "x" * 5000, list(range(9000))):
        with pytest.raises(ValueError) as raised:
            SAMPLERS.build({"name": "ddim", "eta": 0.5, "more": wrong})
        assert len(str(raised.value)) < 300 and "it takes eta" in str(raised.value)
        assert len(str(UnknownName("class", wrong, ["a"]))) < 200


def test_reprs_say_the_arguments() -> None:
    assert repr(DDIM(0.5)) == "DDIM(eta=0.5)"
    assert repr(Process("edm", "ve")) == "Process(ElucidatedDiffusion(sigma_min=0.002, sigma_max=80.0, rho=7.0), 've')"
    assert len(repr(NetworkDenoiser(UNet(), Process("linear")))) < 200


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    """Entry points that a package would declare."""
    found: list[EntryPoint] = []
    monkeypatch.setattr(registry, "entry_points", lambda group: [each for each in found if each.group == group])
    registry.extend.cache_clear()
    yield found
    registry.extend.cache_clear()
    SAMPLERS._classes.pop("from-afar", None)


def test_an_installed_package_brings_its_own(plugin: list[EntryPoint], monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("afar")

    def __getattr__(name: str) -> type[DDIM]:
        return SAMPLERS.register("from-afar")(type("FromAfar", (DDIM,), {}))

    module.__getattr__ = __getattr__  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, "afar", module)
    assert "from-afar" not in SAMPLERS
    plugin.append(EntryPoint("afar", "afar:samplers", "pedesis"))
    assert SAMPLERS.of("from-afar").name == "from-afar"


def test_a_package_that_cannot_be_imported_is_named(plugin: list[EntryPoint]) -> None:
    plugin.append(EntryPoint("broken", "no_such_module", "pedesis"))
    with pytest.raises(ValueError, match="entry point 'broken' \\(no_such_module\\)"):
        SAMPLERS["from-afar"]
