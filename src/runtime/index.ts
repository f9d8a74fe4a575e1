export { blockSize } from "./node/blocks.js";
export { createSession } from "./node/session.js";
export * from "./session.js";
