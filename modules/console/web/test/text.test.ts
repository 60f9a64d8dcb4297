import assert from "node:assert/strict";
import test from "node:test";
import { pieces } from "../src/ansi";
import { command } from "../src/command";
import { printable, printableLines, shortened } from "../src/printable";
import { ruleInWords } from "../src/rule";
import { between, bytes, duration, momentOf, serverTime, setServerZone } from "../src/time";

test("what would steer a terminal or turn the direction of writing is written out", () => {
  assert.equal(printable("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  assert.equal(printable("\u001b[31m\u0000\u007f\u009b"), "\\x1b[31m\\x00\\x7f\\x9b");
  assert.equal(printable("\u061c\u200e\u200f\u202a\u202e\u2066\u2069"), "\\u061c\\u200e\\u200f\\u202a\\u202e\\u2066\\u2069");
  assert.equal(printableLines("a\n\tb\r\u202e"), "a\n\tb\\r\\u202e");
});

test("other text stays as it is", () => {
  const text = "grüße, 世界, 👍🏽, \u00a0, \u2028, שלום";
  assert.equal(printable(text), text);
  assert.equal(shortened("12345", 5), "12345");
  assert.equal(shortened("123456", 5), "1234…");
});

test("the 16 colours, bold and reset make pieces; other sequences are text", () => {
  assert.deepEqual(pieces("a\u001b[31mb\u001b[1;92;44mc\u001b[0md", 10), [
    { text: "a", classes: "" },
    { text: "b", classes: "ansi-fg-1" },
    { text: "c", classes: "ansi-fg-10 ansi-bg-4 ansi-bold" },
    { text: "d", classes: "" },
  ]);
  assert.deepEqual(pieces("\u001b[38;5;9mx\u001b[2Jy", 10), [{ text: "\\x1b[38;5;9mx\\x1b[2Jy", classes: "" }]);
});

test("a text of very many colours has no more pieces than the limit, and loses nothing", () => {
  const found = pieces(Array.from({ length: 5_000 }, (_, place) => `\u001b[3${place % 8}m${place} `).join(""), 100);
  assert.ok(found.length <= 100);
  const all = found.map(({ text }) => text).join("");
  assert.ok(all.startsWith("0 1 2 ") && all.endsWith("4999 "));
});

test("words of a command are quoted as a shell needs it", () => {
  assert.equal(command("hosts", "env=prod and os=linux"), "elvesctl hosts 'env=prod and os=linux'");
  assert.equal(command("run", "it's", ["--note", ""], ["--waves", "1,10%"]), "elvesctl run 'it'\\''s' --waves 1,10%");
  assert.equal(command("x", "-rf", "$(reboot)", "`id`", "a;b"), "elvesctl x '-rf' '$(reboot)' '`id`' 'a;b'");
});

test("rules are explained in words", () => {
  const rules: [string, string | undefined][] = [
    ["0 0 2 * * ?", "at 02:00, every day"],
    ["0 30 3 ? * MON-FRI", "at 03:30, on Monday to Friday"],
    ["0 0 8,20 * * ?", "at 08:00 and 20:00, every day"],
    ["0 */15 * * * ?", "every 15 minutes"],
    ["0/20 * * * * ?", "every 20 seconds"],
    ["* * * * * ?", "every second"],
    ["0 0 4 1 * ?", "at 04:00, on the 1st of the month"],
    ["0 0 4 L * ?", "at 04:00, on the last day of the month"],
    ["0 0 4 15W * ?", "at 04:00, on the weekday nearest to the 15th of the month"],
    ["0 0 4 ? * 6#3", "at 04:00, on the 3rd Friday of the month"],
    ["0 0 4 ? * 6L", "at 04:00, on the last Friday of the month"],
    ["0 0 4 ? JAN,JUL SUN", "at 04:00, on Sunday, in January and July"],
    ["0 0 4 1 1 ? 2027", "at 04:00, on the 1st of the month, in January, in 2027"],
    ["0 0 0/6 * * ?", "at minute 0 of every 6 hours"],
    ["0 5 * * * ?", "at minute 5 of every hour"],
    ["0 0 2", undefined],
    ["", undefined],
  ];
  for (const [rule, words] of rules) assert.equal(ruleInWords(rule), words, rule);
});

test("a time of the server is a moment in its zone, on both sides of a clock change", () => {
  setServerZone("Europe/Berlin");
  assert.equal(momentOf("2026-01-15 12:00:00"), Date.UTC(2026, 0, 15, 11));
  assert.equal(momentOf("2026-07-15 12:00:00"), Date.UTC(2026, 6, 15, 10));
  assert.equal(momentOf("2026-03-29 03:30:00"), Date.UTC(2026, 2, 29, 1, 30));
  assert.equal(momentOf("2026-10-25 04:00:00"), Date.UTC(2026, 9, 25, 3));
  assert.equal(serverTime(Date.UTC(2026, 6, 15, 10)), "2026-07-15 12:00:00");
  assert.equal(momentOf("never"), undefined);
  assert.equal(between("2026-07-15 12:00:00", "2026-07-15 12:00:00"), "under 1 s");
  assert.equal(between("2026-07-15 12:00:00", "2026-07-15 12:01:05"), "65 s");
  assert.equal(between("2026-07-15 12:00:00", ""), "");
});

test("a zone that the browser does not know leaves times without a moment", () => {
  setServerZone("Mars/Olympus");
  assert.equal(momentOf("2026-01-15 12:00:00"), undefined);
  setServerZone("UTC");
});

test("durations and sizes are short", () => {
  assert.deepEqual([12, 1_234, 12_345, 150_000, 7_300_000, 200_000_000].map(duration), ["12 ms", "1.2 s", "12 s", "2 min 30 s", "2 h 01 min", "2 d 7 h"]);
  assert.deepEqual([12, 2_048, 5_000_000].map(bytes), ["12 B", "2.0 KiB", "4.8 MiB"]);
});
