import * as runtime from "onnxruntime-web/wasm";
import { serveSession } from "./session-worker.js";

serveSession(runtime, "wasm");
