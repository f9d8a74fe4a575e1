/**
 * Errors that a user can cause. Each message names the file or value at fault, what was expected and how to mend it;
 * the command line prints it without a stack trace and exits with `exitCode`.
 */
export class SlimsrError extends Error {
  readonly exitCode: number = 1;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Wrong arguments or settings. */
export class UsageError extends SlimsrError {
  override readonly exitCode: number = 2;
}

/** An operator whose operands don't fit, a graph that is not well formed, an operator that has no gradient rule. */
export class GraphError extends SlimsrError {}

/** An ONNX file that is damaged, hostile or beyond what is supported. */
export class OnnxError extends SlimsrError {}

/** A network that cannot be built: unknown options, a width that leaves a layer without channels, missing parameters. */
export class NetworkError extends SlimsrError {}

/** A device that is not there, or an engine that failed. */
export class DeviceError extends SlimsrError {}

/** An image that cannot be decoded or encoded. */
export class ImageError extends SlimsrError {}

/** A video that can't be read or written, or ffmpeg, which does that, not there. */
export class VideoError extends SlimsrError {}

/** A data set that is missing, empty, incomplete or inconsistent. */
export class DatasetError extends SlimsrError {}

/** A checkpoint that is damaged, hostile or not recognised. */
export class CheckpointError extends SlimsrError {}

/** Stopped by the user, between two pieces of work. */
export class InterruptedError extends SlimsrError {
  override readonly exitCode: number = 130;
}

/** A training run that can't start, go on or be resumed. */
export class RunError extends SlimsrError {}

/** Processes that work together can't: MPI is not there, or another process, its machine or the network between is gone. */
export class ExchangeError extends SlimsrError {}
