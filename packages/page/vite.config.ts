import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { headersFor, PAGE_POLICY } from "./src/offline/headers.js";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Headers of the built page's answers; the development server's page has scripts that a strict policy doesn't allow. */
function headers(): Plugin {
  return {
    name: "headers",
    configurePreviewServer({ middlewares }) {
      middlewares.use((request, response, next) => {
        const { pathname } = new URL(request.url ?? "/", "http://localhost");
        for (const [name, value] of Object.entries(headersFor(pathname))) response.setHeader(name, value);
        next();
      });
    },
    transformIndexHtml: {
      order: "post",
      handler: (_, { server }) =>
        server
          ? []
          : [
              {
                tag: "meta",
                attrs: { "http-equiv": "Content-Security-Policy", content: PAGE_POLICY },
                injectTo: "head-prepend",
              },
            ],
    },
  };
}

/** The list of files that the service worker keeps: all visitors', and those of each build of the engine. */
function offlineFiles(): Plugin {
  return {
    name: "offline-files",
    generateBundle(_, bundle) {
      const all = ["./", ...Object.keys(bundle).filter((name) => !/service-worker|\.html$/.test(name))];
      const engines = {
        wasm: all.filter((name) => /session-worker-cpu|simd-threaded-[^.]*\.wasm$/.test(name)),
        webgpu: all.filter((name) => /session-worker-webgpu|threaded\.asyncify.*\.wasm$/.test(name)),
        jspi: all.filter((name) => /session-worker-jspi|threaded\.jspi.*\.wasm$/.test(name)),
      };
      const isOther = (name: string) =>
        /session-worker|\.wasm$|\.mjs$|\.onnx$/.test(name) || (/\.safetensors$/.test(name) && !/photo-x2/.test(name));
      const always = all.filter((name) => !isOther(name));
      this.emitFile({
        type: "asset",
        fileName: "offline-files.json",
        source: JSON.stringify({ always, engines, all }),
      });
    },
  };
}

const isolation = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

export default defineConfig({
  root: here("."),
  // The page may lie in any folder of a host.
  base: "./",
  worker: { format: "es" },
  server: { headers: isolation },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { page: here("index.html"), "service-worker": here("src/offline/service-worker.ts") },
      output: {
        entryFileNames: ({ name }) => (name === "service-worker" ? "[name].js" : "assets/[name]-[hash].js"),
      },
    },
  },
  plugins: [headers(), offlineFiles()],
});
