import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { OnnxError } from "../errors.js";
import { MOST_MESSAGES } from "./limits.js";

/** Messages within one another, as many as protobuf's own readers take. */
const DEEPEST = 100;

/**
 * Reads protobuf's wire format, and refuses fields that are written in another way than their type. Parsers skip such fields as
 * unknown: a reader that took them would see another model than the engine.
 */
export class StrictReader extends BinaryReader {
  #wire: WireType | undefined;
  #messages = 0;
  #depth = 0;

  override tag(): [number, WireType] {
    const tag = super.tag();
    this.#wire = tag[1];
    return tag;
  }

  /** Begins the message that the field holds. @returns where it ends */
  enter(): number {
    if (++this.#messages > MOST_MESSAGES)
      throw new OnnxError(`holds more than the ${MOST_MESSAGES} messages that are read`);
    if (++this.#depth > DEEPEST) throw new OnnxError(`damaged: more than ${DEEPEST} messages within one another`);
    return this.#end();
  }

  leave(): void {
    this.#depth--;
  }

  /** Where the numbers of a packed field end; they follow without tags. */
  packed(): number {
    const end = this.#end();
    this.#wire = undefined;
    return end;
  }

  override bytes(): Uint8Array {
    this.#expect(WireType.LengthDelimited);
    return super.bytes();
  }

  override string(): string {
    this.#expect(WireType.LengthDelimited);
    return super.string();
  }

  override int32(): number {
    this.#expect(WireType.Varint);
    return super.int32();
  }

  override int64(): bigint | string {
    this.#expect(WireType.Varint);
    return super.int64();
  }

  override float(): number {
    this.#expect(WireType.Bit32);
    return super.float();
  }

  override double(): number {
    this.#expect(WireType.Bit64);
    return super.double();
  }

  #end(): number {
    this.#expect(WireType.LengthDelimited);
    return this.uint32() + this.pos;
  }

  #expect(wire: WireType): void {
    if (this.#wire !== undefined && this.#wire !== wire) {
      throw new OnnxError(`damaged: a field before byte ${this.pos} has wire type ${this.#wire}, not ${wire}`);
    }
  }
}
