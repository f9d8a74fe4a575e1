import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type ParseArgsConfig, parseArgs } from "node:util";

/**
 * The arguments of a script. `--help` prints the comment that the script begins with; arguments that it doesn't know are told in one
 * line on standard error. Either ends the process, with 0 and 2.
 * @param script the `import.meta.url` of the script
 */
export function scriptArguments<const Config extends ParseArgsConfig>(
  script: string,
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  if (process.argv.slice(2).includes("--help")) {
    process.stdout.write(`${firstComment(script)}\n`);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    if (!(error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS")))
      throw error;
    process.stderr.write(`${error.message.split(/[.\n]/)[0]}; --help says what there is\n`);
    process.exit(2);
  }
}

/** The text of the comment that a script begins with. */
function firstComment(script: string): string {
  const [, text = ""] = /^\/\*\*\n([\s\S]*?)\n \*\//.exec(readFileSync(fileURLToPath(script), "utf8")) ?? [];
  return text.replace(/^ \* ?/gm, "");
}
