// From numbers to what is seen: x in [-1, 1], channels first, becomes gray levels round(127.5 (x + 1)) on a canvas.

/** RGBA bytes of one picture (C, H, W), C = 1 or 3. */
export function toPixels(x, [channels, height, width]) {
  const pixels = new Uint8ClampedArray(4 * height * width).fill(255);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) pixels[4 * i + c] = Math.round(127.5 * (x[(c % channels) * height * width + i] + 1));
  }
  return pixels;
}

/** Put a picture on a canvas, one canvas pixel each; it may be one on its way. */
export function sketch(canvas, x, shape) {
  const [, height, width] = shape;
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(new ImageData(toPixels(x, shape), width, height), 0, 0);
  canvas.classList.remove("stale");
}

/** Put a finished picture on a canvas; `label` is what a screen reader says of it. */
export function show(canvas, x, shape, label) {
  sketch(canvas, x, shape);
  canvas.setAttribute("aria-label", label);
  canvas.dataset.drawn = label;
}

/** A canvas for a picture yet to come. */
export function blank() {
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "not drawn yet");
  return canvas;
}

/** Exactly `count` canvases in an element; those that are there stay. */
export function canvases(element, count) {
  while (element.children.length > count) element.lastChild.remove();
  while (element.children.length < count) element.append(blank());
  return [...element.children];
}
