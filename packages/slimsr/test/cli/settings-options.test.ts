import { Command } from "commander";
import { expect, it } from "vitest";
import { addSettingsOptions, settingsOf } from "../../src/cli/settings-options.js";

const given = (...args: string[]) => {
  const command = addSettingsOptions(new Command("compress"), []);
  command.parse(args, { from: "user" });
  return settingsOf(command.opts());
};

it("a switch that is on by default is undefined unless it is given, so that a config file's stands", () => {
  expect(given()).toEqual({});
  expect(given("--no-merge")).toEqual({ merge: false });
  expect(given("--merge", "--skip-bad")).toEqual({ merge: true, skipBad: true });
});
