// What the controls of a panel ask for: {name, condition, guidance, seed, label}. Throws an Error that says what is wrong.

import { tokens } from "./words.js";

function seedOf(root) {
  const text = root.querySelector("[name=seed]").value.trim(), seed = Number(text);
  if (!text || !Number.isSafeInteger(seed) || seed < 0) throw new Error("A seed is a whole number from 0 to 2^53 - 1.");
  return seed;
}

const guidanceOf = (root) => Number(root.querySelector("[name=guidance]").value);

/** A class of Fashion-MNIST, by the student that is chosen. */
export function clothesWish(root, models) {
  const name = root.querySelector("[name=model]").value, label = root.querySelector("[name=class]");
  const shown = label.selectedOptions[0].textContent;
  return { name, condition: [Number(label.value)], guidance: guidanceOf(root), seed: seedOf(root), label: shown, shape: models[name].shape };
}

/** A hero in words. */
export function heroWish(root, models) {
  const name = "heroes-student", model = models[name], prompt = root.querySelector("[name=prompt]").value;
  const label = prompt.trim() || "any hero";
  return { name, condition: tokens(prompt, model), guidance: guidanceOf(root), seed: seedOf(root), label, shape: model.shape };
}
