// What a person reads, in their language, by a key such as collect.tab. English is the whole; another
// language falls back to it, word by word.
import { keep, kept } from "./kept.js";
import { en } from "./words/en.js";
import { de } from "./words/de.js";

const languages = { en, de };
const wished = [kept("language"), ...navigator.languages].map((one) => (one || "").slice(0, 2));

/** The language of the page, as "en". */
export const language = wished.find((one) => one in languages) || "en";
document.documentElement.lang = language;

/** For the attribute of what the server says: its language, where the page has another. */
export const theirs = language === "en" ? null : "en";

/** A sentence of the server, which sets a space before "%", in the English of the page. */
export const adapted = (words) => words.replaceAll(/(\d) %/g, "$1%");

/** The languages there are, each under its own name. */
export const known = Object.entries(languages).map(([code, words]) => [code, words.language]);

export function speak(code) {
  keep("language", code);
  location.reload();
}

const found = (words, key) => key.split(".").reduce((at, part) => at && at[part], words);

/** The text of a key; {name} in it is replaced by the value, and {count|one|many} by either word. */
export function t(key, values = {}) {
  const text = found(languages[language], key) ?? found(en, key) ?? key;
  return text
    .replace(/\{(\w+)\|([^|}]*)\|([^}]*)\}/g, (_, name, one, many) => (values[name] === 1 ? one : many))
    .replace(/\{(\w+)\}/g, (_, name) => number(values[name] ?? ""));
}

/** A label as it is read: "cat_fish" is a cat fish. */
export const plain = (label) => label.replaceAll("_", " ");

/** A number as this language writes it; anything else as it is. */
export function number(value, digits = 0, least = digits) {
  if (typeof value !== "number") return value;
  return value.toLocaleString(language, { maximumFractionDigits: digits, minimumFractionDigits: least }).replace("-", "−");
}

/** A share from 0 to 1 as a percentage. */
export const percent = (value, digits = 1) =>
  value.toLocaleString(language, { style: "percent", maximumFractionDigits: digits, minimumFractionDigits: digits });
