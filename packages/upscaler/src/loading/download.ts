import { CheckpointError } from "@slimsr/core/internal/errors.js";

/** Where downloaded models are kept. */
export interface ModelStore {
  get(url: string): Promise<Uint8Array | undefined>;
  put(url: string, bytes: Uint8Array): Promise<void>;
}

export interface DownloadOptions {
  /** SHA-256 of the file, in hexadecimal digits: what has another is not taken, and what is kept is checked. */
  readonly sha256?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called as bytes come in; `total` is left out where the server doesn't say. */
  readonly onDownload?: ((received: number, total: number | undefined) => void) | undefined;
}

/**
 * A model's bytes from an address, or from the store, where they are kept from then on.
 * @throws CheckpointError where the server doesn't give them, they end early or aren't what `sha256` says
 */
export async function download(
  url: string,
  store: ModelStore | undefined,
  options: DownloadOptions,
): Promise<Uint8Array> {
  const { sha256 } = options;
  const kept = await store?.get(url);
  if (kept && (sha256 === undefined || (await digest(kept)) === sha256.toLowerCase())) return kept;
  const bytes = await fetched(url, options);
  if (sha256 !== undefined) {
    const found = await digest(bytes);
    if (found !== sha256.toLowerCase()) {
      throw new CheckpointError(
        `${url} has SHA-256 ${found}, not ${sha256} as asked: it is another file, or was changed on its way`,
      );
    }
  }
  await store?.put(url, bytes);
  return bytes;
}

async function fetched(url: string, { signal, onDownload }: DownloadOptions): Promise<Uint8Array> {
  const response = await fetch(url, signal ? { signal } : {}).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw new CheckpointError(`${url} can't be fetched: ${reasonOf(error)}`, { cause: error });
  });
  if (!response.ok || !response.body)
    throw new CheckpointError(`${url} can't be fetched: the server answers ${response.status}`);
  const length = response.headers.get("content-encoding") === null ? response.headers.get("content-length") : null;
  const total = length === null ? undefined : Number(length);
  const parts: Uint8Array[] = [];
  let received = 0;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      received += value.length;
      onDownload?.(received, total);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw new CheckpointError(`${url} broke off after ${received} bytes: ${reasonOf(error)}`, { cause: error });
  }
  if (total !== undefined && received !== total) {
    throw new CheckpointError(`${url} broke off after ${received} of ${total} bytes`);
  }
  const bytes = new Uint8Array(received);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const reasonOf = (error: unknown): string => {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message} (${cause.message})` : message;
};

async function digest(bytes: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
