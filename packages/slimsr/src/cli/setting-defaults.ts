import { type Preset, presetSettings } from "../runs/presets.js";
import { type PartialSettings, STANDARD_WIDTHS, settingsSchema } from "../runs/settings.js";
import { flagOf } from "../text/expectation.js";

export type SettingKey = keyof typeof settingsSchema.shape;

/**
 * "(default: 5000; paper: 400000, quick: 300)": what a setting is where it is left out, and what other presets than the first make
 * of it; nothing where it has no value of its own then.
 */
export function defaultNote(key: SettingKey, [first, ...others]: readonly Preset[]): string {
  const standard = show(presetValue(key, first));
  const apart = others.flatMap((preset) => {
    const value = show(presetValue(key, preset));
    return value === standard ? [] : `${preset}: ${value || "all"}`;
  });
  if (standard === "" && apart.length === 0) return "";
  return ` (default: ${[standard || "all", ...(apart.length > 0 ? [apart.join(", ")] : [])].join("; ")})`;
}

/** "--lambda-anchor 2 --learning-rate 0.0002": what a preset changes where the teacher is trained too. */
export function sharedTeacherDefaults(preset: Preset): string {
  const [alone, shared] = [{}, { teacherWeights: "shared" } as const].map((given) => presetSettings(preset, 2, given));
  return Object.entries(shared as PartialSettings)
    .filter(([key, value]) => key !== "teacherWeights" && value !== alone?.[key as SettingKey])
    .map(([key, value]) => `${flagOf(key)} ${show(value)}`)
    .join(" ");
}

function presetValue(key: SettingKey, preset: Preset | undefined): unknown {
  const [twofold, threefold] = ([2, 3] as const).map((scale) => preset && presetSettings(preset, scale)[key]);
  // HR pixels are the same at every scale.
  if (typeof twofold === "number" && twofold !== threefold) return `${twofold * 2}/scale`;
  return twofold ?? (key === "width" ? STANDARD_WIDTHS : settingsSchema.shape[key].safeParse(undefined).data);
}

function show(value: unknown): string {
  if (value === undefined || value === false) return "";
  return Array.isArray(value) ? value.join(",") : String(value);
}
