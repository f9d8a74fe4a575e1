export { blockSize } from "./node/blocks.js";
export { engineVersion } from "./node/devices.js";
export { createSession } from "./node/session.js";
export * from "./session.js";
