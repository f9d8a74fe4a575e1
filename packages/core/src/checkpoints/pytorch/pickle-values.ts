import { CheckpointError } from "../../errors.js";

/** What a handler makes: globals, storages, tensors. The machine only passes them on. */
export abstract class PickleObject {}

/**
 * What a checkpoint has beside its tensors: a class, a function, what calling one would have made. It is never made and only
 * takes what the pickle would give it.
 */
export class Opaque extends PickleObject {
  /** What it was given as a dictionary. */
  readonly entries = new Map<PickleValue, PickleValue>();

  constructor(
    /** As the pickle calls it, or whose making it is. */
    readonly name: string,
    /** Whether elements of a tensor went into it. */
    readonly ofTensor = false,
  ) {
    super();
  }
}

/** Lists and tuples are arrays, dictionaries are maps. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleObject;

/** Gives meaning to what a pickle names. Each throws `refusal(…)` for what no checkpoint asks for. */
export interface PickleHandler {
  /** The object that a module's name stands for. */
  lookUp(module: string, name: string): PickleObject;
  /** The result of calling such an object: REDUCE, NEWOBJ, INST and OBJ. */
  call(callee: PickleValue, args: PickleValue[]): PickleValue;
  /** Give an object its state: BUILD. */
  setState(object: PickleValue, state: PickleValue): void;
  /** The object that a persistent id stands for. */
  persistent(id: PickleValue): PickleValue;
}

/** The error for a pickle that asks for more than data. `what` completes "the file asks to …". */
export function refusal(file: string, what: string): CheckpointError {
  return new CheckpointError(
    `${file} refuses to load: the file asks to ${what}. Only tensors in dictionaries are read and nothing is executed; ` +
      "if you trust the file, save its weights alone with torch.save(model.state_dict(), path)",
  );
}
