// The page's own words, in the language that was chosen; English words are their own keys.

import { CHINESE } from "./chinese.js";
import { NAMES } from "./names.js";

const DICTIONARIES = { en: {}, zh: CHINESE };
let dictionary = {}, names = {};

export const LANGUAGES = { en: "English", zh: "中文" };

export function choose(language) {
  const known = language in DICTIONARIES ? language : "en";
  dictionary = DICTIONARIES[known];
  names = known === "zh" ? NAMES : {};
  document.documentElement.lang = known === "zh" ? "zh-CN" : "en";
  return known;
}

export function t(text, values = {}) {
  const found = dictionary[text] ?? text;
  return found.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// What a model or a field is called, from the name that programs know it by.
export function title(name) {
  const words = names[name] ?? name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
