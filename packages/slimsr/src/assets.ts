import { fileURLToPath } from "node:url";

/** A file or folder that comes with the package; the build copies them from the repository's assets. */
export const asset = (path: string): string => fileURLToPath(new URL(`../assets/${path}`, import.meta.url));

/** Crops of 24 photographs (Kodak's, released for unrestricted use). */
export const EMBEDDED_IMAGES = asset("calibration");
/** Pixels along each of their sides. */
export const EMBEDDED_SIDE = 256;

/** VGG19 to conv5_1 with int8 weights (Oxford VGG, CC BY 4.0). */
export const EMBEDDED_VGG19 = asset("vgg19/vgg19-int8.safetensors");
