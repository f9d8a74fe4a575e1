import * as z from "zod/mini";
import type { Shape } from "../graph/index.js";
import type { ColourSpace } from "../images/colour.js";
import type { Size } from "../images/geometry.js";
import { architectureOf, type NetworkOptions, networkOptions } from "../networks/index.js";

/** Where a model came from: one of the networks that are built here, or a graph that was read. */
export type Origin =
  | { readonly kind: "network"; readonly network: NetworkOptions }
  | ({
      readonly kind: "onnx";
      readonly name: string;
      readonly metadata: Readonly<Record<string, string>>;
      /** How it differs from the file that it was read from, such as "its numbers were float16; they are float32". */
      readonly notes?: readonly string[];
    } & ImageNames);

/** Names of a network's input and output, as its ONNX file has them. */
export interface ImageNames {
  readonly input: string;
  readonly output: string;
}

/** Those of the networks that are built here. */
export const OWN_NAMES: ImageNames = { input: "lr", output: "sr" };

/** A file that was read keeps its names: programs that run it ask for them. */
export const imageNames = ({ origin }: Descriptor): ImageNames => (origin.kind === "onnx" ? origin : OWN_NAMES);

/** Sizes of images, in pixels. */
export interface SizeRule {
  /** Least height and width. */
  readonly minimum: number;
  /** What heights and widths must be multiples of. */
  readonly multipleOf: number;
  /** The only size that is taken. */
  readonly fixed?: Size;
}

export type RangeSource = "given" | "assumed";

/** What must be known of a network to run it, whatever it is called and however it is built. */
export interface Descriptor {
  /** `super-resolution` makes images larger, `restoration` leaves their size. */
  readonly task: "super-resolution" | "restoration";
  /** Output pixels for an input pixel along a side. */
  readonly scale: number;
  /** Channels of the images that go in and come out. */
  readonly channels: { readonly input: number; readonly output: number };
  /** Pixel values of the images go from 0 to this. */
  readonly range: 255 | 1;
  /** Who says the range, where its file doesn't: a user, or nobody as yet, so that it is to be found out. */
  readonly rangeSource?: RangeSource;
  readonly size: SizeRule;
  /** Input pixels at each side that an output pixel depends on, or `global` where that is the whole image. */
  readonly reach: number | "global";
  readonly origin: Origin;
}

/** Pixels that the field leaves out at each side when it measures: the scale, and none where images keep their size. */
export const unmeasuredBorder = (scale: number): number => (scale === 1 ? 0 : scale);

/** What a network's images show: of one channel, luma is enlarged and grey is restored. */
export const colourSpaceOf = ({ channels, scale }: Pick<Descriptor, "channels" | "scale">): ColourSpace =>
  channels.input === 1 ? (scale === 1 ? "grey" : "luma") : "rgb";

export const ANY_SIZE: SizeRule = { minimum: 1, multipleOf: 1 };

/** Sizes of images that a network takes which is built here. */
export const ownSizes = (network: NetworkOptions): SizeRule => ({
  ...ANY_SIZE,
  minimum: architectureOf(network).minimum ?? ANY_SIZE.minimum,
});

/** The least side of at least `least` pixels that a network takes. */
export const sideFrom = ({ minimum, multipleOf }: SizeRule, least: number): number =>
  Math.ceil(Math.max(least, minimum) / multipleOf) * multipleOf;

/** The least square size of at least `least` pixels a side that a network takes, or its only one. */
export function sizeFrom(rule: SizeRule, least: number): Size {
  const side = sideFrom(rule, least);
  return rule.fixed ?? { width: side, height: side };
}

/** What the shapes of a network's images [N, C, H, W] tell. */
export function describeShapes(image: Shape, output: Shape): Pick<Descriptor, "task" | "scale" | "channels"> {
  const [, input = 0, height = 1] = image;
  const [, made = 0, high = 1] = output;
  const scale = high / height;
  return {
    task: scale === 1 ? "restoration" : "super-resolution",
    scale,
    channels: { input, output: made },
  };
}

const NETWORK_KEY = "network";
const DESCRIPTOR_KEY = "slimsr";

/**
 * A descriptor as metadata of an ONNX file. The options of a network that is built here say all of it, unless it takes other sizes than
 * that; of another, the descriptor stands there itself, beside what the file that was read had.
 */
export function descriptorMetadata({ origin, rangeSource, range, ...rest }: Descriptor): Record<string, string> {
  if (origin.kind === "network") {
    const network = { [NETWORK_KEY]: JSON.stringify(origin.network) };
    const isUsual = sameSizes(rest.size, ownSizes(origin.network));
    return isUsual ? network : { ...network, [DESCRIPTOR_KEY]: JSON.stringify({ ...rest, range }) };
  }
  const { kind, name, metadata } = origin;
  const known = rangeSource === "assumed" ? rest : { ...rest, range };
  return { ...metadata, [DESCRIPTOR_KEY]: JSON.stringify({ ...known, origin: { kind, name } }) };
}

const sameSizes = (a: SizeRule, b: SizeRule): boolean =>
  a.minimum === b.minimum &&
  a.multipleOf === b.multipleOf &&
  a.fixed?.width === b.fixed?.width &&
  a.fixed?.height === b.fixed?.height;

/** A size rule as files hold it. */
export const sizeRule = z.object({
  minimum: z.int().check(z.minimum(1)),
  multipleOf: z.int().check(z.minimum(1)),
  fixed: z.exactOptional(z.object({ width: z.int().check(z.minimum(1)), height: z.int().check(z.minimum(1)) })),
});

/** A reach as files hold it. */
export const reach = z.union([z.int().check(z.minimum(0)), z.literal("global")]);

const stored = z.object({
  range: z.exactOptional(z.literal([255, 1])),
  size: sizeRule,
  reach: z.exactOptional(reach),
});

/**
 * What a file's metadata says that its graph doesn't: the range, the size rule, and the reach, which isn't seen in a graph that makes an image's border
 * apart; nothing where it isn't one of ours.
 */
export function readDescriptorMetadata(
  metadata: Readonly<Record<string, string>>,
): Partial<Pick<Descriptor, "range" | "size" | "reach">> {
  const parsed = stored.safeParse(parseJson(metadata[DESCRIPTOR_KEY]));
  if (parsed.success) return parsed.data;
  if (metadata[NETWORK_KEY] === undefined) return {};
  const network = networkOptions.safeParse(parseJson(metadata[NETWORK_KEY]));
  return { range: 255, ...(network.success && { size: ownSizes(network.data) }) };
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}
