/** What moves a terminal's cursor, colours, hides or reorders text; line breaks and tabs aside. */
const CONTROL = /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** Words of a message that are longer are cut: names of files may be as long as they like. */
const LONGEST_WORD = 300;
const LONGEST_MESSAGE = 8000;

/** Text with its control characters written as JSON writes them, "\u001b", so that JSON means the same before and after. */
export const visible = (text: string): string => text.replace(CONTROL, escaped);

/** A name of someone else's within a line, cut to a length and without line breaks. */
export const inLine = (name: string): string => visible(cut(name, LONGEST_WORD)).replace(/[\n\t]/g, escaped);

/** A message with names in it, each of them and all cut to a length; what follows its first line is indented. */
export const message = (text: string): string =>
  visible(cut(text, LONGEST_MESSAGE).replace(/\S+/g, (word) => cut(word, LONGEST_WORD))).replace(/\n(?! {2})/g, "\n  ");

/** Beginning and end. */
function cut(text: string, length: number): string {
  return text.length <= length
    ? text
    : `${text.slice(0, Math.ceil((length - 1) * 0.75))}…${text.slice(-Math.floor((length - 1) * 0.25))}`;
}

/** Code unit by code unit: those beyond U+FFFF have two. */
const escaped = (text: string): string =>
  [...Array(text.length).keys()].map((i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, "0")}`).join("");
