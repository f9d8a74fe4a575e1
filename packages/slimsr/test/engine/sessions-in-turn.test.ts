import { describe, expect, it, onTestFinished } from "vitest";
import { floats, nextThread, tensor } from "../../../../test/support/engine.js";
import { Graph } from "../../../core/src/graph/index.js";
import { add } from "../../../core/src/operators/index.js";
import { SessionsInTurn } from "../../src/engine/sessions-in-turn.js";

/** y = x + number, of so many elements. */
function plus(number: number, size: number): Graph {
  const graph = new Graph("plus");
  graph.output("y", add(graph.input("x", [size]), number));
  return graph;
}

describe("sessions that run in turn", () => {
  it("are one for graphs of equal structure and constants, and share a thread", async () => {
    // What the engine is asked once in a process is known then.
    const earlier = new SessionsInTurn({ threads: 1 });
    await earlier.of(plus(0, 1));
    await earlier.close();
    const before = nextThread();
    const sessions = new SessionsInTurn({ threads: 1 });
    onTestFinished(() => sessions.close());
    const results = await Promise.all(
      [1, 2, 3, 4].flatMap((number) =>
        [1, 2, 3].map(async (size) => {
          const { outputs } = await (await sessions.of(plus(number, size))).run({ x: tensor([size], () => 10) });
          return [...floats(outputs, "y")];
        }),
      ),
    );
    expect(results).toEqual([1, 2, 3, 4].flatMap((n) => [1, 2, 3].map((size) => Array(size).fill(10 + n))));
    expect(await sessions.of(plus(1, 2))).toBe(await sessions.of(plus(1, 2)));
    expect(await sessions.of(plus(1, 2))).not.toBe(await sessions.of(plus(2, 2)));
    expect(nextThread() - before).toBe(1);
  });

  it("open once more after they were closed", async () => {
    const sessions = new SessionsInTurn({ threads: 1 });
    const first = await sessions.of(plus(1, 1));
    await sessions.close();
    await expect(first.run({ x: tensor([1], [1]) })).rejects.toThrow("the session is closed");
    const { outputs } = await (await sessions.of(plus(1, 1))).run({ x: tensor([1], [1]) });
    expect([...floats(outputs, "y")]).toEqual([2]);
    await sessions.close();
  });
});
