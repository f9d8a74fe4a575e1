/**
 * What every answer of the page's host says: nothing but its own files is fetched, and the page is isolated from other origins, which
 * threads of WebAssembly take. Servers send these, and the service worker where a host can't.
 */
const POLICY: Readonly<Record<string, string>> = {
  "default-src": "'none'",
  "script-src": "'self'",
  "worker-src": "'self'",
  "style-src": "'self'",
  "img-src": "'self' blob: data:",
  "media-src": "'self' blob:",
  "connect-src": "'self'",
  "manifest-src": "'self'",
  "base-uri": "'none'",
  "form-action": "'none'",
};

/** Scripts of the engine's workers, which alone compile WebAssembly. */
const ENGINE = /\/session-worker-[^/]*\.js$/;

const policy = (directives: Readonly<Record<string, string>>): string =>
  Object.entries(directives)
    .map((directive) => directive.join(" "))
    .join("; ");

/** The policy as the page itself has it, for hosts that send no headers. */
export const PAGE_POLICY = policy(POLICY);

/** @param path of the file that is asked for */
export const headersFor = (path: string): Readonly<Record<string, string>> => ({
  "content-security-policy": policy({
    ...POLICY,
    "script-src": ENGINE.test(path) ? "'self' 'wasm-unsafe-eval'" : "'self'",
    "frame-ancestors": "'none'",
  }),
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(self)",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
});
