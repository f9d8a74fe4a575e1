import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { OnnxError } from "../errors.js";

/** Messages within one another, as many as protobuf's own readers take. */
const DEEPEST = 100;

/**
 * Reads protobuf's wire format, and refuses fields that are written in another way than their type. Parsers skip such fields as
 * unknown: a reader that took them would see another model than the engine.
 */
export class StrictReader extends BinaryReader {
  #wire: WireType | undefined;
  #depth = 0;

  /** Begins a message within the one that is read. */
  enter(): void {
    if (++this.#depth > DEEPEST) throw new OnnxError(`damaged: more than ${DEEPEST} messages within one another`);
  }

  leave(): void {
    this.#depth--;
  }

  override tag(): [number, WireType] {
    const tag = super.tag();
    this.#wire = tag[1];
    return tag;
  }

  /** Length of what the field that has just begun holds. */
  length(): number {
    this.#expect(WireType.LengthDelimited);
    return this.uint32();
  }

  /** Where the numbers of a packed field end; they follow without tags. */
  packed(): number {
    const end = this.length() + this.pos;
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

  #expect(wire: WireType): void {
    if (this.#wire !== undefined && this.#wire !== wire) {
      throw new OnnxError(`damaged: a field before byte ${this.pos} has wire type ${this.#wire}, not ${wire}`);
    }
  }
}
