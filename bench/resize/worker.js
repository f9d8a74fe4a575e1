/** Shrinks an image as often as it is asked to. JavaScript, of the built code: worker threads of Node 20 don't read TypeScript. */
import { parentPort } from "node:worker_threads";
import { resizeBicubic } from "../../packages/core/dist/images/bicubic.js";

parentPort.on("message", ({ image, scale, times }) => {
  for (let i = 0; i < times; i++) resizeBicubic(image, 1 / scale);
  parentPort.postMessage("done");
});
