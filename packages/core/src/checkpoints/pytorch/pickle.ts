import { INSTRUCTIONS } from "./pickle-instructions.js";
import { PickleMachine } from "./pickle-machine.js";
import type { PickleHandler, PickleValue } from "./pickle-values.js";

/** Ten thousand tensors with an optimiser's state need about as many; bounds time and memory. */
const MAX_INSTRUCTIONS = 1_000_000;

const STOP = 0x2e;

/**
 * Run one pickle (protocol 2 to 5, as torch.save writes them) and return its value and where it ends.
 *
 * The pickle is a program for a stack machine; this one can build nothing but data. Its memory is in proportion to
 * the bytes read, its objects may be cyclic.
 * https://github.com/python/cpython/blob/main/Lib/pickletools.py describes the instructions.
 */
export function runPickle(
  bytes: Uint8Array,
  start: number,
  file: string,
  handler: PickleHandler,
): { value: PickleValue; end: number } {
  const machine = new PickleMachine(bytes, start, file, handler);
  for (let count = 0; count < MAX_INSTRUCTIONS; count++) {
    const code = machine.uint8();
    if (code === STOP) return { value: machine.pop(), end: machine.position };
    const instruction = INSTRUCTIONS.get(code);
    if (!instruction) throw machine.damaged(`the unknown instruction 0x${code.toString(16).padStart(2, "0")}`);
    instruction(machine);
  }
  throw machine.damaged(`more than the ${MAX_INSTRUCTIONS} instructions that are run`);
}
