"""Draw docs/pictures/rooms.svg: the rooms of the project and who imports whom, read from the code itself.

    python docs/draw_rooms.py

A room is a package, or one of the files of the heart. Every room stands above all that it imports; of the arrows
those are drawn that do not follow from others (the transitive reduction). Colored are the two flows.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = {
    "pedesis": ROOT / "packages/core/src/pedesis",
    "pedesis_zoo": ROOT / "packages/zoo/src/pedesis_zoo",
    "gradio_demo": ROOT / "apps/gradio_demo",
    "streamlit_explorer": ROOT / "apps/streamlit_explorer",
}
PREFIX = {"pedesis": "", "pedesis_zoo": "zoo."}
FLOWS = {  # the two lines of the README, as rooms
    "training": ("zoo.data", "process", "denoiser", "losses", "training"),
    "generation": ("utils", "denoiser", "guidance", "samplers", "zoo.generation"),
}
COLORS = {"training": "#d97706", "generation": "#2563eb"}
WIDTH, BOX, ROW, MARGIN = 1120, 30, 74, 24

Graph = dict[str, set[str]]


def room_of(module: str) -> str | None:
    """The room of a module by its dotted name, or None for what is no part of the project (and for bare packages)."""
    package, _, rest = module.partition(".")
    if package in ("gradio_demo", "streamlit_explorer"):
        return {"gradio_demo": "demo", "streamlit_explorer": "explorer"}[package]
    if package not in PREFIX or not rest:
        return None
    return PREFIX[package] + rest.split(".")[0]


def imported(tree: ast.AST) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imports() -> Graph:
    """Each room and the other rooms that it imports."""
    graph: Graph = {}
    for package, folder in SOURCES.items():
        for path in sorted(folder.rglob("*.py")):
            inside = path.relative_to(folder).with_suffix("").parts
            if inside in (("__init__",), ("__main__",)) or (inside[-1] == "recipe" and len(inside) > 2):
                continue
            room = room_of(".".join([package, *inside]).removesuffix(".__init__"))
            assert room is not None
            others = {room_of(module) for module in imported(ast.parse(path.read_text()))}
            others -= {"zoo.generation"} if room == "zoo.models" else set()  # `model.sample` is short for `sample`
            graph.setdefault(room, set()).update(other for other in others if other and other != room)
    return {room: {other for other in others if other in graph} for room, others in graph.items()}


def floors(graph: Mapping[str, set[str]]) -> dict[str, int]:
    """The floor of each room, one above the highest that it imports. Raises ValueError where they form a circle."""
    done: dict[str, int] = {}

    def floor(room: str, way: tuple[str, ...] = ()) -> int:
        if room in way:
            raise ValueError(f"rooms import each other in a circle: {' -> '.join([*way, room])}")
        if room not in done:
            done[room] = 1 + max((floor(other, (*way, room)) for other in graph[room]), default=-1)
        return done[room]

    for room in graph:
        floor(room)
    return done


def reduced(graph: Mapping[str, set[str]]) -> Graph:
    """The arrows that do not follow from others."""

    def reach(room: str) -> set[str]:
        return graph[room].union(*(reach(other) for other in graph[room])) if graph[room] else set()

    return {room: others - set().union(*(reach(other) for other in others)) for room, others in graph.items()}


def places(graph: Mapping[str, set[str]]) -> dict[str, tuple[float, float]]:
    """Where the middle of each room is: its floor, and on it the order that keeps arrows short."""
    level = floors(graph)
    rows: dict[int, list[str]] = {}
    for room in sorted(graph):
        rows.setdefault(level[room], []).append(room)
    top, found = max(rows), {}
    for floor in range(top + 1):
        below = {room: [found[o][0] for o in graph[room] if o in found] for room in rows[floor]}
        order = sorted(rows[floor], key=lambda room: (sum(below[room]) / len(below[room]) if below[room] else 0, room))
        for i, room in enumerate(order):
            found[room] = (WIDTH * (i + 0.5) / len(order), MARGIN + BOX + (top - floor) * ROW)
    return found


def svg() -> str:
    """The whole picture."""
    graph = imports()
    at, thin = places(graph), reduced(graph)
    height = max(y for _, y in at.values()) + BOX + 3 * MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" font-family="sans-serif" '
        'font-size="13">',
        "<title>The rooms of Pedesis; an arrow points to what is imported</title>",
        f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="context-stroke"/></marker></defs>',
    ]
    for room in sorted(thin):
        for other in sorted(thin[room]):
            (x1, y1), (x2, y2) = at[room], at[other]
            out.append(
                f'<path d="M{x1:.0f} {y1 + BOX / 2:.0f} C{x1:.0f} {y1 + ROW * 0.6:.0f} {x2:.0f} {y2 - ROW * 0.6:.0f} '
                f'{x2:.0f} {y2 - BOX / 2:.0f}" fill="none" stroke="#c4c4c4" marker-end="url(#tip)"/>'
            )
    for room, (x, y) in sorted(at.items()):
        flows = [name for name, rooms in FLOWS.items() if room in rooms]
        edge = COLORS[flows[0]] if len(flows) == 1 else "#111111" if flows else "#9ca3af"
        wide = 9 * len(room) + 20
        out.append(
            f'<rect x="{x - wide / 2:.0f}" y="{y - BOX / 2:.0f}" width="{wide}" height="{BOX}" rx="6" fill="#ffffff" '
            f'stroke="{edge}" stroke-width="{2.5 if flows else 1}"/>'
            f'<text x="{x:.0f}" y="{y + 5:.0f}" text-anchor="middle" fill="#111111">{escape(room)}</text>'
        )
    for i, (name, rooms) in enumerate(FLOWS.items()):
        line = f"{name}: {' → '.join(rooms)}"
        out.append(
            f'<text x="{MARGIN}" y="{height - MARGIN * (1.6 - i):.0f}" fill="{COLORS[name]}">{escape(line)}</text>'
        )
    return "\n".join([*out, "</svg>", ""])


if __name__ == "__main__":
    (ROOT / "docs/pictures/rooms.svg").write_text(svg())
