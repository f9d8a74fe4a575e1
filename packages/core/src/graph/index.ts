export * from "./attributes.js";
export * from "./copy.js";
export * from "./graph.js";
export * from "./traverse.js";
export * from "./types.js";
