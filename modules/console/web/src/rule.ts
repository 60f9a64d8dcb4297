// A Quartz rule in words. What a person should check by reading is said; a field that is too involved is named as it is.

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const DAY_NAMES = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const MONTH_NAMES = MONTHS.map((month) => month.slice(0, 3).toUpperCase());

const two = (text: string): string => text.padStart(2, "0");
const isNumber = (text: string): boolean => /^\d+$/.test(text);

function ordinal(text: string): string {
  const number = Number(text);
  const tail = number % 100 > 10 && number % 100 < 14 ? "th" : (["th", "st", "nd", "rd"][number % 10] ?? "th");
  return `${number}${tail}`;
}

/** `a`, `a and b`, `a, b and c`. */
function joined(parts: string[]): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts[parts.length - 1]}`;
}

function dayName(text: string): string | undefined {
  const place = isNumber(text) ? Number(text) - 1 : DAY_NAMES.indexOf(text);
  return DAYS[place];
}

function monthName(text: string): string | undefined {
  const place = isNumber(text) ? Number(text) - 1 : MONTH_NAMES.indexOf(text);
  return MONTHS[place];
}

/** The items of a list, each a value or a range, by their names; undefined where one is neither. */
function items(field: string, name: (text: string) => string | undefined): string | undefined {
  const words: string[] = [];
  for (const item of field.split(",")) {
    const [from, to, more] = item.split("-").map((part) => name(part));
    if (more !== undefined || from === undefined || (item.includes("-") && to === undefined)) return undefined;
    words.push(to === undefined ? from : `${from} to ${to}`);
  }
  return joined(words);
}

function step(field: string, unit: string): string | undefined {
  const match = /^(?:\*|(\d+))\/(\d+)$/.exec(field);
  if (!match) return undefined;
  const [, from, every] = match;
  const start = from === undefined || from === "0" ? "" : `, from ${unit} ${from} on`;
  return `every ${every === "1" ? unit : `${every} ${unit}s`}${start}`;
}

function timeWords(second: string, minute: string, hour: string): string {
  if (isNumber(second) && isNumber(minute) && /^[\d,]+$/.test(hour)) {
    const tail = second === "0" ? "" : `:${two(second)}`;
    return `at ${joined(hour.split(",").map((each) => `${two(each)}:${two(minute)}${tail}`))}`;
  }
  const hours = hour === "*" ? "" : ` in ${step(hour, "hour") ?? `hour ${items(hour, (text) => (isNumber(text) ? text : undefined)) ?? hour}`}`;
  if (second === "*" && minute === "*") return `every second${hours}`;
  const seconds = step(second, "second");
  if (seconds && minute === "*") return `${seconds}${hours}`;
  const atSecond = second === "0" ? "" : ` at second ${second}`;
  if (minute === "*") return `every minute${atSecond}${hours}`;
  const minutes = step(minute, "minute");
  if (minutes) return `${minutes}${atSecond}${hours}`;
  if (hour === "*") return `at minute ${minute} of every hour${atSecond}`;
  const everyHours = step(hour, "hour");
  if (everyHours) return `at minute ${minute} of ${everyHours}${atSecond}`;
  return `at minute ${minute} of hour ${hour}${atSecond}`;
}

function dayOfMonthWords(field: string): string {
  if (field === "L") return "on the last day of the month";
  if (field === "LW") return "on the last weekday of the month";
  const before = /^L-(\d+)$/.exec(field);
  if (before) return `${before[1]} days before the last day of the month`;
  const weekday = /^(\d+)W$/.exec(field);
  if (weekday) return `on the weekday nearest to the ${ordinal(weekday[1] ?? "")} of the month`;
  const every = step(field, "day");
  if (every) return `${every} of the month`;
  const named = items(field, (text) => (isNumber(text) ? ordinal(text) : undefined));
  return named ? `on the ${named} of the month` : `on days ${field} of the month`;
}

function dayOfWeekWords(field: string): string {
  const nth = /^(\w+)#(\d)$/.exec(field);
  const nthDay = nth ? dayName(nth[1] ?? "") : undefined;
  if (nth && nthDay) return `on the ${ordinal(nth[2] ?? "")} ${nthDay} of the month`;
  const last = /^(\w+?)L$/.exec(field);
  const lastDay = last ? dayName(last[1] ?? "") : undefined;
  if (lastDay) return `on the last ${lastDay} of the month`;
  const named = items(field, dayName);
  return named ? `on ${named}` : `on weekdays ${field}`;
}

/** `at 02:00, every day`; undefined where the text has not the fields of a rule. */
export function ruleInWords(rule: string): string | undefined {
  const fields = rule.trim().toUpperCase().split(/\s+/);
  if (fields.length < 6 || fields.length > 7) return undefined;
  const [second, minute, hour, dayOfMonth, month, dayOfWeek, year] = fields as [string, string, string, string, string, string, string?];
  const parts = [timeWords(second, minute, hour)];
  const anyMonthDay = dayOfMonth === "*" || dayOfMonth === "?";
  const anyWeekday = dayOfWeek === "*" || dayOfWeek === "?";
  const isEveryDay = anyMonthDay && anyWeekday;
  if (!anyMonthDay) parts.push(dayOfMonthWords(dayOfMonth));
  if (!anyWeekday) parts.push(dayOfWeekWords(dayOfWeek));
  if (isEveryDay && /^at \d\d:/.test(parts[0] ?? "")) parts.push("every day");
  if (month !== "*") parts.push(`in ${items(month, monthName) ?? step(month, "month") ?? month}`);
  if (year !== undefined && year !== "*") parts.push(`in ${year}`);
  return parts.join(", ");
}
