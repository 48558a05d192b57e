"""The layers of the design hold: a module imports only from below itself, in the core and in the zoo."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pedesis

ROOT = Path(pedesis.__file__).parent
ZOO = ROOT.parents[2] / "zoo/src/pedesis_zoo"

# From the bottom up; rooms and modules on one line do not import each other.
CORE_LAYERS = [
    ["gaussian", "utils.registry", "utils.files", "utils.precision", "utils.device"],
    ["utils", "nn.networks"],
    ["nn", "schedules", "physics"],
    ["process", "parameterizations"],
    ["denoiser"],
    ["theory"],
    ["guidance", "losses"],
    ["samplers"],
    ["training", "editing"],
    ["doctor"],
    ["lessons"],
]
ZOO_LAYERS = [["data"], ["models"], ["generation"], ["evaluation"], ["training", "export", "interop"], ["cli"]]
LATE = {("models.loading", "generation.points"), ("models.loading", "generation.sampling")}
"""What a method imports as it is called: `model.sample` is short for `pedesis_zoo.sample`."""
HEART = {"gaussian", "schedules", "process", "parameterizations", "denoiser", "guidance", "samplers", "losses"}


def place(module: str, layers: list[list[str]]) -> int:
    """The layer of a module, by its longest listed prefix."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        for i, layer in enumerate(layers):
            if name in layer:
                return i
    raise AssertionError(f"{module} has no place in the layers of tests/core/test_layers.py")


def imports(path: Path, package: str, root: Path) -> set[str]:
    """Modules of a package that a file imports as it runs, anywhere in it, without the package's own name."""
    found = set()
    tree = ast.parse(path.read_text())
    for node in tree.body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package}."):
            room = (node.module or "").removeprefix(f"{package}.")
            inside = [name.name for name in node.names if (root / room.replace(".", "/") / f"{name.name}.py").is_file()]
            found |= {f"{room}.{name}" for name in inside}
            found |= {room} if len(inside) < len(node.names) else set()
        if isinstance(node, ast.Import):
            found |= {a.name.removeprefix(f"{package}.") for a in node.names if a.name.startswith(f"{package}.")}
    return found


def modules(root: Path) -> Iterator[tuple[str, Path]]:
    """Every module below a folder by its dotted name, the package itself and the models' recipes left out."""
    for path in sorted(root.rglob("*.py")):
        name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        recipe = path.name == "recipe.py" and path.parent.parent != root
        if name not in ("__init__", "__main__") and not recipe:
            yield name, path


def check(root: Path, package: str, layers: list[list[str]]) -> None:
    for module, path in modules(root):
        others = {other for other in imports(path, package, root) if other.split(".")[0] != module.split(".")[0]}
        others -= {above for late, above in LATE if late == module}
        for other in others:
            below = place(other, layers) < place(module, layers)
            assert below, f"{package}.{module} imports {package}.{other}, which is not below it"


def test_modules_import_only_from_below() -> None:
    check(ROOT, "pedesis", CORE_LAYERS)
    check(ZOO, "pedesis_zoo", ZOO_LAYERS)


def circles(graph: dict[str, set[str]]) -> list[str]:
    """Modules that reach themselves."""

    def reach(name: str, seen: set[str]) -> set[str]:
        for other in graph.get(name, set()) - seen:
            seen.add(other)
            reach(other, seen)
        return seen

    return [name for name in graph if name in reach(name, set())]


def test_no_module_imports_itself_by_a_detour() -> None:
    for root, package in ((ROOT, "pedesis"), (ZOO, "pedesis_zoo")):
        graph = {name: imports(path, package, root) for name, path in modules(root)}
        graph["models.loading"] = graph.get("models.loading", set()) - {above for _, above in LATE}
        assert not circles(graph), f"{package}: these modules import each other in a circle"
    assert circles({"a": {"b"}, "b": {"a"}, "c": {"a"}}) == ["a", "b"]


def test_a_stranger_sees_the_heart_and_at_most_eight_rooms_around_it() -> None:
    seen = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    around = seen - HEART - {"__init__"}
    assert seen >= HEART and len(around) <= 8, sorted(around)
    assert all((ROOT / room / "__init__.py").is_file() for room in around), (
        "around the heart there are rooms, not files"
    )
    rooms = [path for path in ZOO.iterdir() if path.is_dir() and (path / "__init__.py").is_file()]
    assert len(rooms) <= 8 and {path.stem for path in ZOO.glob("*.py")} <= {"__init__", "__main__", "_lazy"}


def test_every_room_says_what_is_inside_and_lists_what_is_public() -> None:
    for root in (ROOT, ZOO):
        for path in root.glob("*/__init__.py"):
            tree = ast.parse(path.read_text())
            lines = (ast.get_docstring(tree) or "").splitlines()
            assert len(lines) >= 3, f"{path} should say in three lines what is inside and what it may know"
            assert "__all__" in path.read_text(), f"{path} lists nothing as public"


def test_core_knows_neither_the_zoo_nor_the_apps() -> None:
    for path in ROOT.rglob("*.py"):
        text = path.read_text()
        assert not any(f"import {name}" in text for name in ("pedesis_zoo", "gradio", "streamlit")), path


def test_no_file_is_long() -> None:
    for folder in (ROOT, ZOO, ROOT.parents[3] / "apps"):
        for path in folder.rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 300, f"{path} is too long to read in one sitting"
