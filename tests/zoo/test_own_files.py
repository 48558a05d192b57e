"""Weight files of one's own: named in any way, shown, measured and kept beside; what is none is one sentence."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.torch import save_file

import pedesis_zoo as zoo
from pedesis.utils.files import digest
from pedesis_zoo.cli import main
from pedesis_zoo.cli.words import in_our_words
from pedesis_zoo.data import search
from pedesis_zoo.models.own_files import drawable
from pedesis_zoo.models.registry import MODELS, WEIGHTS, own_file
from pedesis_zoo.models.weights import load_weights

OWN_SAMPLER = """
from pedesis.samplers import DDIM, SAMPLERS

@SAMPLERS.register("{name}")
class Mine(DDIM):
    pass
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a weight file under two names, one of points, and others that are none."""
    for name, model in {"mine.safetensors": "digits", "nosuffix": "digits", "moons.safetensors": "toy-moons"}.items():
        shutil.copy(MODELS / model / WEIGHTS, tmp_path / name)
    (tmp_path / "foreign.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    (tmp_path / "my.pt").write_text("pickled")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """The exit code, and both outputs, of a command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["pedesis_zoo", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
    out, err = capsys.readouterr()
    return int(stopped.value.code or 0), out, err


def test_a_file_is_a_file_and_a_name_is_a_model(folder: Path) -> None:
    (folder / "digits").write_text("not a model")
    assert own_file("digits") is None and own_file("./digits") == Path("digits")
    assert own_file("nosuffix") == Path("nosuffix") and own_file("absent") is None
    assert own_file("x.safetensors") == Path("x.safetensors") == own_file(Path("x.safetensors"))
    assert zoo.load("nosuffix").classes == zoo.load("digits").classes


def test_which_files_of_a_folder_can_draw(folder: Path) -> None:
    usable, left_out = drawable(folder)
    assert list(usable) == ["mine.safetensors"]
    assert len(left_out) == 2 and all("\n" not in sentence for sentence in left_out)
    assert any("foreign.safetensors" in sentence for sentence in left_out)
    assert any("moons.safetensors is a model of kind 'points'" in sentence for sentence in left_out)


@pytest.mark.parametrize("about", [{}, {"format": 1}, {"format": 1, "kind": "image", "model": {"network": 3}}])
def test_a_description_of_nothing_is_one_sentence(folder: Path, about: dict[str, object]) -> None:
    with safe_open(folder / "mine.safetensors", "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    header = json.dumps(about)
    save_file(tensors, folder / "odd.safetensors", {"pedesis": header, "sha256": digest(header, tensors)})
    with pytest.raises(ValueError, match="does not describe a model|cannot be built"):
        load_weights(folder / "odd.safetensors")


def test_a_card_of_ones_own_says_what_was_measured(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(["card", "mine.safetensors"], capsys)
    assert code == 0 and out.startswith("# mine\n") and "digits, 1 x 8 x 8" in out and "Nothing yet" in out
    code, out, err = run(["evaluate", "mine.safetensors", "-n", "50", "--steps", "2", "--save"], capsys)
    assert code == 0, err
    assert (folder / "mine.metrics.json").is_file() and "nearest training pictures" in zoo.card("mine.safetensors")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", "my.pt"], "my.pt"),
        (["sample", "."], "is a folder; name a weight file in it: "),
        (["sample", "absent.bin"], "there is no weight file absent.bin"),
        (["sample", "foreign.safetensors"], "foreign.safetensors"),
        (["sample", "moons.safetensors"], "is a model of points"),
        (["sample", "heroes-x2"], "draws larger versions"),
        (["sample", "digits", "--out", "z.jpg"], "written as PNG: name a file that ends in .png"),
        (["sample", "digits", "--out", "a" * 300 + ".png"], "ame too long"),
        (["card", "absent.safetensors"], "there is no weight file"),
        (["card", "nosuch"], "unknown model 'nosuch'"),
        (["evaluate"], "name a model, or give --pictures FOLDER"),
        (["evaluate", "--pictures", "."], "--pictures FOLDER needs --against"),
        (["evaluate", "digits", "--against", "absent"], "not a folder"),
        (["--import", "absent_module", "list"], "importing 'absent_module' failed: ModuleNotFoundError"),
        (["list", "--import"], "importing '' failed"),
        (["sample", "digits", "--sampler", "edm"], "the sampler of Karras et al. 2022 is 'heun'"),
    ],
)
def test_what_is_none_is_one_sentence_and_leaves_nothing(
    folder: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(os.listdir(folder))
    code, _, err = run(arguments, capsys)
    assert code == 2 and message in err and "Traceback" not in err
    assert err.splitlines()[-1].startswith("error: ") and sorted(os.listdir(folder)) == before


def test_results_that_could_not_be_kept_are_not_measured(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine.metrics.json").mkdir()
    code, out, err = run(["evaluate", "mine.safetensors", "-n", "50", "--save"], capsys)
    assert code == 2 and "mine.metrics.json: it is a folder" in err and out == ""


@pytest.mark.parametrize(("name", "file"), [("own_steps", "own_steps.py"), ("./other_steps.py", "other_steps.py")])
def test_samplers_of_ones_own_on_the_command_line(
    folder: Path, name: str, file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (folder / file).write_text(OWN_SAMPLER.format(name=f"{file}-sampler"))
    sizes = ["-n", "1", "--num-inference-steps", "2", "--guidance_scale=3", "--device", "cpu"]
    code, _, err = run(["sample", "digits", *sizes, "--sampler", f"{file}-sampler", "--import", name], capsys)
    assert code == 0, err
    assert (folder / "samples.png").is_file()


def test_the_words_of_the_field_are_options_too() -> None:
    typed = ["sample", "digits", "--cfg", "3", "--scheduler=euler", "--out", "a", "--import=a", "--import", "b"]
    ours = ["--import", "a", "--import", "b", "sample", "digits", "--guidance", "3", "--sampler=euler", "--out", "a"]
    assert in_our_words(typed) == ours


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("PEDESIS_DATA", str(tmp_path))
    assert search.folders(None, "x") == [tmp_path / "x", tmp_path]
    with pytest.raises(search.DataNotFound, match="no home folder"):
        search.cache_folder()
