import { SlimsrError } from "@slimsr/core/internal/errors.js";
import { Command } from "commander";
import { message } from "../text/visible.js";
import { VERSION } from "../version.js";
import { guard } from "./terminal.js";

interface Entry {
  readonly name: string;
  /** What help shows behind the name. */
  readonly usage: string;
  readonly description: string;
  readonly load: () => Promise<Command>;
}

/** In the order in which help lists them. Only the one that is called is loaded. */
const COMMANDS: readonly Entry[] = [
  {
    name: "upscale",
    usage: "[options] <input...>",
    description: "make photographs and videos larger, with a model that ships or any other: files, folders, pipes",
    load: async () => (await import("./upscale.js")).upscaleCommand(),
  },
  {
    name: "models",
    usage: "[options]",
    description: "list the models that ship, for slimsr upscale --model",
    load: async () => (await import("./models.js")).modelsCommand(),
  },
  {
    name: "inspect",
    usage: "[options] <file>",
    description: "show what network a checkpoint holds: architecture, options, parameters, multiply-accumulates",
    load: async () => (await import("./inspect.js")).inspectCommand(),
  },
  {
    name: "convert",
    usage: "[options] <file>",
    description: "convert a checkpoint to .safetensors, which describes its network, or to .pt, which PyTorch loads",
    load: async () => (await import("./convert.js")).convertCommand(),
  },
  {
    name: "export",
    usage: "[options] <model>",
    description:
      "write a network as it is deployed: ONNX with its linear stretches merged, in half precision if asked, checked",
    load: async () => (await import("./export.js")).exportCommand(),
  },
  {
    name: "parity",
    usage: "[options] <dir>",
    description: "compare training steps with a reference's: every case (.json and .safetensors) of a folder",
    load: async () => (await import("./parity.js")).parityCommand(),
  },
  {
    name: "prepare",
    usage: "[options]",
    description:
      "make LR images from HR images as the benchmarks' are made: MATLAB's bicubic, after cropping to the scale",
    load: async () => (await import("./prepare.js")).prepareCommand(),
  },
  {
    name: "evaluate",
    usage: "[options]",
    description: "measure PSNR, SSIM, cost and time of models on data sets, at any number of widths",
    load: async () => (await import("./evaluate.js")).evaluateCommand(),
  },
  {
    name: "slim",
    usage: "[options]",
    description: "make a network narrower without training: align its channels, keep the first, refit by least squares",
    load: async () => (await import("./slim.js")).slimCommand(),
  },
  {
    name: "quantise",
    usage: "[options] <model>",
    description:
      "write a network in integers of 8 bits, which processors compute two to five times as fast, without training",
    load: async () => (await import("./quantise.js")).quantiseCommand(),
  },
  {
    name: "compress",
    usage: "[options]",
    description: "train compact students of a super-resolution network, and measure them",
    load: async () => (await import("./compress.js")).compressCommand(),
  },
  {
    name: "train",
    usage: "[options]",
    description: "train a super-resolution network from random weights by L1, as a teacher",
    load: async () => (await import("./train.js")).trainCommand(),
  },
  {
    name: "ablate",
    usage: "[options]",
    description: "compare methods from one teacher at equal steps, over widths and seeds",
    load: async () => (await import("./ablate.js")).ablateCommand(),
  },
  {
    name: "cache",
    usage: "[options]",
    description: "say what decoded images take on disk, or remove them",
    load: async () => (await import("./cache.js")).cacheCommand(),
  },
  {
    name: "completion",
    usage: "[options] <shell>",
    description: "print what a shell completes command lines by: bash, zsh or fish",
    load: async () => (await import("./completion.js")).completionCommand(loadAll),
  },
];

/** Exit codes: 0, done; 1, it failed; 2, the command line or a config file is wrong; 130, interrupted. */
const USAGE = 2;

guard(process.stdout);
guard(process.stderr);

const program = new Command("slimsr")
  .description("make super-resolution networks small and fast")
  .version(VERSION)
  .configureHelp({ subcommandTerm: (command) => `${command.name()} ${command.usage()}` })
  .addHelpText(
    "after",
    "\nIn a clone of the repository say npx slimsr. Examples in the commands' help run where its assets folder lies.",
  )
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : USAGE))
  .hook("preAction", async (_, command) => (await import("./required.js")).refuseEmpty(command))
  .hook("preAction", async (_, command) => (await import("./together.js")).refuseCopies(command.name()));

const loadAll = (): Promise<Command[]> =>
  Promise.all(COMMANDS.map(async ({ description, load }) => (await load()).description(description)));

const called = process.argv.slice(2).find((word) => COMMANDS.some(({ name }) => name === word));
for (const { name, usage, description, load } of COMMANDS) {
  const command = name === called ? await load() : new Command(name).usage(usage);
  program.addCommand(command.copyInheritedSettings(program).description(description));
}

// A file that may not grow any more is an error of the write, which is told, not the process' end.
process.on("SIGXFSZ", () => undefined);

// Progress that nobody reads any more, or that a full disk doesn't take, is no reason to end the work.
process.stderr.on("error", () => undefined);
// Whoever reads results may have read enough; that they can't be written is told.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE" || process.exitCode) return;
  process.stderr.write(`slimsr: standard output can't be written: ${error.message}\n`);
  process.exitCode = 1;
});

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof SlimsrError)) throw error;
  process.stderr.write(`slimsr: ${message(error.message)}\n`);
  process.exitCode = error.exitCode;
}
