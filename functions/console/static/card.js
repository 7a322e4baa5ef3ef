// The model card: how good, against what, made from which data, taking and giving what.

import { h, bytes, moment, number, table } from "./dom.js";
import { bars } from "./charts.js";
import { bounds, fields } from "./schema.js";
import { t, title } from "./words.js";

export function cardTab(card) {
  const chosen = card.candidates.filter((one) => Number.isFinite(one.score));
  const importance = card.explanation?.importance;
  const shared = Object.keys(card.metrics).filter((name) => name in card.baseline.metrics);
  return [
    card.data.simulated && h("p", {}, h("span", { class: "tag" }, t("simulated data"))),
    h("div", { class: "columns" },
      h("section", { class: "panel" }, table(t("Scores on held-out data"), [t("metric"), t("this version"), `${t("baseline")}: ${card.baseline.name}`],
        Object.entries(card.metrics).map(([name, value]) => [name, value, card.baseline.metrics[name] ?? "–"])),
        shared.slice(0, 3).map((name) => [h("h2", {}, name), bars(name, [{ label: t("this version"), value: card.metrics[name] }, { label: t("baseline"), value: card.baseline.metrics[name], pale: true }])])),
      h("section", { class: "panel" },
        chosen.length > 0 && [h("h2", {}, t("Tried in cross-validation")), bars(t("Tried in cross-validation"), chosen.map((one) =>
          ({ label: one.chosen ? `${one.name} ✓` : one.name, value: one.score, pale: !one.chosen, note: `± ${number(one.spread, 2)}` })))],
        importance && [h("h2", {}, t("Importance of the fields")), bars(t("Importance of the fields"), Object.entries(importance)
          .map(([label, value]) => ({ label, value })).sort((a, b) => b.value - a.value).slice(0, 12))],
        table(t("Made from"), ["", ""], [
          [t("data"), card.data.name], [t("rows"), number(card.data.rows)], [t("period"), card.data.period ?? "–"],
          [t("trained"), moment(card.created)], [t("size"), bytes(card.artifact.size)], [t("features"), String(card.feature_names.length)],
          [t("libraries"), Object.entries(card.libraries).map(([name, version]) => `${name} ${version}`).join(", ")],
        ]))),
    h("section", { class: "panel" }, described(t("Takes"), card.record_schema), described(t("Gives"), card.prediction_schema)),
  ];
}

function described(caption, schema) {
  return table(caption, [t("field"), t("type"), t("unit"), t("bounds"), t("meaning")], fields(schema).map((field) =>
    [h("code", { title: title(field.name) }, field.name), field.format ?? field.type ?? "", field.unit ?? "", bounds(field), field.description ?? ""]));
}
