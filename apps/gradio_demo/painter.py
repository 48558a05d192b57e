"""A mask editor for small pictures: one cell per pixel of the model, painted by mouse, finger or arrow keys.

A mask is one 0 or 1 per pixel, row by row, 1 where to draw anew.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from show import data_uri

from pedesis.utils.images import Pixels

HTML = """
<div class="tools" role="toolbar" aria-label="Mask tools">
  <label>Brush <input type="range" min="1" max="9" value="3" aria-label="Brush size in pixels"></label>
  <button type="button" data-tool="paint" aria-pressed="true">Paint</button>
  <button type="button" data-tool="erase" aria-pressed="false">Erase</button>
  <button type="button" data-tool="clear">Clear</button>
</div>
<div class="board">
  <img alt="" hidden>
  <canvas width="1" height="1" tabindex="0" role="application"
    aria-label="Mask. Paint over what is to be drawn anew: drag, or move with the arrow keys and press space."></canvas>
</div>
"""

CSS = """
.tools {display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin-bottom: 8px}
.tools label {display: flex; gap: 6px; align-items: center}
.tools input {width: 90px}
.tools button {padding: 4px 12px; border: 1px solid var(--border-color-primary); border-radius: 6px;
  background: var(--button-secondary-background-fill); color: var(--body-text-color); cursor: pointer}
.tools button[aria-pressed=true] {border-color: var(--color-accent); box-shadow: inset 0 0 0 1px var(--color-accent)}
.board {position: relative; width: 100%; max-width: 400px; aspect-ratio: 1;
  background: var(--background-fill-secondary)}
.board img, .board canvas {position: absolute; inset: 0; width: 100% !important; height: 100%; margin: 0;
  image-rendering: pixelated}
.board canvas {touch-action: none; cursor: crosshair}
.board canvas:focus-visible {outline: 2px solid var(--color-accent)}
"""

JS = """
const image = element.querySelector('img'), canvas = element.querySelector('canvas'), pen = canvas.getContext('2d');
const brush = element.querySelector('input'), tools = element.querySelectorAll('button');
let width = 0, height = 0, cells = [], tool = 'paint', drawing = false, cursor = null, last = null;

function show() {
  pen.clearRect(0, 0, width, height);
  pen.fillStyle = 'rgba(240, 40, 250, 0.7)';
  cells.forEach((on, i) => { if (on) pen.fillRect(i % width, Math.floor(i / width), 1, 1); });
  if (cursor) { pen.fillStyle = 'rgba(56, 189, 248, 0.9)'; pen.fillRect(cursor[0], cursor[1], 1, 1); }
}
function keep() { props.value = {...props.value, mask: cells.map(on => on ? '1' : '0').join('')}; }
function load() {
  const value = props.value;
  image.hidden = !value;
  if (!value) {
    width = height = 0; cells = []; canvas.width = canvas.height = 1;
    return;
  }
  image.src = value.picture;
  if (value.width !== width || value.height !== height || value.mask === '') {
    [width, height] = [value.width, value.height];
    [canvas.width, canvas.height] = [width, height];
    cells = new Array(width * height).fill(false);
    cursor = null;
  }
  if (value.mask) cells = [...value.mask].map(cell => cell === '1');
  show();
}
function dab(x, y) {
  const size = Number(brush.value), low = Math.floor((size - 1) / 2);
  for (let j = y - low; j < y - low + size; j++)
    for (let i = x - low; i < x - low + size; i++)
      if (i >= 0 && j >= 0 && i < width && j < height) cells[j * width + i] = tool === 'paint';
  show();
}
function at(event) {
  const box = canvas.getBoundingClientRect();
  const here = [(event.clientX - box.left) / box.width * width, (event.clientY - box.top) / box.height * height];
  const from = last || here, steps = Math.max(1, Math.ceil(Math.hypot(here[0] - from[0], here[1] - from[1])));
  for (let i = 1; i <= steps; i++)  // a fast stroke jumps: the whole line is meant
    dab(...[0, 1].map(k => Math.floor(from[k] + (here[k] - from[k]) * i / steps)));
  last = here;
}
canvas.addEventListener('pointerdown', event => {
  if (!width) return;
  drawing = true; cursor = last = null; canvas.setPointerCapture(event.pointerId); at(event);
});
canvas.addEventListener('pointermove', event => { if (drawing) event.getCoalescedEvents().forEach(at); });
for (const end of ['pointerup', 'pointercancel'])
  canvas.addEventListener(end, () => { if (drawing) { drawing = false; keep(); } });
canvas.addEventListener('keydown', event => {
  const moves = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  if (!width || !(event.key in moves || event.key === ' ')) return;
  event.preventDefault();
  cursor = cursor || [Math.floor(width / 2), Math.floor(height / 2)];
  if (event.key === ' ') { dab(...cursor); keep(); return; }
  const [right, down] = moves[event.key];
  cursor = [Math.min(width - 1, Math.max(0, cursor[0] + right)), Math.min(height - 1, Math.max(0, cursor[1] + down))];
  show();
});
canvas.addEventListener('blur', () => { cursor = null; show(); });
tools.forEach(button => button.addEventListener('click', () => {
  if (button.dataset.tool === 'clear') { cells.fill(false); show(); keep(); return; }
  tool = button.dataset.tool;
  tools.forEach(other => { if (other.dataset.tool !== 'clear') other.setAttribute('aria-pressed', other === button); });
}));
watch('value', load);
load();
"""


def painter(**options: Any) -> gr.HTML:
    """The mask editor; its value on the page is what `to_paint` gives."""
    return gr.HTML(html_template=HTML, css_template=CSS, js_on_load=JS, apply_default_css=False, **options)


def to_paint(picture: Pixels) -> dict[str, Any]:
    """The editor's value for a picture (H, W, C), with nothing painted."""
    height, width = picture.shape[:2]
    return {"picture": data_uri(picture), "width": width, "height": height, "mask": ""}


def painted(value: Any) -> Any:
    """The mask in the editor's value, or what the API was given in its place."""
    return value.get("mask", "") if isinstance(value, dict) else value
