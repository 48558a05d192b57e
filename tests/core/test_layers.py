"""The layers of the design hold: a module imports only from below itself."""

import ast
from pathlib import Path

import pedesis

ROOT = Path(pedesis.__file__).parent

# From the bottom up; modules on one line do not import each other.
LAYERS = [
    ["gaussian", "registry", "files", "precision"],
    ["noise", "images", "nn.networks"],
    ["nn", "schedules", "physics"],
    ["process", "parameterisations"],
    ["denoiser"],
    ["reverse", "ode", "kernels"],
    [
        "grids",
        "exact",
        "guidance",
        "samplers",
        "losses",
        "elbo",
        "likelihood",
        "stepsearch",
        "classifier",
        "variance",
        "joint",
        "latent",
        "remembered",
    ],
    ["thresholds", "variational", "training", "distillation", "editing", "inverse"],
    ["doctor"],
    ["lessons"],
]
WITHIN = {"nn", "physics", "samplers", "doctor", "lessons"}  # packages whose modules may import each other


def place(module: str) -> int:
    """The layer of a module, by its longest listed prefix."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        for i, layer in enumerate(LAYERS):
            if name in layer:
                return i
    raise AssertionError(f"pedesis.{module} has no place in the layers of tests/core/test_layers.py")


def imports(path: Path) -> set[str]:
    """Modules of pedesis that a file imports, without the prefix."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pedesis."):
            found.add((node.module or "").removeprefix("pedesis."))
        if isinstance(node, ast.Import):
            found |= {a.name.removeprefix("pedesis.") for a in node.names if a.name.startswith("pedesis.")}
    return found


def test_modules_import_only_from_below() -> None:
    for path in ROOT.rglob("*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if module == "__init__":
            assert not imports(path)
            continue
        for other in imports(path):
            if module.split(".")[0] == other.split(".")[0] and module.split(".")[0] in WITHIN:
                continue
            assert place(other) < place(module), f"pedesis.{module} imports pedesis.{other}, which is not below it"


def test_core_knows_neither_the_zoo_nor_the_apps() -> None:
    for path in ROOT.rglob("*.py"):
        text = path.read_text()
        assert not any(f"import {name}" in text for name in ("pedesis_zoo", "gradio", "streamlit")), path


def test_no_file_is_long() -> None:
    for folder in (ROOT, ROOT.parents[2] / "zoo/src/pedesis_zoo"):
        for path in folder.rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 320, f"{path} is too long to read in one sitting"
