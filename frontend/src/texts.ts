// The texts that a page gave its script, in the page's language, and how numbers are put into them.

type Forms = Record<string, string>;
type Text = string | Forms | Record<string, unknown>;

const language = document.documentElement.lang || "en";
export const locale = language === "en" ? "en-GB" : language;
const rules = new Intl.PluralRules(language);
const given: Record<string, Text> = {};
for (const one of document.querySelectorAll("#texts, [data-texts]")) Object.assign(given, JSON.parse(one.textContent ?? ""));

/** The text `name`, with its parts filled in; `count` chooses the plural form. */
export function say(name: string, parts: Record<string, string | number> = {}): string {
  const text = given[name];
  if (text === undefined) throw new Error(`The page has no text "${name}"`);
  if (typeof text === "string") return fill(text, parts);
  const forms = text as Forms;
  return fill(forms[rules.select(Number(parts.count))] ?? forms.other ?? "", parts);
}

/** One of a group of texts: `among("states", "done")`. */
export function among(name: string, key: string): string {
  return (given[name] as Forms)[key] ?? key;
}

function fill(text: string, parts: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const part = parts[name];
    return part === undefined ? whole : typeof part === "number" ? number(part) : part;
  });
}

export function number(value: number, digits = 0): string {
  return value.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function percent(share: number): string {
  return Math.floor(share * 100).toLocaleString(locale) + "\u00a0%";
}

/** Bytes, in units of a thousand, as phones count them. */
export function size(bytes: number): string {
  if (bytes < 1e6) return say("kB", { x: number(Math.ceil(bytes / 1e3)) });
  if (bytes < 1e9) return say("MB", { x: number(bytes / 1e6, 1) });
  return say("GB", { x: number(bytes / 1e9, 1) });
}

/** A length of time, roughly. */
export function time(seconds: number): string {
  if (seconds < 90) return say("seconds", { count: Math.max(1, Math.round(seconds)) });
  if (seconds < 90 * 60) return say("minutes", { count: Math.round(seconds / 60) });
  return say("hours", { count: Math.round(seconds / 3600) });
}
