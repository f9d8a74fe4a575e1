import type { Command, Option } from "commander";

/**
 * Adds an option that must be given. Commander looks for lacking options before unknown ones, so that a typo in one that must be
 * given would be told as its lack; here it is told as the typo.
 */
export function required(command: Command, option: Option): Command {
  return command.addOption(option).hook("preAction", (_, called) => {
    if (called.getOptionValue(option.attributeName()) === undefined) {
      called.error(`error: required option '${option.flags}' not specified`);
    }
  });
}

/** Refuses options and arguments that are empty, as an unset variable of a shell leaves them. */
export function refuseEmpty(called: Command): void {
  const isEmpty = (value: unknown): boolean => [value].flat().includes("");
  const option = called.options.find((each) => isEmpty(called.getOptionValue(each.attributeName())));
  if (option) called.error(`error: option '${option.flags}' is empty; give it a value, or leave it out`);
  if (called.args.some(isEmpty)) called.error("error: an argument is empty; give it a value");
}
