// The page: reads models.json, fills the controls, and wires each section to the engine.

import { Engine } from "./engine.js";
import { kernelToy } from "./kernel.js";
import { forgetOthers } from "./large.js";
import { panel } from "./panel.js";
import { scales, steps } from "./strips.js";
import { clothesWish, heroWish } from "./wishes.js";

const STEPS = "fashion-mnist-student-4";
const part = (id) => document.getElementById(id);
const clothes = part("clothes"), heroes = part("heroes");

function progress(sentence, share) {
  part("loading").hidden = !sentence;
  part("loading-text").textContent = sentence;
  part("loading-bar").value = share;
}

function fill({ models }) {
  const { classes } = models[STEPS], label = clothes.querySelector("[name=class]");
  classes.forEach((name, i) => label.add(new Option(name, i)));
  label.add(new Option("anything", -1));
  label.value = classes.indexOf("sneaker");
  for (const root of [clothes, heroes]) {
    const { guidance, scales } = models[root === heroes ? "heroes-student" : STEPS];
    const [min, max] = scales;
    Object.assign(root.querySelector("[name=guidance]"), { min, max, value: guidance });
  }
  part("heroes-size").textContent = (models["heroes-student"].bytes / 1e6).toFixed(1);
  part("vocabulary").textContent = models["heroes-student"].vocabulary.join(", ");
  for (const { card } of Object.values(models)) {
    const line = document.createElement("li");
    line.textContent = card;
    part("cards").append(line);
  }
}

/** Which of the two drawings a section is about; clothes by a student of one's own choice. */
function wishOf(root, models, student) {
  const hero = root.querySelector("[name=of]").value === "heroes";
  return hero ? heroWish(heroes, models) : { ...clothesWish(clothes, models), ...(student && { name: student }) };
}

kernelToy(part("kernel"));
const about = await (await fetch("models.json")).json();
const engine = new Engine(about, progress);
fill(about);

const drawClothes = panel(clothes, engine, () => clothesWish(clothes, about.models), 8);
const drawHeroes = panel(heroes, engine, () => heroWish(heroes, about.models), 4);
for (const root of document.querySelectorAll("form")) root.addEventListener("submit", (event) => event.preventDefault());
heroes.querySelector("form").addEventListener("submit", () => drawHeroes(true));
heroes.querySelector("[name=prompt]").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey) return;
  event.preventDefault();
  drawHeroes(true);
});
for (const button of heroes.querySelectorAll(".examples button")) {
  button.addEventListener("click", () => {
    heroes.querySelector("[name=prompt]").value = button.textContent;
    drawHeroes(true);
  });
}
steps(part("steps"), engine, () => wishOf(part("steps"), about.models, STEPS));
scales(part("scales"), engine, () => wishOf(part("scales"), about.models));
drawClothes(true);

navigator.serviceWorker?.register("sw.js").catch(() => {}); // without it the page needs its server
forgetOthers([about.runtime, ...Object.values(about.models)].map(({ file }) => file));
