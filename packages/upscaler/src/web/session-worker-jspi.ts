import * as runtime from "onnxruntime-web/jspi";
import { serveSession } from "./session-worker.js";

serveSession(runtime, "webgpu");
