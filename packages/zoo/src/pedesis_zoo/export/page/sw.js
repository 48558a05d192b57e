// The page without a server: small files from the network where it answers, else as they were last.
// Large files keep themselves (large.js).

const KEPT = "pedesis-page";

self.addEventListener("install", (event) => event.waitUntil(keepAll()));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  const ours = url.href.startsWith(self.registration.scope) && event.request.method === "GET";
  if (ours && !url.pathname.includes("/large/")) event.respondWith(answer(event.request));
});

async function keepAll() {
  const { small } = await (await fetch("models.json")).json();
  await (await caches.open(KEPT)).addAll(small);
  await self.skipWaiting();
}

async function answer(request) {
  const store = await caches.open(KEPT);
  try {
    const response = await fetch(request);
    if (response.ok) await store.put(request, response.clone());
    return response;
  } catch (error) {
    const kept = await store.match(request, { ignoreSearch: true });
    if (kept) return kept;
    throw error;
  }
}
