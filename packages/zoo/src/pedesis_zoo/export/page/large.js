// Large files: fetched once with progress, kept in the browser's cache, stored compressed (.gz).
// Their names hold a digest of their content, so what is kept can never be out of date.

const KEPT = "pedesis-large";

/** The content of a file as a Uint8Array; `progress(bytes)` tells how many have come. */
export async function fetchLarge(url, progress = () => {}) {
  const store = await open();
  let bytes = await kept(store, url);
  if (!bytes) {
    bytes = await received(url, progress);
    await store?.put(url, new Response(bytes)).catch(() => {}); // a full disk: it will be fetched again
  }
  progress(bytes.length);
  return unpacked(bytes);
}

/** Let go of large files of an earlier version of the page. */
export async function forgetOthers(urls) {
  const store = await open();
  const wanted = urls.map((url) => new URL(url, location.href).href);
  for (const request of (await store?.keys()) ?? []) if (!wanted.includes(request.url)) await store.delete(request);
}

/** The cache, which browsers give to https and to this machine only. */
async function open() {
  return globalThis.caches?.open(KEPT).catch(() => undefined);
}

async function kept(store, url) {
  const response = await store?.match(url);
  return response && new Uint8Array(await response.arrayBuffer());
}

async function received(url, progress) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} could not be loaded: the server answered ${response.status}`);
  const chunks = [];
  let length = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    progress((length += value.length));
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** Decompressed, unless the server has done that already. */
async function unpacked(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
