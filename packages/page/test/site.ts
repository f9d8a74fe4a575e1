import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { headersFor } from "../src/offline/headers.js";

const BUILT = fileURLToPath(new URL("../dist/", import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".mjs": "text/javascript",
  ".svg": "image/svg+xml",
  ".avif": "image/avif",
  ".wasm": "application/wasm",
};

export interface Site {
  readonly url: string;
  /** Where its files are. */
  readonly folder: string;
  /** Paths that were asked for. */
  readonly requests: string[];
  close(): void;
}

/**
 * Serves the page as `npm run page:build` made it.
 * @param isBare whether the host sends no headers of its own, as static hosts do
 * @param hasJspi whether the browser is let know that it can suspend WebAssembly
 */
export async function servePage({ isBare = false, hasJspi = true } = {}): Promise<Site> {
  if (!existsSync(BUILT)) throw new Error("the page isn't built: npm run build && npm run page:build");
  const requests: string[] = [];
  const server = createServer(({ url = "/" }, response) => {
    const { pathname } = new URL(url, "http://localhost");
    requests.push(pathname);
    const file = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
    readFile(join(BUILT, file)).then(
      (body) =>
        response
          .writeHead(200, {
            "content-type": TYPES[extname(file)] ?? "application/octet-stream",
            ...(isBare ? {} : headersFor(pathname)),
          })
          .end(hasJspi || !/\/worker-/.test(file) ? body : `delete WebAssembly.Suspending;${body}`),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    ...{ url: `http://localhost:${port}/`, folder: BUILT, requests },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
