// From a prompt to tokens, as `pedesis_zoo.data.captions`: token i is word i of the vocabulary, 0 fills up.

const WORD = /[\p{L}\p{N}]+|[^\p{L}\p{N}_\s\x00-\x7f\u2000-\u206f\ufe0f]/gu; // letters and digits, or a sign such as an emoji

/** The words of a prompt: lower case, without punctuation. */
export function split(prompt) {
  return prompt.toLowerCase().replace(/['\u2019]s\b/g, "").match(WORD) ?? [];
}

/** The token of a word, perhaps in another spelling, or in singular for plural; 0 if it is not known. */
function find(word, { vocabulary, spellings }) {
  const forms = [word, spellings[word], `${word}s`, word.replace(/s$/, ""), word.replace(/es$/, "")];
  const known = forms.find((form) => vocabulary.includes(form));
  return known === undefined ? 0 : vocabulary.indexOf(known) + 1;
}

/** Tokens of a model's length. Throws an Error that names the words it does not know, or says that it is too long. */
export function tokens(prompt, model) {
  const words = split(prompt);
  const unknown = words.filter((word) => !find(word, model));
  if (unknown.length) throw new Error(`The model does not know ${unknown.map((word) => `“${word}”`).join(", ")}.`);
  if (words.length > model.length) throw new Error(`At most ${model.length} words fit; these are ${words.length}.`);
  const filled = new Array(model.length).fill(0);
  words.forEach((word, i) => (filled[i] = find(word, model)));
  return filled;
}
