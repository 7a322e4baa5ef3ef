// Windows of captured calls against the data the version was trained on.

import { get } from "./api.js";
import { h, moment, number, table } from "./dom.js";
import { curve } from "./charts.js";
import { t } from "./words.js";

export async function drift(model) {
  const { windows } = await get(`console/data/models/${model}/drift`);
  if (!windows.length) {
    return [h("p", {}, t("Nothing was compared yet. The monitor runs where capture is switched on; docs/monitoring.md says how."))];
  }
  const newest = windows[windows.length - 1];
  return [
    h("section", { class: "panel" }, h("h2", {}, t("Largest distance from training, as a share of its limit")),
      curve(t("Largest distance from training, as a share of its limit"), windows.map((one) => ({ label: one.end, value: one.largest })), newest.limit),
      table(t("window"), [t("when"), t("rows"), t("share of the limit"), t("status")], [...windows].reverse().slice(0, 20).map((one) =>
        [moment(one.end), one.rows, one.largest, h("span", { class: `tag ${one.drifted ? "bad" : "good"}` }, t(one.drifted ? "drifted" : "quiet"))]))),
    h("section", { class: "panel" }, table(`${t("feature")} · ${new Date(newest.end).toLocaleString(document.documentElement.lang)}`, [t("feature"), "PSI", "KS", t("share of the limit"), t("status")],
      newest.features.slice(0, 30).map((one) => [one.name, one.psi, one.ks, one.ratio, one.drifted ? t("drifted") : t("quiet")]))),
  ];
}
