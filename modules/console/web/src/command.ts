// The elvesctl command that does what a page does.

const PLAIN = /^[A-Za-z0-9_./:=,@%+-]+$/;

/** A word as a shell takes it. */
export function quoted(word: string): string {
  return PLAIN.test(word) && !word.startsWith("-") ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

export type Word = string | [option: string, value: string | undefined];

/** `elvesctl …`; an option whose value is "" or undefined is left out. */
export function command(...words: Word[]): string {
  const parts = ["elvesctl"];
  for (const word of words) {
    if (typeof word === "string") parts.push(word.startsWith("--") ? word : quoted(word));
    else if (word[1] !== undefined && word[1] !== "") parts.push(word[0], quoted(word[1]));
  }
  return parts.join(" ");
}
