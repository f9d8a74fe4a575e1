import { describe } from "vitest";
import { BLOCK } from "../../../../../test/support/lowerings.js";
import { int } from "../../../src/graph/index.js";
import { ReorderInput, ReorderOutput } from "../../../src/lowering/blocked/operators.js";
import { testShapes } from "../../operators/shapes.js";

describe.skipIf(BLOCK === 1)("operators of the blocked layout", () => {
  testShapes(
    { ReorderInput, ReorderOutput },
    {
      ReorderInput: [(w, operator) => w.apply(operator, [w.input([1, 2 * BLOCK, 3, 2])])],
      ReorderOutput: [
        (w, operator) => w.apply(operator, [w.input([1, 2 * BLOCK, 3, 2])], { channels: int(BLOCK + 1) }),
      ],
    },
  );
});
