import { headersFor } from "./headers.js";

declare const self: ServiceWorkerGlobalScope;

/** What the page's files are kept in, and where their list is. */
const CACHE = "slimsr-page";
const LIST = "offline-files.json";

/** What the build writes into the list: files that every visitor needs, and those of each build of the engine. */
interface OfflineFiles {
  readonly always: readonly string[];
  readonly engines: Readonly<Record<string, readonly string[]>>;
  /** All that there are: what else was kept is of an older page. */
  readonly all: readonly string[];
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", (event) => {
  const { build } = event.data as { build: string };
  const [port] = event.ports;
  event.waitUntil(keep(build).then(() => port?.postMessage("kept")));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== location.origin) return;
  event.respondWith(answer(request));
});

const addressOf = (path: string): string => new URL(path, self.registration.scope).href;

async function keep(build: string): Promise<void> {
  const list = (await (await fetch(addressOf(LIST), { cache: "no-cache" })).json()) as OfflineFiles;
  const cache = await caches.open(CACHE);
  const known = new Set(list.all.map(addressOf));
  for (const { url } of await cache.keys()) if (!known.has(url)) await cache.delete(url);
  for (const path of [...list.always, ...(list.engines[build] ?? [])]) {
    if (!(await cache.match(addressOf(path)))) await cache.add(addressOf(path));
  }
}

/** Pages come from the network while there is one, so that they are never old; their files' names change with what is in them. */
async function answer(request: Request): Promise<Response> {
  const isPage = request.mode === "navigate";
  const cache = await caches.open(CACHE);
  const kept = await cache.match(isPage ? addressOf("./") : request, { ignoreSearch: isPage });
  if (kept && !isPage) return secured(kept, request.url);
  try {
    const response = await fetch(request);
    if (response.ok && isPage) await cache.put(addressOf("./"), response.clone());
    else if (response.ok && /\/assets\//.test(request.url)) await cache.put(request, response.clone());
    return secured(response, request.url);
  } catch (error) {
    if (kept) return secured(kept, request.url);
    throw error;
  }
}

/** The answer, with what a host may have left out. */
function secured(response: Response, url: string): Response {
  if (response.type === "error" || response.type === "opaqueredirect" || response.redirected) return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(headersFor(new URL(url).pathname))) headers.set(name, value);
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
