import { readFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, extname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { ROOT } from "../../../../test/support/child.js";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const ENTRIES = [
  "./page.ts",
  "./images-page.ts",
  "./upscaler-page.ts",
  "./losing-worker.ts",
  "../../src/web/session-worker-cpu.ts",
  "../../src/web/session-worker-webgpu.ts",
  "../../src/web/session-worker-jspi.ts",
].map(here);
const ENGINE = `${ROOT}node_modules/onnxruntime-web/dist/`;
const MODELS = `${ROOT}packages/upscaler/models/`;
const TYPES: Readonly<Record<string, string>> = {
  "": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

export interface Site {
  readonly url: string;
  /** Paths that were asked for. */
  readonly requests: string[];
  close(): void;
}

/**
 * Serves the page, `/isolated` from other origins and `/shared` with them, and its bundle. The engine's .wasm files lie
 * beside the bundle, all its files in `/engine/`; models that ship are in `/models/`.
 */
export async function serveSite(): Promise<Site> {
  const { outputFiles } = await build({
    entryPoints: ENTRIES,
    entryNames: "[name]",
    outdir: "/",
    bundle: true,
    write: false,
    format: "esm",
    // Packages are their sources here, as in tests.
    tsconfig: `${ROOT}tsconfig.json`,
  });
  const bundle = new Map(outputFiles.map(({ path, contents }) => [`/${basename(path)}`, contents]));
  const html = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="page.js"></script>';
  const requests: string[] = [];

  async function answer(path: string, response: ServerResponse): Promise<void> {
    const document = path === "/isolated" || path === "/shared";
    const engine = path.startsWith("/engine/") || extname(path) === ".wasm";
    const files = engine ? ENGINE : path.startsWith("/models/") ? MODELS : undefined;
    const body = document ? html : files ? await readFile(files + basename(path)) : bundle.get(path);
    const isolation = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
    response.writeHead(body === undefined ? 404 : 200, {
      "content-type": TYPES[extname(path)] ?? "text/plain",
      ...(path !== "/shared" && isolation),
    });
    response.end(body);
  }

  const server = createServer(({ url = "/" }, response) => {
    requests.push(url);
    answer(url, response).catch((error: Error) => response.writeHead(500).end(error.message));
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://localhost:${port}`, requests, close: () => server.close() };
}
