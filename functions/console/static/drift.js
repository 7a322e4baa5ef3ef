// Windows of captured calls against the data the version was trained on.

import { get } from "./api.js";
import { h, moment, number, table } from "./dom.js";
import { curve } from "./charts.js";
import { t } from "./words.js";

const SHOWN = 20;  // of the newest windows, in the table

export async function drift(model) {
  const { windows, report } = await get(`console/data/models/${model}/drift`);
  const link = report && h("p", {}, h("a", { href: report, target: "_blank", rel: "noopener" }, t("The monitor's newest report")));
  if (!windows.length) {
    return [h("p", {}, t("Nothing was compared yet. The monitor runs where capture is switched on; docs/monitoring.md says how.")), link];
  }
  const newest = windows[windows.length - 1], caption = t("Largest distance from training, as a share of its limit");
  // A day and a week of calls lie at different distances: each length has a curve of its own.
  const lengths = [...new Set(windows.map((one) => one.hours))].sort((a, b) => a - b);
  return [
    link,
    h("section", { class: "panel" }, h("h2", {}, caption),
      lengths.map((hours) => {
        const label = t("windows of {hours} hours", { hours: number(hours) });
        const points = windows.filter((one) => one.hours === hours).map((one) => ({ label: one.end, value: one.largest }));
        return [h("h3", {}, label), curve(`${caption}, ${label}`, points, newest.limit)];
      }),
      table(t("window"), [t("when"), t("hours"), t("rows"), t("share of the limit"), t("status")], [...windows].reverse().slice(0, SHOWN).map((one) =>
        [moment(one.end), one.hours, one.rows, one.largest, h("span", { class: `tag ${one.drifted ? "bad" : "good"}` }, t(one.drifted ? "drifted" : "quiet"))]))),
    h("section", { class: "panel" }, table(`${t("feature")} · ${new Date(newest.end).toLocaleString(document.documentElement.lang)}`, [t("feature"), "PSI", "KS", t("share of the limit"), t("status")],
      (newest.features ?? []).map((one) => [one.name, one.psi, one.ks, one.ratio, one.drifted ? t("drifted") : t("quiet")]))),
  ];
}
