export { slim } from "./slimming/slim.js";
