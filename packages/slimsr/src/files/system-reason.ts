export { systemReason } from "@slimsr/upscaler/internal/node/system-reason.js";
