import type * as z from "zod/mini";
import type { Value } from "../graph/index.js";
import type { Layers } from "./layers.js";
import type { CommonOptions, Scale } from "./options.js";
import type { ParameterShapes } from "./parameters.js";

/** A family of networks: all that this project knows of it. `networks/registry.ts` lists them. */
export interface Architecture<Options extends CommonOptions = NamedOptions> {
  /** As files and the command line say it, "edsr". */
  readonly name: string;
  /** As text says it, "EDSR". */
  readonly title: string;
  /** What a network is, apart from its weights, as metadata of checkpoints and config files say it; help has the descriptions. */
  readonly options: z.ZodMiniObject<z.core.$ZodShape, z.core.$strict>;
  /** Options of a network to train, where nothing is said. */
  readonly defaults: Partial<Options>;
  /** lr [N, C, H, W] → [N, C, s·H, s·W], both in 0..255; C is 3 unless the option `channels` says otherwise. */
  build(options: Options, layers: Layers, lr: Value): Value;
  /** Options that shapes of full width tell; where some are lacking, the names that are missing tell enough. */
  infer(shapes: ParameterShapes): Pick<Options, "scale" | "features"> & Partial<Options>;
  /** Least height and width of images; 1 where left out. */
  readonly minimum?: number;
  /** Names that its checkpoints come with, the canonical first. */
  readonly conventions: readonly Convention<Options>[];
  /** The source whose code a network's checkpoint loads into, "canonical" if none. */
  publishedSource(options: Options): string;
  /** Options that a checkpoint of a convention may leave unsaid, so that a user may say them. */
  readonly overrides: readonly string[];
  /** Options that no file and no convention tells, the scale or one of the overrides: a user must say them. */
  readonly asked?: readonly string[];
  /** "8 blocks of 64 features". */
  summarise(options: Options): string;
  /** Rows of `slimsr inspect` between names and mean. */
  facts(options: Options): readonly Fact[];
  /** What a file without metadata doesn't hold, and the code that loads it must be told. */
  untold?(options: Options): Fact;
}

export type NamedOptions = CommonOptions & { architecture: string };

/** With the option that it is the value of, where a file may leave that unsaid. */
export type Fact = readonly [label: string, value: string, option?: string];

/** How a source names an architecture's layers, and what it has outside the file. */
export interface Convention<Options extends CommonOptions = NamedOptions> {
  /** "canonical" for this project's own. */
  readonly source: string;
  /**
   * Published names of layers and the canonical names that they stand for, with indices in braces; the same where left out.
   * "{block+1}" counts from 1, "{layer*2}" by twos. A published name may have the number of such layers too, by the option's
   * name: "body.{blocks}".
   */
  readonly names?: Readonly<Record<string, string>>;
  /** The 1×1 convolutions that subtract and add the mean, where the source has them. */
  readonly meanLayers?: readonly [subtract: string, add: string];
  /** Dictionary entry that the source's code looks for the state in. */
  readonly wrapper?: string;
  /** What checkpoints of several scales have once for each. */
  readonly perScale?: PerScale;
  /** What its code's names all begin with, "model."; where that is left out of `names`, files are read with it and without. */
  readonly prefix?: string;
  /** Range of pixel values, where no mean tells. */
  readonly range: CommonOptions["range"];
  /** Options that no file tells, as the source's code sets them by default. */
  assumed?(features: number): Partial<Options>;
  /** Why the source's code would compute something else with a network's weights, if it would. */
  refusal?(options: Options): string | undefined;
}

/** Layers that a checkpoint of several scales has once for each scale, under numbered names. */
export interface PerScale {
  /** What stands before the number: "upsample.up" for upsample.up2, upsample.up3 and upsample.up4. */
  readonly before: readonly string[];
  /** The number that `names` have in its place; "" for none. */
  readonly chosen: "" | "0";
  /** The scale that the layers of a number are for, by the number or by the shapes of what is so numbered. */
  scaleOf(number: number, numbered: ParameterShapes): Scale | undefined;
}
