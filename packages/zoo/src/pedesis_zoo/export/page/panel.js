// A panel that draws: one large picture, redrawn while its controls move, and more seeds once they rest.

import { latest } from "./latest.js";
import { canvases, show, sketch } from "./pixels.js";

/** Wire a panel. `parse_request()` reads its controls; `more` is how many further seeds follow. Gives draw(all). */
export function panel(root, engine, wish, more) {
  const first = root.querySelector(".large"), note = root.querySelector(".note");
  const rest = canvases(root.querySelector(".grid"), more);
  const said = (wanted) => `${wanted.label}, guidance ${wanted.guidance}, seed ${wanted.seed}`;

  async function place(canvas, wanted) {
    const states = await engine.draw(wanted, ({ x0 }) => sketch(canvas, x0, wanted.shape));
    show(canvas, states.at(-1).x, wanted.shape, said(wanted));
  }

  const draw = latest(async (all, stale) => {
    try {
      const wanted = wish();
      note.textContent = "";
      rest.forEach((canvas) => canvas.classList.add("stale"));
      const began = performance.now();
      await place(first, wanted);
      root.dataset.milliseconds = Math.round(performance.now() - began);
      for (let i = 0; all && i < more && !stale(); i++) await place(rest[i], { ...wanted, seed: wanted.seed + i + 1 });
    } catch (error) {
      note.textContent = error.message;
    }
  });

  const guidance = root.querySelector("[name=guidance]");
  const tell = () => (root.querySelector("output").value = Number(guidance.value).toFixed(1));
  guidance.addEventListener("input", () => (tell(), draw(false)));
  tell();
  root.addEventListener("change", () => draw(true));
  root.querySelector("[name=new]").addEventListener("click", () => {
    root.querySelector("[name=seed]").value = Math.floor(Math.random() * 1e6);
    draw(true);
  });
  return draw;
}
