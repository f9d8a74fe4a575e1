import { defineConfig } from "vitest/config";

/** Tests read the packages' sources, so that each module is there once. */
const source = (name: string) => `${import.meta.dirname}/packages/${name}/src/`;

const MODULES = ["packages/{core,upscaler,slimsr}/test/**/*.test.ts"];

/** Tests of what runs by itself: commands, pages, packages. */
const PROGRAMS = [
  "packages/slimsr/test/cli/**/*.test.ts",
  "packages/upscaler/test/web/**/*.test.ts",
  "packages/page/test/**/*.test.ts",
  "test/**/*.test.ts",
];

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
      // Files share modules, so that these are loaded once: what a module keeps, as what the engine answered, is the same for all.
      { extends: true, test: { name: "modules", include: MODULES, exclude: PROGRAMS, isolate: false } },
      { extends: true, test: { name: "programs", include: PROGRAMS } },
    ],
    // Sessions bring threads of their own.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Images, fixtures and compiled workers are read from the repository's root.
    root: import.meta.dirname,
  },
});
