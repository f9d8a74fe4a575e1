import { Argument, Command, type Option } from "commander";

const EXAMPLES = `
Examples, for the files that shells read when they start:
  eval "$(slimsr completion bash)"
  eval "$(slimsr completion zsh)"
  slimsr completion fish | source`;

/**
 * \`slimsr completion SHELL\`: what a shell completes command lines by. Commands, options and their choices are completed; all else
 * is by the shell, as files.
 * @param load all commands
 */
export function completionCommand(load: () => Promise<readonly Command[]>): Command {
  return new Command("completion")
    .addArgument(new Argument("<shell>", "the shell").choices(["bash", "zsh", "fish"]))
    .addHelpText("after", EXAMPLES)
    .action(async (shell: string) => {
      const commands = await load();
      const script = shell === "fish" ? fish(commands) : bash(commands);
      process.stdout.write(
        shell === "zsh" ? `autoload -U +X compinit bashcompinit && compinit && bashcompinit\n${script}` : script,
      );
    });
}

function bash(commands: readonly Command[]): string {
  const names = commands.map((command) => command.name());
  const cases = commands.flatMap((command) => [
    ...command.options.flatMap((option) => {
      const choices = choicesOf(option);
      return choices.length > 0 ? [`    ${command.name()}:${option.long}) words="${choices.join(" ")}" ;;`] : [];
    }),
    `    ${command.name()}:*) words="${command.options.map(({ long }) => long).join(" ")}" ;;`,
  ]);
  return `_slimsr() {
  local words="${names.join(" ")}"
  [ "$COMP_CWORD" -gt 1 ] && case "\${COMP_WORDS[1]}:\${COMP_WORDS[COMP_CWORD-1]}" in
${cases.join("\n")}
    *) words="" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _slimsr slimsr
`;
}

function fish(commands: readonly Command[]): string {
  const quoted = (text: string) => `'${text.replace(/['\\]/g, "\\$&")}'`;
  const lines = commands.flatMap((command) => [
    `complete -c slimsr -n __fish_use_subcommand -f -a ${command.name()} -d ${quoted(command.description())}`,
    ...command.options.map((option) => {
      const choices = choicesOf(option);
      const takes =
        option.required || option.optional
          ? ` -r${choices.length > 0 ? ` -f -a ${quoted(choices.join(" "))}` : ""}`
          : "";
      const when = quoted(`__fish_seen_subcommand_from ${command.name()}`);
      return `complete -c slimsr -n ${when} -l ${option.long?.slice(2)} -d ${quoted(option.description)}${takes}`;
    }),
  ]);
  return `${lines.join("\n")}\n`;
}

/** The values that an option has, declared or told by its flags as <a|b>. */
const choicesOf = ({ argChoices, flags }: Option): readonly string[] =>
  argChoices ?? /<(.*\|.*)>/.exec(flags)?.[1]?.split("|") ?? [];
