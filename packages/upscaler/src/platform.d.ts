export {};

/** All that what every runtime shares takes from its platform beside the language itself. */
declare global {
  interface AbortSignal {
    readonly aborted: boolean;
    throwIfAborted(): void;
  }
  const performance: { now(): number };
  const crypto: {
    readonly subtle: { digest(algorithm: "SHA-256", bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> };
  };

  interface StreamReader {
    read(): Promise<{ done: false; value: Uint8Array<ArrayBuffer> } | { done: true; value?: undefined }>;
  }
  interface FetchedResponse {
    readonly ok: boolean;
    readonly status: number;
    readonly headers: { get(name: string): string | null };
    readonly body: { getReader(): StreamReader } | null;
  }
  function fetch(url: string, options?: { signal?: AbortSignal }): Promise<FetchedResponse>;

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
