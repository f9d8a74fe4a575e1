import type { Command } from "commander";
import { afterEach, beforeEach, vi } from "vitest";
import { temporaryFolder } from "../datasets/folders.js";

/** What a command that runs in the test's own process prints, with a cache folder of each test's own. */
export class Captured {
  /** Of the last run. */
  output = "";
  /** Of the whole test, on standard error. */
  complaints = "";

  constructor() {
    beforeEach(async () => {
      [this.output, this.complaints] = ["", ""];
      vi.spyOn(process.stdout, "write").mockImplementation((text) => {
        this.output += text;
        return true;
      });
      vi.spyOn(process.stderr, "write").mockImplementation((text) => {
        this.complaints += text;
        return true;
      });
      vi.stubEnv("XDG_CACHE_HOME", await temporaryFolder());
    });
    afterEach(() => {
      vi.restoreAllMocks();
      vi.unstubAllEnvs();
    });
  }

  /** Runs a command and yields what it printed. */
  async run(command: Command, words: readonly string[]): Promise<string> {
    this.output = "";
    await command
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .parseAsync(words, { from: "user" });
    return this.output;
  }
}
