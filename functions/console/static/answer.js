// A prediction as people read it, and why the model says so.

import { h, number, table } from "./dom.js";
import { bars, heat, signed } from "./charts.js";
import { t, title } from "./words.js";

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
  const lines = [h("p", { class: "quiet small" }, `${t("Method")}: ${t(found.method)} · ${title(found.target)}${found.class === undefined ? "" : ` ${found.class}`}${found.scale === "answer" ? "" : ` (${t(found.scale)})`} · ${t("base value")} ${plain(found.base_value)} → ${t("prediction")} ${plain(found.value)}`)];
  if (found.map) {
    const where = strongest(found.map.values), label = t("Where the picture speaks for the answer");
    lines.push(h("h3", {}, label), heat(`${label}. ${where}`, found.map.values, picture), h("p", { class: "small" }, where));
  }
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
  const said = (one) => `${one.contribution >= 0 ? "+" : "−"}${number(Math.abs(one.contribution), 3)}`;
  // Colour says for or against; so does the line below (straight or wavy), whose strength is the contribution's.
  return [h("p", { class: "tokens" }, found.map((one) => {
    const share = Math.abs(one.contribution) / most, up = one.contribution >= 0;
    return [h("mark", {
      class: share < 0.02 ? "" : up ? "for" : "against", title: said(one),
      style: { background: up ? `rgba(27, 140, 80, ${0.55 * share})` : `rgba(214, 69, 65, ${0.55 * share})`, textDecorationThickness: `${Math.ceil(4 * share)}px` },
    }, one.token), " "];
  })),
  h("p", { class: "quiet small" }, t("A straight line speaks for the answer, a wavy one against it; the thicker, the more.")),
  h("details", {}, h("summary", {}, t("All words with their contributions")),
    table(t("Words for and against"), [t("word"), t("contribution")], [...found].sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution)).map((one) => [one.token, said(one)])))];
}

// Where a map is farthest from nothing, in words.
function strongest(values) {
  const cells = values.flatMap((line, row) => line.map((value, column) => ({ value, row, column })));
  const found = cells.reduce((most, cell) => (Math.abs(cell.value) > Math.abs(most.value) ? cell : most));
  const third = (at, count) => Math.min(2, Math.floor((3 * (at + 0.5)) / count));
  const place = [
    [t("top left"), t("top centre"), t("top right")],
    [t("middle left"), t("the middle"), t("middle right")],
    [t("bottom left"), t("bottom centre"), t("bottom right")],
  ][third(found.row, values.length)][third(found.column, values[0].length)];
  return t(found.value >= 0 ? "Strongest at {place} (row {row} of {rows}, column {column} of {columns}): for the answer."
    : "Strongest at {place} (row {row} of {rows}, column {column} of {columns}): against the answer.",
  { place, row: found.row + 1, rows: values.length, column: found.column + 1, columns: values[0].length });
}
