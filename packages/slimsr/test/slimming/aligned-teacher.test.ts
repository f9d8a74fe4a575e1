import { describe, expect, it } from "vitest";
import { outputOf, randomPatches, smallModel, smallNetworks } from "../../../../test/support/small-networks.js";
import { NetworkError } from "../../../core/src/errors.js";
import type { Model } from "../../../core/src/model/model.js";
import { alignTeacher } from "../../src/slimming/aligned-teacher.js";
import { ALIGNMENTS } from "../../src/slimming/alignment/basis.js";

/** A small EDSR whose weights are multiplied; those named alone, if a name is given. */
function enlarged(factor: number, only?: string): Model {
  const model = smallModel(smallNetworks(2)[0] as ReturnType<typeof smallNetworks>[number]);
  const parameters = new Map(
    [...model.parameters].map(([name, { shape, data }]) => [
      name,
      { shape, data: only === undefined || name === only ? data.map((w) => w * factor) : data },
    ]),
  );
  return { ...model, parameters };
}

describe("a teacher whose activations overflow", () => {
  it.each(ALIGNMENTS)("is refused before it is aligned (%s), naming the layer", async (alignment) => {
    const patches = randomPatches(1);
    const everywhere = enlarged(1e4);
    expect((await outputOf(everywhere, patches)).every(Number.isFinite)).toBe(true);
    await expect(alignTeacher(everywhere, patches, alignment)).rejects.toThrow(NetworkError);
    await expect(alignTeacher(everywhere, patches, alignment)).rejects.toThrow(/of layer \S+ overflows float32/);
    const late = alignTeacher(enlarged(1e30, "body.1.conv1.weight"), patches, alignment);
    await expect(late).rejects.toThrow("the input of layer body.1.conv2 overflows float32 on the calibration images");
    const last = alignTeacher(enlarged(1e38, "tail.weight"), patches, alignment);
    await expect(last).rejects.toThrow("the output's gradient at layer tail overflows float32");
  });
});
