export {};

/** All that core takes from the platform beside the language itself: the Encoding standard's classes, which every runtime has. */
declare global {
  class TextEncoder {
    encode(text?: string): Uint8Array<ArrayBuffer>;
  }
  class TextDecoder {
    constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
    decode(bytes?: Uint8Array): string;
  }
}
