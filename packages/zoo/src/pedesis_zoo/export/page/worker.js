// All computation, beside the page so that it never freezes: networks by ONNX Runtime on one thread of WebAssembly.
//
//   {id, task: "load", name, model, runtime}               -> {id, progress: bytes}..., {id, result}
//   {id, task: "draw", name, seed, condition, guidance}    -> {id, progress: state of the walk}..., {id, result}
//
// Not WebGPU: its build of the runtime is twice the bytes, and no network here is large enough to earn them.

import * as ort from "./ort/ort.wasm.min.mjs";
import { fetchLarge } from "./large.js";
import { normal } from "./noise.js";
import { walk } from "./walk.js";

ort.env.wasm.numThreads = 1;
const loaded = new Map();
let binary, turn = Promise.resolve();

/** Run work when all before it is done: the runtime does one thing at a time. */
function inTurn(work) {
  const done = turn.then(work);
  turn = done.catch(() => {});
  return done;
}

async function load({ name, model, runtime }, progress) {
  const came = [0, 0];
  const said = (place) => (bytes) => progress((came[place] = bytes) + came[1 - place]);
  binary ??= fetchLarge(runtime.file, said(0)).catch((error) => ((binary = undefined), Promise.reject(error)));
  const network = await fetchLarge(model.file, said(1));
  ort.env.wasm.wasmBinary = await binary;
  const session = await inTurn(() => ort.InferenceSession.create(network, { executionProviders: ["wasm"] }));
  loaded.set(name, { model, session });
}

async function draw({ name, seed, condition, guidance }, progress) {
  const { model, session } = loaded.get(name);
  const dims = [1, ...model.shape], size = model.shape.reduce((a, b) => a * b);
  const asked = new ort.Tensor("int64", BigInt64Array.from(condition, BigInt), model.length ? [1, model.length] : [1]);
  const one = (number) => new ort.Tensor("float32", [number], [1]);
  const scale = one(guidance);

  async function denoise(x, logSnr) {
    const inputs = { x_t: new ort.Tensor("float32", x, dims), log_snr: one(logSnr), condition: asked, guidance: scale };
    return (await session.run(inputs, ["x0"])).x0.data;
  }

  const noise = normal(seed, size).map((number) => model.spread * number);
  for await (const state of walk(noise, model.levels, denoise)) progress(state);
}

self.onmessage = async ({ data: { id, task, ...given } }) => {
  const progress = (said) => postMessage({ id, progress: said });
  try {
    await (task === "load" ? load(given, progress) : inTurn(() => draw(given, progress)));
    postMessage({ id, result: true });
  } catch (error) {
    postMessage({ id, error: error.message ?? String(error) });
  }
};
