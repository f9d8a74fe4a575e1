import { basename, dirname, resolve } from "node:path";
import { UsageError } from "@slimsr/core/internal/errors.js";

/** What a folder's or file's name says of the images that it stands for. */
export interface Words {
  readonly role: "hr" | "lr" | undefined;
  readonly scale: number | undefined;
  /** Which of several HR images of a picture counts, from 0: cropped for the scale, HR, the original. */
  readonly rank: number;
  /** What remains without words of roles and scales. */
  readonly rest: string;
}

const HR = /^(hr|gt|groundtruth|gtmod\d*|hrmod\d*|originals?)$/;
const LR = /^lr(?:bicubic|bic|bi)?x?(\d+)?$/;
const SCALE = /^(?:x(\d+)|(\d+)x)$/;
const BICUBIC = /^(bicubic|bic|bi)$/;

/** The words of a name: DIV2K_train_HR_sub is HR of DIV2K_train_sub, LRbicx2 is LR at scale 2. */
export function wordsOf(name: string): Words {
  let [role, scale, rank]: [Words["role"], Words["scale"], number] = [undefined, undefined, 1];
  const kept: string[] = [];
  // Each word with the separator before it.
  for (const part of name.replace(/(^|[_-])SRF[_-](\d+)/i, "$1x$2").match(/[_\-. ]*[^_\-. ]+/g) ?? []) {
    const word = part.replace(/^[_\-. ]+/, "").toLowerCase();
    const [lr, times] = [LR.exec(word), SCALE.exec(word)];
    if (HR.test(word)) {
      role ??= "hr";
      rank = word.includes("mod") ? 0 : word.startsWith("original") ? 2 : 1;
    } else if (lr) {
      role ??= "lr";
      if (lr[1] !== undefined) scale = Number(lr[1]);
    } else if (times) scale = Number(times[1] ?? times[2]);
    else if (role !== "lr" || !BICUBIC.test(word)) kept.push(part);
  }
  return { role, scale, rank, rest: kept.join("").replace(/^[_\-. ]+/, "") };
}

/** Whether a folder's name says what its images are, "HR", "X2" or "image_SRF_2", but not whose, as "DIV2K_train_HR" does. */
function isRoleAlone(name: string): boolean {
  const { role, scale, rest } = wordsOf(name);
  return (role !== undefined || scale !== undefined) && (rest === "" || /^images?$/i.test(rest));
}

/** The folder that a set is called by: Set5 for Set5, Set5/HR and Set5/image_SRF_2. */
export function namedFolder(path: string): string {
  const whole = resolve(path);
  const above = dirname(whole);
  return isRoleAlone(basename(whole)) && above !== dirname(above) ? namedFolder(above) : whole;
}

/**
 * What paths are called beside one another: by their last part, or by as many as it takes to tell them apart.
 * @throws UsageError where two are the same
 */
export function distinctNames(paths: readonly string[], source: string): string[] {
  const parts = paths.map((path) => resolve(path).split(/[/\\]/));
  return parts.map((own, i) => {
    for (let count = 1; count < own.length; count++) {
      const name = own.slice(-count).join("/");
      const others = parts.filter((other, k) => k !== i && other.slice(-count).join("/") === name);
      if (others.length === 0) return name;
    }
    throw new UsageError(`${source}: two are called ${own.at(-1)}; rename one, or leave it out`);
  });
}

/** Names of sets beside one another; see `distinctNames`. */
export const setNames = (paths: readonly string[], source: string): string[] =>
  distinctNames(paths.map(namedFolder), source);
