import { WorkerClient } from "./worker-client.js";

export const worker = new WorkerClient(
  () => new Worker(new URL("../worker/worker.ts", import.meta.url), { type: "module" }),
);
