// How text from workers, agents and operators is shown. The rule is that of elvesctl (src/ctl/printable.cpp): control
// characters, C1 and the marks that turn the direction of writing are written out, so that they steer nothing.

/** Control characters, C1, and U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069. */
const STEERING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const STEERING_BUT_LAYOUT = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const NAMED: Record<string, string> = { "\n": "\\n", "\t": "\\t", "\r": "\\r" };

function escaped(character: string): string {
  const point = character.codePointAt(0) ?? 0;
  return NAMED[character] ?? (point < 0x100 ? `\\x${point.toString(16).padStart(2, "0")}` : `\\u${point.toString(16).padStart(4, "0")}`);
}

/** `text` in one line. */
export const printable = (text: string): string => text.replace(STEERING, escaped);

/** `text` with its line ends and tabs. */
export const printableLines = (text: string): string => text.replace(STEERING_BUT_LAYOUT, escaped);

/** `text` in one line of at most `length` characters; `…` stands for the rest. */
export function shortened(text: string | undefined, length: number): string {
  const line = printable(text ?? "");
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}
