/**
 * Folders and files of each package's src, from low to high: what stands here imports itself and what stands before it, and what
 * shares a line doesn't import one another. Only index.ts, elsewhere, sees everything.
 */
export const ORDER = {
  core: [
    ["errors", "misplaced"],
    ["graph"],
    ["operators"],
    ["onnx"],
    ["differentiate", "images"],
    ["lowering"],
    ["networks"],
    ["model"],
    ["checkpoints"],
    ["export", "metrics", "objectives", "optimisers"],
    ["quantisation"],
    ["formats"],
  ],
  upscaler: [["engine", "images", "loading"], ["tiling"], ["upscaling"], ["index"], ["node", "web"]],
  slimsr: [
    ["assets", "random", "stage", "text", "version"],
    ["files"],
    ["exchange", "images"],
    ["degradations"],
    ["datasets"],
    ["engine"],
    ["calibration"],
    ["deployment"],
    ["slimming"],
    ["training"],
    ["evaluation"],
    ["quantisation"],
    ["events"],
    ["report"],
    ["runs"],
    ["parity", "upscaling"],
    ["cli"],
  ],
  page: [
    ["messages"],
    ["client", "layers", "live", "state", "worker"],
    ["stage"],
    ["actions", "controls", "offline"],
    ["main"],
  ],
};

const pathOf = (name, part) => `^packages/${name}/src/${part}(/|\\.ts$)`;

const order = Object.entries(ORDER).flatMap(([name, lines]) => {
  const all = lines.flat().map((part) => pathOf(name, part));
  const rules = lines.flatMap((line, i) => {
    const before = lines.slice(0, i).flat();
    return line.map((part) => ({
      name: `order-${name}-${part}`,
      comment: `it imports itself and what stands before it: ${before.join(", ") || "nothing"}`,
      severity: "error",
      from: { path: pathOf(name, part), pathNot: `^packages/${name}/src/index\\.ts$` },
      to: { path: `^packages/${name}/src/`, pathNot: [part, ...before].map((each) => pathOf(name, each)) },
    }));
  });
  const unplaced = {
    name: `order-${name}`,
    comment: "give the folder its place in ORDER",
    severity: "error",
    from: { path: `^packages/${name}/src/`, pathNot: [...all, `^packages/${name}/src/index\\.ts$`] },
    to: {},
  };
  return [...rules, unplaced];
});

export default {
  forbidden: [
    ...order,
    {
      name: "folder-circle",
      comment: "folders that import one another are one folder",
      severity: "error",
      scope: "folder",
      from: { path: "^packages/[^/]+/src" },
      to: { path: "^packages/[^/]+/src", circular: true },
    },
    {
      name: "packages-by-name",
      comment: "another package is imported by what it exports, not by its files",
      severity: "error",
      from: { path: "^packages/([^/]+)/src/" },
      to: { path: "^packages/", pathNot: "^packages/$1/", dependencyTypes: ["local"] },
    },
    {
      name: "packages-downwards",
      comment: "core imports no other package, upscaler core alone",
      severity: "error",
      from: { path: "^packages/(core|upscaler)/src/" },
      to: { path: "(^|/)packages/(upscaler|slimsr)/", pathNot: "^packages/$1/" },
    },
    {
      name: "page-of-upscaler",
      comment: "the page shows what the upscaler does, and nothing imports the page",
      severity: "error",
      from: { path: "^packages/page/src/" },
      to: { path: "(^|/)packages/slimsr/" },
    },
    {
      name: "nothing-of-node",
      comment: "core and what upscaler shares run in browsers too",
      severity: "error",
      from: { path: "^packages/(core|upscaler)/src/", pathNot: "^packages/upscaler/src/node/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "one-place-for-engines",
      comment: "ONNX Runtime is imported where sessions are made",
      severity: "error",
      from: { path: "^packages/", pathNot: "^packages/upscaler/src/(node|web)/" },
      to: { path: "onnxruntime" },
    },
    {
      name: "declared-dependencies",
      comment: "add it to the package's package.json",
      severity: "error",
      from: { path: "^packages/[^/]+/src/" },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown", "npm-dev"], dependencyTypesNot: ["npm-peer"] },
    },
    {
      name: "light-start",
      comment: "the command line loads a command when it is called",
      severity: "error",
      from: { path: "^packages/slimsr/src/cli/main\\.ts$" },
      to: {
        pathNot: [
          "(^|/)commander/",
          "packages/core/dist/errors\\.js$",
          "^packages/slimsr/src/(version|text/visible|cli/terminal)\\.ts$",
        ],
        dependencyTypesNot: ["dynamic-import"],
      },
    },
    {
      name: "resolvable",
      comment: "it isn't there, or its package doesn't export it; npm run build makes what packages export",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // TypeScript 7 has no interface for JavaScript. With this parser, imports of types count as all others do.
    parser: "swc",
    // Read for its version alone, it would count as an import of the whole package's folder.
    exclude: { path: "/package\\.json$" },
    doNotFollow: { path: ["node_modules", "/dist/"] },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "default"] },
  },
};
