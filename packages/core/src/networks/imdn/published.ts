import type { Convention } from "../architecture.js";
import type { ImdnOptions } from "./options.js";

const original: Convention<ImdnOptions> = {
  source: "imdn",
  names: {
    fea_conv: "head",
    "IMDB{block+1}.c1": "blocks.{block}.conv1",
    "IMDB{block+1}.c2": "blocks.{block}.conv2",
    "IMDB{block+1}.c3": "blocks.{block}.conv3",
    "IMDB{block+1}.c4": "blocks.{block}.conv4",
    "IMDB{block+1}.c5": "blocks.{block}.fuse",
    "IMDB{block+1}.cca.conv_du.0": "blocks.{block}.attention.down",
    "IMDB{block+1}.cca.conv_du.2": "blocks.{block}.attention.up",
    "c.0": "fuse",
    LR_conv: "body_conv",
    "upsampler.0": "tail",
  },
  range: 1,
  refusal: ({ variant }) => (variant === "original" ? undefined : otherVariant("imdn", "original", "kair")),
};

const kair: Convention<ImdnOptions> = {
  source: "kair",
  names: {
    "0": "head",
    "1.sub.{block}.conv1.0": "blocks.{block}.conv1",
    "1.sub.{block}.conv2.0": "blocks.{block}.conv2",
    "1.sub.{block}.conv3.0": "blocks.{block}.conv3",
    "1.sub.{block}.conv4": "blocks.{block}.conv4",
    "1.sub.{block}.conv1x1": "blocks.{block}.fuse",
    "1.sub.{blocks}": "body_conv",
    "2": "tail",
  },
  prefix: "model.",
  range: 1,
  refusal: ({ variant }) => (variant === "kair" ? undefined : otherVariant("kair", "kair", "imdn")),
};

export const imdnConventions: readonly Convention<ImdnOptions>[] = [{ source: "canonical", range: 1 }, original, kair];

/** The source whose code is of the network's variant. */
export const imdnSource = ({ variant }: ImdnOptions): string => (variant === "original" ? original : kair).source;

const otherVariant = (source: string, its: string, names: string): string =>
  `${source}'s IMDN is the ${its} variant, which has other layers than this: use the names of ${names}, or canonical`;
