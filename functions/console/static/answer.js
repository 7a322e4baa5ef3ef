// A prediction as people read it, and why the model says so.

import { h, number, table, title } from "./dom.js";
import { bars, heat, signed } from "./charts.js";
import { t } from "./words.js";

const MOST = 12;

function plain(value) {
  if (typeof value === "number") return number(value);
  if (typeof value === "boolean") return value ? t("yes") : t("no");
  return Array.isArray(value) ? value.map((one) => plain(one)).join(", ") : String(value ?? "–");
}

export function prediction(values, schema) {
  const [[first, value], ...rest] = Object.entries(values);
  const unit = (name) => { const found = schema.properties?.[name]?.unit; return found && found !== "1" && found !== name ? ` ${found}` : ""; };
  const wide = rest.filter(([, one]) => Array.isArray(one) && one.length > 3 && one.every((item) => typeof item === "number"));
  const narrow = rest.filter((entry) => !wide.includes(entry));
  return h("div", {},
    h("p", { class: "answer" }, plain(value), h("small", {}, unit(first)), " ", h("small", {}, title(first))),
    narrow.length > 0 && table(t("Answer"), ["", ""], narrow.map(([name, one]) => [title(name), `${plain(one)}${unit(name)}`])),
    wide.map(([name, one]) => [h("h3", {}, title(name)), bars(title(name), one.map((item, index) => ({ label: String(index), value: item })).slice(0, 50))]));
}

export function explanation(found, picture) {
  const lines = [h("p", { class: "quiet small" }, `${t("Method")}: ${found.method} · ${title(found.target)}${found.class === undefined ? "" : ` ${found.class}`}${found.scale === "answer" ? "" : ` (${found.scale})`} · ${t("base value")} ${plain(found.base_value)} → ${t("prediction")} ${plain(found.value)}`)];
  if (found.map) lines.push(h("h3", {}, t("Where the picture speaks for the answer")), heat(t("Where the picture speaks for the answer"), found.map.values, picture));
  if (found.tokens) lines.push(h("h3", {}, t("Words for and against")), tokens(found.tokens));
  if (found.attributions?.length) {
    const sorted = [...found.attributions].sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
    lines.push(signed(t("Contributions"), sorted.slice(0, MOST).map((one) => ({
      label: one.value === undefined || one.value === null || typeof one.value === "object" ? named(one) : `${named(one)} = ${plain(one.value)}`,
      value: one.contribution, error: one.error,
    }))), h("p", { class: "quiet small" }, t("Contribution of each field; the whisker is the sampling error.")));
  }
  return h("div", {}, lines);
}

function named(one) {
  return one.field + (one.part ? (one.part.startsWith("[") ? "" : " ") + one.part : "");
}

function tokens(found) {
  const most = Math.max(...found.map((one) => Math.abs(one.contribution)), Number.MIN_VALUE);
  return h("p", { class: "tokens" }, found.map((one) => {
    const share = 0.55 * (Math.abs(one.contribution) / most), up = one.contribution >= 0;
    return [h("mark", { title: `${up ? "+" : "−"}${number(Math.abs(one.contribution), 3)}`, style: { background: up ? `rgba(27, 140, 80, ${share})` : `rgba(214, 69, 65, ${share})` } }, one.token), " "];
  }));
}
