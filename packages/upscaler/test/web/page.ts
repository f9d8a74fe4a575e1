import { writeOnnx } from "../../../core/src/onnx/index.js";
import { float32 } from "../../src/engine/session.js";
import { createSession } from "../../src/web/session.js";
import { heavy, image, network } from "./networks.js";

/** What the page has for tests. */
const upscaler = {
  createSession,
  float32,
  heavy,
  image,
  network,
  writeOnnx,
  /** Name and message of the error that a promise ends in. */
  errorOf: (promise: Promise<unknown>): Promise<string> => promise.then(() => "no error", String),
};

export type Upscaler = typeof upscaler;

Object.assign(globalThis, { upscaler });
