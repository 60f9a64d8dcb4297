// Splits what a worker printed into pieces of one colour. Of ANSI's sequences the 16 colours, bold and reset count; every
// other sequence is shown as text, like any control character.
import { printableLines } from "./printable";

export interface Piece {
  text: string;
  /** Names of CSS classes, or "". */
  classes: string;
}

interface Style {
  foreground: number | undefined;
  background: number | undefined;
  isBold: boolean;
}

const SGR = /\u001b\[([0-9;]{0,32})m/g;

function applied(style: Style, codes: string): Style | undefined {
  const next = { ...style };
  for (const word of codes === "" ? ["0"] : codes.split(";")) {
    const code = Number(word === "" ? 0 : word);
    if (code === 0) Object.assign(next, { foreground: undefined, background: undefined, isBold: false });
    else if (code === 1) next.isBold = true;
    else if (code === 22) next.isBold = false;
    else if (code >= 30 && code <= 37) next.foreground = code - 30;
    else if (code >= 90 && code <= 97) next.foreground = code - 90 + 8;
    else if (code === 39) next.foreground = undefined;
    else if (code >= 40 && code <= 47) next.background = code - 40;
    else if (code >= 100 && code <= 107) next.background = code - 100 + 8;
    else if (code === 49) next.background = undefined;
    else return undefined;
  }
  return next;
}

function classesOf(style: Style): string {
  const names = [];
  if (style.foreground !== undefined) names.push(`ansi-fg-${style.foreground}`);
  if (style.background !== undefined) names.push(`ansi-bg-${style.background}`);
  if (style.isBold) names.push("ansi-bold");
  return names.join(" ");
}

/** At most `limit` pieces: text that changes its colour more often goes on in the last one's. */
export function pieces(text: string, limit: number): Piece[] {
  const found: Piece[] = [];
  let style: Style = { foreground: undefined, background: undefined, isBold: false };
  let from = 0;
  let plain = "";
  const flush = (): void => {
    if (plain !== "") found.push({ text: printableLines(plain), classes: classesOf(style) });
    plain = "";
  };
  for (const match of text.matchAll(SGR)) {
    const next = found.length < limit - 1 ? applied(style, match[1] ?? "") : undefined;
    plain += text.slice(from, match.index);
    from = match.index + match[0].length;
    if (next === undefined) {
      plain += match[0];
      continue;
    }
    flush();
    style = next;
  }
  plain += text.slice(from);
  flush();
  return found;
}
