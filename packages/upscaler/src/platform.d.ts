export {};

/** All that what every runtime shares takes from its platform beside the language itself. */
declare global {
  interface AbortSignal {
    readonly aborted: boolean;
    throwIfAborted(): void;
  }
  const performance: { now(): number };
}
