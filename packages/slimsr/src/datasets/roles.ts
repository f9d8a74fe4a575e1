import { basename, dirname } from "node:path";
import type { ImageFile } from "./find-images.js";
import { type Words, wordsOf } from "./names.js";

/** An image of a set, and what its path says about it. */
export interface Placed extends Pick<Words, "scale" | "rank"> {
  readonly path: string;
  /** `other`: what a method made of the picture. Undefined where the path says nothing. */
  readonly role: "hr" | "lr" | "other" | undefined;
  /** The picture: the path below the set without words of roles and scales. */
  readonly key: string;
  /** Path below the folder that says the role, without ending: "baby". */
  readonly name: string;
  /** That folder, below the set; "." where the file's own name says it. */
  readonly folder: string;
  /** Whether it is so whatever else the set holds: by a folder at its top, or by a name as SelfExSR's. */
  readonly certain: boolean;
}

/** A name as SelfExSR's: img_001_SRF_2_HR, _LR, and what methods made, such as _bicubic. */
const SELFEX = /^(.+)_SRF_(\d+)_([^_]+)$/i;

/** Reads what an image is out of its path below the set. */
export function placed({ name: below, path }: ImageFile): Placed {
  const folders = dirname(below).split("/");
  const file = basename(below);
  const words = folders.map(wordsOf);
  const above = (picture: string) =>
    [words.flatMap(({ rest }) => (rest === "" || rest === "." ? [] : [rest])).join("_"), picture]
      .filter((part) => part !== "")
      .join("/");
  const selfex = SELFEX.exec(file) as [string, string, string, string] | null;
  if (selfex) {
    const [, picture, scale, kind] = selfex;
    const role = /^(hr|lr)$/i.test(kind) ? (kind.toLowerCase() as "hr" | "lr") : "other";
    const key = above(picture);
    return { path, role, scale: Number(scale), rank: 1, key, name: picture, folder: ".", certain: true };
  }
  const own = wordsOf(file);
  const giver = words.find(({ role }) => role !== undefined);
  const role = giver?.role ?? own.role;
  const folderScale = words.findLast(({ scale }) => scale !== undefined)?.scale;
  // In a folder of HR images "city_2x" is a name like any other.
  const isNamed = own.role !== undefined || (own.scale !== undefined && (role === "lr" || own.scale === folderScale));
  const key = above(isNamed ? own.rest : file);
  const last = words.findLastIndex(({ role: said, scale }) => said !== undefined || scale !== undefined);
  return {
    ...{ path, role, key },
    scale: folderScale ?? (role === "lr" || own.role !== undefined ? own.scale : undefined),
    rank: (giver ?? own).rank,
    name: giver ? [...folders.slice(last + 1), file].join("/") : key,
    folder: giver ? folders.slice(0, last + 1).join("/") : ".",
    certain: isCertain(words[0] as Words),
  };
}

const isCertain = ({ role, rank, rest }: Words): boolean =>
  role !== undefined && rank < 2 && (rest === "" || rest.startsWith("DIV2K"));
