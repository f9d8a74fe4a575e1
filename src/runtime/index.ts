export { createSession } from "./node/session.js";
export * from "./session.js";
