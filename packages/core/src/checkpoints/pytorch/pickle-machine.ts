import { CheckpointError } from "../../errors.js";
import { Opaque, type PickleHandler, type PickleObject, type PickleValue, refusal } from "./pickle-values.js";

/** Integers of PyTorch's files fit 10 bytes. */
const MAX_INTEGER_BYTES = 16;

/** Stack, marks, memo and reading position. Its instructions stand in `INSTRUCTIONS`. */
export class PickleMachine {
  private readonly stack: PickleValue[] = [];
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, PickleValue>();
  private readonly view: DataView;
  private readonly text = new TextDecoder();

  constructor(
    private readonly bytes: Uint8Array,
    public position: number,
    private readonly file: string,
    private readonly handler: PickleHandler,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  uint8(): number {
    return this.view.getUint8(this.advance(1));
  }

  uint16(): number {
    return this.view.getUint16(this.advance(2), true);
  }

  int32(): number {
    return this.view.getInt32(this.advance(4), true);
  }

  uint32(): number {
    return this.view.getUint32(this.advance(4), true);
  }

  uint64(): number {
    return Number(this.view.getBigUint64(this.advance(8), true));
  }

  /** Pickles alone are big-endian here. */
  float64(): number {
    return this.view.getFloat64(this.advance(8), false);
  }

  take(length: number): Uint8Array {
    const begin = this.advance(length);
    return this.bytes.subarray(begin, begin + length);
  }

  utf8(length: number): string {
    return this.text.decode(this.take(length));
  }

  /** Text of Python 2, which is bytes. */
  latin1(length: number): string {
    return String.fromCharCode(...this.take(length));
  }

  line(): string {
    const end = this.bytes.indexOf(0x0a, this.position);
    if (end < 0) throw this.damaged("a line that doesn't end");
    const line = this.utf8(end - this.position);
    this.position = end + 1;
    return line;
  }

  /** Two's complement, little-endian. */
  integer(length: number): number | bigint {
    if (length > MAX_INTEGER_BYTES) throw this.damaged(`an integer of ${length} bytes`);
    let value = 0n;
    this.take(length).forEach((byte, i) => {
      value |= BigInt(byte) << BigInt(8 * i);
    });
    value = BigInt.asIntN(8 * length, value);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  push(value: PickleValue): void {
    this.stack.push(value);
  }

  pop(): PickleValue {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) throw this.damaged("an empty stack");
    return this.stack.pop() as PickleValue;
  }

  top(): PickleValue {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) throw this.damaged("an empty stack");
    return this.stack.at(-1) as PickleValue;
  }

  mark(): void {
    this.marks.push(this.stack.length);
  }

  /** Everything above the last mark. */
  popToMark(): PickleValue[] {
    const mark = this.marks.pop();
    if (mark === undefined) throw this.damaged("a missing mark");
    return this.stack.splice(mark);
  }

  popTuple(length: number): PickleValue[] {
    const items = Array.from({ length }, () => this.pop());
    return items.reverse();
  }

  remember(key: number): void {
    this.memo.set(key, this.top());
  }

  /** MEMOIZE numbers by how many were remembered before. */
  rememberNext(): void {
    this.remember(this.memo.size);
  }

  recall(key: number): void {
    const value = this.memo.get(key);
    if (value === undefined) throw this.damaged(`the memo's missing entry ${key}`);
    this.push(value);
  }

  extend(items: PickleValue[]): void {
    const list = this.top();
    if (list instanceof Opaque) return;
    if (!Array.isArray(list)) throw this.damaged("an append to something that is not a list");
    for (const item of items) list.push(item);
  }

  setItems(items: PickleValue[]): void {
    const top = this.top();
    const dictionary = top instanceof Opaque ? top.entries : top;
    if (!(dictionary instanceof Map)) throw this.damaged("an assignment into something that is not a dictionary");
    fillMap(dictionary, items, () => this.damaged("a key without a value"));
  }

  pushDictionary(items: PickleValue[]): void {
    this.push(fillMap(new Map(), items, () => this.damaged("a key without a value")));
  }

  lookUp(module: PickleValue, name: PickleValue): PickleObject {
    if (typeof module !== "string" || typeof name !== "string") throw this.damaged("a global without a name");
    return this.handler.lookUp(module, name);
  }

  call(callee: PickleValue, args: PickleValue): void {
    if (!Array.isArray(args)) throw this.damaged("a call whose arguments are not a tuple");
    this.push(this.handler.call(callee, args));
  }

  build(): void {
    const state = this.pop();
    this.handler.setState(this.top(), state);
  }

  persistent(id: PickleValue): void {
    this.push(this.handler.persistent(id));
  }

  refuse(what: string): never {
    throw refusal(this.file, what);
  }

  private advance(length: number): number {
    const begin = this.position;
    if (length > this.bytes.length - begin) throw this.damaged("an end before its time; is it cut off?");
    this.position = begin + length;
    return begin;
  }

  damaged(what: string): CheckpointError {
    return new CheckpointError(`${this.file} is damaged: its pickle has ${what} (at byte ${this.position})`);
  }
}

function fillMap(
  map: Map<PickleValue, PickleValue>,
  items: PickleValue[],
  unpaired: () => CheckpointError,
): Map<PickleValue, PickleValue> {
  if (items.length % 2 !== 0) throw unpaired();
  for (let i = 0; i < items.length; i += 2) map.set(items[i] as PickleValue, items[i + 1] as PickleValue);
  return map;
}
