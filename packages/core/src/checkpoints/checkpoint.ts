import { CheckpointError, UsageError } from "../errors.js";
import { misplaced } from "../misplaced.js";
import { architectureOf, type NetworkOptions, parameterShapes } from "../networks/index.js";
import { NAMINGS, type Naming, publishedName, type Source } from "./conventions.js";
import { writeMean } from "./mean.js";
import { describe, readDescription } from "./metadata.js";
import { applyOverrides, type Overrides } from "./overrides.js";
import { AVERAGED, stripPrefixes } from "./prefixes.js";
import { looksLikeArchive, looksLikePickle, readPytorch } from "./pytorch/read.js";
import { writePytorch } from "./pytorch/write.js";
import { recognise } from "./recognise.js";
import { looksLikeSafetensors, readSafetensors, writeSafetensors } from "./safetensors.js";
import { checkParameters } from "./shapes.js";
import { toPytorch } from "./slopes.js";
import type { Int8Tensor, StateDict } from "./state.js";

/** Where a checkpoint's network came from. */
export interface Provenance {
  /** Whose names the file has. */
  source: Source;
  /** What the file has before the network's names, "params_ema"; empty where it has nothing. */
  within: string;
  /** Whether these are weights averaged over training steps. */
  averaged: boolean;
  /** Options that the file doesn't tell, as the source's code has them by default. */
  assumed: readonly string[];
}

/** A network and its weights. */
export interface Checkpoint {
  network: NetworkOptions;
  /** Under canonical names; a slimmed network's are smaller than its options say. */
  parameters: StateDict;
  /** Width multipliers that share these parameters. */
  widths?: readonly number[];
}

/** Formats of checkpoint files. */
export type CheckpointFormat = "safetensors" | "pytorch";

/**
 * Read a checkpoint: this project's own, or one of the sources that `recognise` knows in a safetensors or PyTorch file.
 * Nothing in the file is executed; memory is in proportion to its size.
 *
 * @param bytes the whole file
 * @param file what errors call it
 * @throws CheckpointError where it is damaged, hostile or not recognised; UsageError where an override doesn't apply
 */
export function readCheckpoint(bytes: Uint8Array, file: string, overrides: Overrides = {}): Checkpoint & Provenance {
  const { state, metadata, path } = readState(bytes, file);
  const description = readDescription(metadata, file);
  if (!description) {
    const { prefix, ...recognised } = recognise(new Map(stripPrefixes(state)), overrides, file);
    const within = [...path, ...prefix.split(".")].filter((part) => part !== "").join(".");
    return { ...recognised, within, averaged: AVERAGED.test(within) };
  }
  const { network, ...rest } = description;
  checkParameters(network, state, file);
  const own = { source: "canonical", within: "", averaged: false, assumed: [] };
  return { network: applyOverrides(network, overrides, file), parameters: state, ...rest, ...own };
}

/**
 * The named tensors of a checkpoint file of either format, as the file names them; a safetensors file's int8 tensors and
 * metadata, and the keys under which a PyTorch file has them.
 *
 * @param wanted names to read; all by default
 * @throws CheckpointError where the file is neither, damaged or hostile
 */
export function readState(
  bytes: Uint8Array,
  file: string,
  wanted?: (name: string) => boolean,
): {
  state: StateDict;
  int8s: ReadonlyMap<string, Int8Tensor>;
  metadata: Record<string, string>;
  path: readonly string[];
} {
  switch (detectFormat(bytes, file)) {
    case "pytorch": {
      const { tensors, path } = readPytorch(bytes, file, wanted);
      return { state: tensors, int8s: new Map(), metadata: {}, path };
    }
    case "safetensors": {
      const { tensors, int8s, metadata } = readSafetensors(bytes, file, wanted);
      return { state: tensors, int8s, metadata, path: [] };
    }
  }
}

/** This project's checkpoint format: safetensors under canonical names, whose metadata describes the network. */
export function encodeCheckpoint({ network, parameters, widths }: Checkpoint): Uint8Array<ArrayBuffer> {
  checkParameters(network, parameters, "the checkpoint to save");
  return writeSafetensors(parameters, describe(widths ? { network, widths } : { network }));
}

/** The source whose code a network's checkpoint loads into; "canonical" where it is none of the published. */
export const publishedSource = (network: NetworkOptions): Source => architectureOf(network).publishedSource(network);

/**
 * A file for torch.load with the names of `source`, its mean layers included, so that its code takes the weights as they are.
 *
 * @throws UsageError where the source's code has no such architecture, or would compute something else with these weights
 */
export function encodePytorch({ network, parameters }: Checkpoint, source: Source): Uint8Array<ArrayBuffer> {
  checkParameters(network, parameters, "the checkpoint to save");
  const naming = namingOf(network, source);
  const published: StateDict = new Map(writeMean(network, naming.convention));
  for (const name of parameterShapes(network).keys()) {
    const tensor = parameters.get(name);
    const { prefix = "" } = naming.convention;
    if (tensor) published.set(prefix + (publishedName(naming, name, network) ?? name), toPytorch(tensor));
  }
  return writePytorch(published, naming.convention.wrapper);
}

function namingOf(network: NetworkOptions, source: Source): Naming {
  const architecture = architectureOf(network);
  const naming = NAMINGS.find((each) => each.convention.source === source && each.architecture === architecture);
  if (!naming) {
    const best = publishedSource(network);
    const names = best === "canonical" ? "canonical names" : `the names of ${best}, or canonical`;
    throw new UsageError(`${source} has no ${architecture.title}; use ${names}`);
  }
  const refusal = naming.convention.refusal?.(network);
  if (refusal !== undefined) throw new UsageError(refusal);
  return naming;
}

function detectFormat(bytes: Uint8Array, file: string): CheckpointFormat {
  if (looksLikeArchive(bytes) || looksLikePickle(bytes)) return "pytorch";
  if (looksLikeSafetensors(bytes)) return "safetensors";
  throw new CheckpointError(`${file} is neither a safetensors nor a PyTorch file${guess(bytes)}`);
}

/** What other files that end up in a checkpoint's place look like. */
function guess(bytes: Uint8Array): string {
  const known = misplaced(bytes);
  if (known !== undefined) return `: ${known}`;
  if (looksLikeOnnx(bytes))
    return ": it is an ONNX model, whose layers are as they are; slim, compress and evaluate take it, called .onnx";
  if (new TextDecoder("latin1").decode(bytes.subarray(0, 512)).includes("ustar"))
    return ": it is a tar archive, as PyTorch wrote before 0.1.10; load it there and save it again";
  return "";
}

/** Whether the file begins as ONNX files do: with the format's version, then the producer or the graph. */
const looksLikeOnnx = ([first, version = 0, next = 0]: Uint8Array): boolean =>
  first === 0x08 && version < 32 && [0x12, 0x3a, 0x42].includes(next);
