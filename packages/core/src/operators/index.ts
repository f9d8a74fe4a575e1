export * from "./arrangement.js";
export * from "./blocked.js";
export * from "./detach.js";
export * from "./elementwise.js";
export * from "./reduction.js";
export * from "./spatial.js";
