/** A decoder of TensorBoard's event files that shares nothing with the writer. */
export interface DecodedEvent {
  readonly wallTime: number;
  readonly step: number;
  /** The field that says what happened: 3 file version, 5 summary, 7 session log. */
  readonly kind: number;
  readonly value: Uint8Array;
}

/** The data of all whole records. @throws where a CRC is wrong */
export function decodeRecords(file: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = [];
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  for (let at = 0; at + 12 <= file.length; ) {
    const length = Number(view.getBigUint64(at, true));
    if (at + length + 16 > file.length) break;
    const data = file.subarray(at + 12, at + 12 + length);
    if (view.getUint32(at + 8, true) !== masked(file.subarray(at, at + 8))) throw new Error(`length's CRC at ${at}`);
    if (view.getUint32(at + 12 + length, true) !== masked(data)) throw new Error(`data's CRC at ${at}`);
    records.push(data);
    at += length + 16;
  }
  return records;
}

export function decodeEvents(file: Uint8Array): DecodedEvent[] {
  return decodeRecords(file).map((record) => {
    const fields = decodeMessage(record);
    const kind = [...fields.keys()].find((field) => field > 2) ?? 0;
    const wallTime = new DataView(new Uint8Array(fields.get(1) as Uint8Array).buffer).getFloat64(0, true);
    return { wallTime, step: Number(fields.get(2)), kind, value: fields.get(kind) as Uint8Array };
  });
}

/** Fields by number: bigints of varints, bytes of all else. */
export function decodeMessage(message: Uint8Array): Map<number, bigint | Uint8Array> {
  const fields = new Map<number, bigint | Uint8Array>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++] as number;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = Number(varint());
    const wire = key & 7;
    if (wire === 0) {
      fields.set(key >> 3, varint());
      continue;
    }
    const length = wire === 1 ? 8 : wire === 5 ? 4 : Number(varint());
    fields.set(key >> 3, message.slice(at, at + length));
    at += length;
  }
  return fields;
}

/** CRC-32C bit by bit, masked. */
function masked(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  const rotated = BigInt(~crc >>> 0);
  return Number((((rotated >> 15n) | (rotated << 17n)) + 0xa282ead8n) & 0xffffffffn);
}
