import type { Checkpoint } from "@slimsr/core/internal/checkpoints/checkpoint.js";
import { widthOf } from "@slimsr/core/internal/checkpoints/shapes.js";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { networkModel } from "@slimsr/core/internal/model/model.js";
import { narrowed, type SplitMode } from "@slimsr/core/internal/model/split.js";
import { type Contender, contender } from "./contender.js";

/**
 * A checkpoint's network at some widths: the file's own, or the first channels of each layer (channel splitting).
 * @param widths by default those the file was trained for, or the one that its parameters have
 * @throws UsageError for a width beyond the file's; NetworkError for one that leaves a layer without channels
 */
export function checkpointContenders(
  name: string,
  { network, parameters, widths: trained = [widthOf(network, parameters)] }: Checkpoint,
  {
    widths = trained,
    split = "aligned",
  }: { widths?: readonly number[] | undefined; split?: SplitMode | undefined } = {},
): Contender[] {
  const whole = Math.max(...trained);
  const model = networkModel(network, parameters);
  return widths.map((width) => {
    if (width > whole) throw new UsageError(`${name} goes up to width ${whole}, so it can't be evaluated at ${width}`);
    return contender(name, width, width === whole ? model : narrowed(model, width, split));
  });
}
