import { execFileSync } from "node:child_process";
import { describe, it } from "vitest";

/** A program that some tests need and npm doesn't bring. */
export interface Requirement {
  what: string;
  /** How to get it. */
  advice: string;
  /** Where it is; undefined where it isn't installed. */
  find: () => string | undefined;
}

/**
 * Tests that need a program. Where it is missing they are skipped with a message that says how to get it; with CI set in the
 * environment that is a failure.
 */
export function describeWith({ what, advice, find }: Requirement, title: string, tests: (path: string) => void): void {
  const path = find();
  if (path !== undefined) {
    describe(title, () => tests(path));
    return;
  }
  const message = `${title}: needs ${what}, which isn't installed: ${advice}`;
  if (process.env.CI) {
    it(title, () => {
      throw new Error(message);
    });
  } else {
    console.warn(`skipped: ${message}`);
    describe.skip(title, () => it.todo(message));
  }
}

const output = (command: string, args: readonly string[]): string | undefined => {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return undefined;
  }
};

/** A Python that has PyTorch. */
export const PYTORCH: Requirement = {
  what: "PyTorch",
  advice: "apt-get install python3-torch",
  find: () => {
    const probe = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)";
    return ["/usr/bin/python3", "python3"].find((python) => output(python, ["-c", probe]) !== undefined);
  },
};

/** The description of a Vulkan driver that needs no GPU: the value of VK_DRIVER_FILES. */
export const SOFTWARE_GPU: Requirement = {
  what: "Vulkan with the software driver that comes with Chromium",
  advice: "apt-get install chromium libvulkan1",
  find: () =>
    output("dpkg", ["-L", "libvulkan1"]) === undefined
      ? undefined
      : ["chromium", "chromium-common"]
          .flatMap((name) => output("dpkg", ["-L", name])?.split("\n") ?? [])
          .find((file) => file.endsWith("vk_swiftshader_icd.json")),
};

/** A browser that Playwright can drive. */
export const CHROMIUM: Requirement = {
  what: "Chromium",
  advice: "apt-get install chromium",
  find: () =>
    ["chromium", "chromium-browser", "google-chrome"].flatMap((name) => output("which", [name])?.trim() ?? [])[0],
};

/** What videos are read and written by. */
export const FFMPEG: Requirement = {
  what: "ffmpeg",
  advice: "apt-get install ffmpeg",
  find: () => ["ffprobe", "ffmpeg"].map((name) => output("which", [name])?.trim()).reduce((one, other) => one && other),
};
