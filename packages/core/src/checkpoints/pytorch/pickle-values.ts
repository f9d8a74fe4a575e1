import { CheckpointError } from "../../errors.js";

/** What a handler makes: globals, storages, tensors. The machine only passes them on. */
export abstract class PickleObject {}

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

/** Gives meaning to what a pickle names. Each throws `refusal(…)` for what isn't allowed. */
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
    `${file} refuses to load: the file asks to ${what}. Only tensors in plain dictionaries are read and nothing is ` +
      "executed; if you trust the file, save its weights alone with torch.save(model.state_dict(), path)",
  );
}
