// The page's side of the worker: promises instead of messages; each model is loaded once, when first asked for.

export class Engine {
  /** `about` is models.json; `progress(sentence, share)` is told how far loading is, and ("", 1) at its end. */
  constructor(about, progress) {
    Object.assign(this, { about, progress, waiting: new Map(), ready: new Map(), count: 0 });
    this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => this.#answer(data);
    this.worker.onerror = (event) => {
      for (const { reject } of this.waiting.values()) reject(new Error(event.message || "the worker could not start"));
    };
  }

  /** The states of the walk that a wish asks for, {name, seed, condition, guidance}; `each` is given them as they come. */
  async draw({ name, seed, condition, guidance }, each = () => {}) {
    await this.load(name);
    const states = [];
    await this.#ask({ task: "draw", name, seed, condition, guidance }, (state) => {
      states.push(state);
      each(state);
    });
    return states;
  }

  load(name) {
    if (!this.ready.has(name)) {
      const loading = this.#load(name);
      this.ready.set(name, loading);
      loading.catch(() => this.ready.delete(name)); // so that the next wish tries again
    }
    return this.ready.get(name);
  }

  async #load(name) {
    const { runtime, models } = this.about, model = models[name];
    const total = model.bytes + (this.ready.size ? 0 : runtime.bytes);
    const said = (bytes) => this.progress(`Loading ${name}, ${(total / 1e6).toFixed(1)} MB`, Math.min(1, bytes / total));
    said(0);
    try {
      await this.#ask({ task: "load", name, model, runtime }, said);
    } finally {
      this.progress("", 1);
    }
  }

  #ask(message, progress) {
    const id = this.count++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, progress });
      this.worker.postMessage({ id, ...message });
    });
  }

  #answer({ id, result, error, progress }) {
    const waiting = this.waiting.get(id);
    if (progress !== undefined) return waiting.progress?.(progress);
    this.waiting.delete(id);
    if (error === undefined) waiting.resolve(result);
    else waiting.reject(new Error(error));
  }
}
