import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Field numbers of TensorFlow's event.proto and summary.proto, as far as scalars and images need them. */
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const;
const SUMMARY = { value: 1 } as const;
const VALUE = { tag: 1, scalar: 2, image: 4 } as const;
const IMAGE = { height: 1, width: 2, colourSpace: 3, encoded: 4 } as const;
const SESSION_LOG = { status: 1 } as const;

const RGB = 3;
const START = 1;

type Fields = (writer: BinaryWriter) => void;

/** When something was written down, and of which step it tells. */
interface Moment {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
}

/** What an event file begins with. */
export const versionEvent = (wallTime: number): Uint8Array =>
  event({ wallTime, step: 0 }, (writer) => text(writer, EVENT.fileVersion, "brain.Event:2"));

/** A start at a step: TensorBoard drops what it has read of that step and later ones. */
export const startEvent = (moment: Moment): Uint8Array =>
  event(moment, (writer) =>
    nested(writer, EVENT.sessionLog, (log) => log.tag(SESSION_LOG.status, WireType.Varint).int32(START)),
  );

export const scalarEvent = (moment: Moment, tag: string, value: number): Uint8Array =>
  summaryEvent(moment, tag, (writer) => writer.tag(VALUE.scalar, WireType.Bit32).float(value));

/** @param png an encoded image of width × height pixels */
export const imageEvent = (moment: Moment, tag: string, png: Uint8Array, width: number, height: number): Uint8Array =>
  summaryEvent(moment, tag, (writer) =>
    nested(writer, VALUE.image, (image) => {
      image.tag(IMAGE.height, WireType.Varint).int32(height);
      image.tag(IMAGE.width, WireType.Varint).int32(width);
      image.tag(IMAGE.colourSpace, WireType.Varint).int32(RGB);
      image.tag(IMAGE.encoded, WireType.LengthDelimited).bytes(png);
    }),
  );

const summaryEvent = (moment: Moment, tag: string, value: Fields): Uint8Array =>
  event(moment, (writer) =>
    nested(writer, EVENT.summary, (summary) =>
      nested(summary, SUMMARY.value, (one) => {
        text(one, VALUE.tag, tag);
        value(one);
      }),
    ),
  );

function event({ wallTime, step }: Moment, what: Fields): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(EVENT.wallTime, WireType.Bit64).double(wallTime);
  writer.tag(EVENT.step, WireType.Varint).int64(step);
  what(writer);
  return writer.finish();
}

function nested(writer: BinaryWriter, field: number, fields: Fields): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  fields(writer);
  writer.join();
}

const text = (writer: BinaryWriter, field: number, value: string): void => {
  writer.tag(field, WireType.LengthDelimited).string(value);
};
