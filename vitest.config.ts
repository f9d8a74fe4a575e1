import { defineConfig } from "vitest/config";

/** Tests read the packages' sources, so that each module is there once. */
const source = (name: string) => `${import.meta.dirname}/packages/${name}/src/`;

export default defineConfig({
  resolve: {
    alias: [
      {
        find: /^@slimsr\/(core|upscaler)\/internal\/(.*)\.js$/,
        replacement: `${import.meta.dirname}/packages/$1/src/$2.ts`,
      },
      { find: /^@slimsr\/core$/, replacement: `${source("core")}index.ts` },
      { find: /^@slimsr\/upscaler$/, replacement: `${source("upscaler")}index.ts` },
    ],
  },
  test: {
    projects: [
      // The core's modules hold no state: its tests share them, so that loading takes a third of the time.
      { extends: true, test: { name: "core", include: ["packages/core/test/**/*.test.ts"], isolate: false } },
      {
        extends: true,
        test: { name: "others", include: ["packages/{upscaler,slimsr,page}/test/**/*.test.ts", "test/**/*.test.ts"] },
      },
    ],
    // Sessions bring threads of their own.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Images, fixtures and compiled workers are read from the repository's root.
    root: import.meta.dirname,
  },
});
