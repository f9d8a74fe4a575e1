import * as runtime from "onnxruntime-web/webgpu";
import { serveSession } from "./session-worker.js";

serveSession(runtime, "webgpu");
