// Keeps the site in the browser: after the first visit it opens without a network, and its files are what was built or
// they are not kept. A new deployment takes over as a whole. Each build writes the sums of its files into this script.
const FILES = new Map(Object.entries("@FILES@"));
const VERSION = "@VERSION@";

const HOME = new URL("./", self.location).href;
// Other sites may be served from the same host, and other folders of it.
const FAMILY = `mesm ${new URL(HOME).pathname} `;
const CACHE = FAMILY + VERSION;
const SUM = "x-mesm-sha256";
// Larger files are kept when the page asks for them: fetching them twice at a first visit would double it.
const EAGER_BYTES = 1_000_000;
// Lies in a deployment's cache once pages are to come from it.
const TAKEN_OVER = "?taken-over";

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => {
  if (event.data === "take-over") event.waitUntil(takeOver(event.source));
});
self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET" || !event.request.url.startsWith(HOME)) return;
  const path = event.request.url.slice(HOME.length).split(/[?#]/)[0] || "index.html";
  // A deployment that waits may have files of other names.
  if (FILES.has(path) || self.registration.waiting) event.respondWith(answer(event, path));
});

async function install() {
  const older = (await caches.keys()).filter((name) => name.startsWith(FAMILY) && name !== CACHE);
  const cache = await caches.open(CACHE);
  for (const [path, file] of FILES) {
    if (await cache.match(path)) continue;
    const same = await among(older, path, file);
    if (same) await cache.put(path, same);
    // Whoever has been here before gets the whole new deployment before it takes over.
    else if (older.length > 0 || file.bytes <= EAGER_BYTES) await keep(path, await bring(path, "no-cache"));
  }
}

async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith(FAMILY) && name !== CACHE) await caches.delete(name);
  }
  await self.clients.claim();
}

// A page that runs with the old files keeps them until it is closed. Where the page that asks is the only one it may come
// anew, and from then on all do: the old worker hands out the new one's files. That one waits until all pages are closed.
// Called to work at once it may be let wait all the same (in Chromium until the old one has nothing to do, or for five
// minutes), and then comes while a page starts, which costs that page requests that are under way.
async function takeOver(page) {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const cache = await caches.open(CACHE);
  const first = pages.length <= 1 && !(await cache.match(TAKEN_OVER));
  if (first) await cache.put(TAKEN_OVER, new Response());
  page.postMessage(first ? "reload" : "stay");
}

// From this worker's deployment, or from a later one that has taken over.
async function kept(path) {
  const names = (await caches.keys()).filter((name) => name.startsWith(FAMILY));
  const later = names.slice(names.indexOf(CACHE) + 1).reverse();
  for (const name of [...later, CACHE]) {
    const cache = await caches.open(name);
    const file = (name === CACHE || (await cache.match(TAKEN_OVER))) && (await cache.match(path));
    if (file) return file;
  }
  return null;
}

async function among(caches_, path, file) {
  for (const name of caches_) {
    const kept = await (await caches.open(name)).match(path);
    if (kept && kept.headers.get(SUM) === file.sha256) return kept;
  }
  return null;
}

async function answer(event, path) {
  const anew = event.request.cache === "reload";
  const file = anew ? null : await kept(path);
  if (file) return file;
  if (!FILES.has(path)) return fetch(event.request);
  const response = await bring(path, anew ? "reload" : "default");
  if (!response.ok || !response.body) return response;
  // The page reads while it arrives; what is kept is checked first.
  const [now, later] = response.body.tee();
  const { status, headers } = response;
  event.waitUntil(keep(path, new Response(later, { status, headers })).catch(() => {}));
  return new Response(now, { status, headers });
}

function bring(path, cache) {
  return fetch(new URL(path, HOME), { cache });
}

async function keep(path, response) {
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status}`);
  const bytes = await response.arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const sha256 = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (sha256 !== FILES.get(path).sha256) throw new Error(`${path}: not what was built`);
  const headers = {
    "content-type": response.headers.get("content-type") ?? "application/octet-stream",
    "content-length": String(bytes.byteLength),
    [SUM]: sha256,
  };
  await (await caches.open(CACHE)).put(path, new Response(bytes, { headers }));
}
