/** Text that begins a file which stands in another's place. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [/^version https:\/\/git-lfs/, "it is a Git LFS pointer; fetch the file itself with git lfs pull"],
  [/^\s*<(!doctype|html)/i, "it is a web page; was the download link one to a page?"],
];

/** What a file is that ends up where a model or an image should be, and what to do; undefined where its bytes don't tell. */
export function misplaced(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return "it is empty";
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, 512));
  return TEXTS.find(([pattern]) => pattern.test(text))?.[1];
}
