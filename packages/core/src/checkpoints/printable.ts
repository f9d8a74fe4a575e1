/** A text out of a file that may be hostile, fit for a message: without control characters, and cut to a length. */
export function printable(text: string, length = 80): string {
  const cut = text.length > length ? `${text.slice(0, length)}…` : text;
  return cut.replace(/\p{C}/gu, "?");
}
