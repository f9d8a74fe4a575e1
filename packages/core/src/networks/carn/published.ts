import type { Convention, PerScale } from "../architecture.js";
import { SCALES } from "../options.js";
import { CSD } from "../published.js";
import type { CarnOptions } from "./options.js";

const RANGE = 1;

const perScale: PerScale = {
  before: ["upsample.up"],
  chosen: "",
  scaleOf: (number) => SCALES.find((scale) => scale === number),
};

/** CARN-pytorch (nmhkahn), but for what stands inside a block: images in 0..1, one upsampler per scale in checkpoints of several. */
export const CARN_PYTORCH = {
  source: "carn-pytorch",
  names: {
    entry: "head",
    "b{unit+1}.c{block+1}.body.0": "body.units.{unit}.fuse.{block}",
    "c{unit+1}.body.0": "body.fuse.{unit}",
    "upsample.up.body.0": "upsampler.blocks.0",
    "upsample.up.body.3": "upsampler.blocks.1",
    exit: "tail",
  },
  meanLayers: ["sub_mean.shifter", "add_mean.shifter"],
  perScale,
  range: RANGE,
} as const;

const original: Convention<CarnOptions> = {
  ...CARN_PYTORCH,
  names: {
    ...CARN_PYTORCH.names,
    "b{unit+1}.b{block+1}.body.0": "body.units.{unit}.units.{block}.conv1",
    "b{unit+1}.b{block+1}.body.2": "body.units.{unit}.units.{block}.conv2",
  },
  assumed: () => ({ variant: "original" }),
  refusal: ({ variant, range }) => {
    if (variant !== "original") return otherVariant("carn-pytorch", "original", variant);
    return range === RANGE
      ? undefined
      : `carn-pytorch feeds its network 0..${RANGE}, this one works in 0..${range}: use canonical names`;
  },
};

const csd: Convention<CarnOptions> = {
  ...CSD,
  names: {
    entry: "head",
    "b{unit+1}.b{block+1}.conv1": "body.units.{unit}.units.{block}.conv1",
    "b{unit+1}.b{block+1}.conv2": "body.units.{unit}.units.{block}.conv2",
    "b{unit+1}.c{block+1}.conv": "body.units.{unit}.fuse.{block}",
    "c{unit+1}.conv": "body.fuse.{unit}",
    "upsample.blocks.{step}": "upsampler.blocks.{step}",
    exit: "tail",
  },
  assumed: () => ({ variant: "csd" }),
  refusal: ({ variant }) => (variant === "csd" ? undefined : otherVariant("csd", "csd", variant)),
};

export const carnConventions: readonly Convention<CarnOptions>[] = [
  { source: "canonical", range: 255, assumed: () => ({ variant: "csd" }) },
  original,
  csd,
];

/** The source whose code is of the network's variant. */
export const carnSource = ({ variant }: CarnOptions): string => (variant === "original" ? original : csd).source;

const otherVariant = (source: string, its: string, variant: CarnOptions["variant"]): string =>
  `${source}'s CARN is the ${its} variant, this is the ${variant}: its code would compute something else with these ` +
  `weights. Use the names of ${variant === "original" ? "carn-pytorch" : "csd"}, or canonical`;
