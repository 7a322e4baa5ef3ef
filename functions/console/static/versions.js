// Versions, their roles and shares, and how they came there.

import { get } from "./api.js";
import { bytes, h, moment, number, table } from "./dom.js";
import { bars } from "./charts.js";
import { t } from "./words.js";

export async function versions(model) {
  const found = await get(`console/data/models/${model}`);
  const now = found.production, weight = now?.canary?.weight ?? 0;
  const metric = Object.keys(found.versions[0]?.metrics ?? {})[0];
  return [
    now ? h("section", { class: "panel" },
      h("h2", {}, t("share of calls")),
      bars(t("share of calls"), [
        { label: `${t("production")} ${now.version}`, value: 100 - weight, note: "%" },
        ...(now.canary ? [{ label: `${t("canary")} ${now.canary.version}`, value: weight, note: "%", pale: true }] : []),
      ]),
      now.shadow && h("p", {}, `${t("shadow")}: `, h("span", { class: "mono" }, now.shadow))) : h("p", {}, t("No version is in production.")),
    h("section", { class: "panel" }, table(`${t("Versions")} (${number(found.version_count)})`, [t("version"), t("role"), t("created"), metric ?? t("metric"), t("data"), t("size")],
      found.versions.map((one) => [h("span", { class: "mono" }, one.version), one.role && h("span", { class: "tag good" }, t(one.role)), moment(one.created), one.metrics[metric] ?? "–", one.data, bytes(one.size)]))),
    h("section", { class: "panel" }, table(t("History"), ["#", t("move"), t("version"), t("canary"), t("when"), t("who"), t("reason")],
      found.history.map((move) => [String(move.seq), t(move.action), h("span", { class: "mono" }, move.version),
        move.canary ? `${move.canary.version} ${move.canary.weight} %` : "–", moment(move.time), move.actor, move.reason]))),
  ];
}
