// Rows of pictures: a walk state by state, and one seed over a row of guidance scales.

import { latest } from "./latest.js";
import { canvases, show } from "./pixels.js";

export const SCALES = [1, 1.5, 2, 3, 4, 6];

/** Wire a section with a button; `work(row, stale)` fills its rows. What goes wrong is said in its note. */
function onButton(root, work) {
  const note = root.querySelector(".note");
  const run = latest(async (stale) => {
    try {
      note.textContent = "Drawing …";
      note.textContent = await work((name, count) => canvases(root.querySelector(`.${name}`), count), stale);
    } catch (error) {
      note.textContent = error.message;
    }
  });
  root.querySelector("button").addEventListener("click", () => run());
}

/** x_t above, the estimate of x_0 below, from noise to the picture. */
export function steps(root, engine, wish) {
  onButton(root, async (row) => {
    const wanted = wish(), { levels } = engine.about.models[wanted.name];
    const states = await engine.draw(wanted);
    const above = row("x", states.length), below = row("x0", states.length);
    states.forEach(({ x, x0 }, i) => {
      show(above[i], x, wanted.shape, `x at time ${levels[i].t}`);
      show(below[i], x0, wanted.shape, `estimate of the picture at time ${levels[i].t}`);
    });
    return `${wanted.label}, seed ${wanted.seed}; from left to right t = ${levels.map(({ t }) => t).join(", ")}.`;
  });
}

/** The same noise under more and more guidance. */
export function scales(root, engine, wish) {
  onButton(root, async (row, stale) => {
    const wanted = wish(), places = row("row", SCALES.length);
    for (let i = 0; i < SCALES.length && !stale(); i++) {
      const states = await engine.draw({ ...wanted, guidance: SCALES[i] });
      show(places[i], states.at(-1).x, wanted.shape, `guidance ${SCALES[i]}`);
    }
    return `${wanted.label}, seed ${wanted.seed}; from left to right guidance ${SCALES.join(", ")}.`;
  });
}
