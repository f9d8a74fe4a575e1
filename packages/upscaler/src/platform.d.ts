export {};

/** All that what every runtime shares takes from its platform beside the language itself. */
declare global {
  interface AbortSignal {
    readonly aborted: boolean;
    throwIfAborted(): void;
  }
  const performance: { now(): number };
  class TextEncoder {
    encode(text?: string): Uint8Array<ArrayBuffer>;
  }
  class CompressionStream {
    constructor(format: "deflate");
    readonly readable: {
      getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array<ArrayBuffer> }> };
    };
    readonly writable: {
      getWriter(): {
        readonly ready: Promise<unknown>;
        write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
        close(): Promise<void>;
        abort(reason?: unknown): Promise<void>;
      };
    };
  }
}
