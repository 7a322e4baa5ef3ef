// The first page: every model, whether it answers, and how good it is.

import { get } from "./api.js";
import { h, number, title } from "./dom.js";
import { t } from "./words.js";

// What a model is best known by, where several figures were measured.
const HEADLINES = ["rmse", "mae", "roc_auc", "f1", "accuracy"];

function headline(model) {
  const measured = Object.keys(model.metrics ?? {}).filter((name) => name in (model.baseline?.metrics ?? {}));
  const shared = HEADLINES.find((name) => measured.includes(name)) ?? measured[0];
  return shared && h("p", { class: "small" }, `${shared} ${number(model.metrics[shared], 3)}`, " ",
    h("span", { class: "quiet" }, `${t("against")} ${number(model.baseline.metrics[shared], 3)}`));
}

function card(model) {
  const good = model.state === "ready";
  return h("li", { class: "card" },
    h("h2", {}, h("a", { href: `#/models/${model.name}` }, title(model.name)), h("span", { class: `tag ${good ? "good" : "bad"}` }, t(model.state))),
    h("p", { class: "small" }, model.summary ?? model.problem ?? ""), headline(model),
    h("p", { class: "row" },
      model.version && h("span", { class: "tag mono" }, model.version),
      model.canary && h("span", { class: "tag" }, `${t("canary")} ${model.canary.weight} %`),
      model.shadow && h("span", { class: "tag" }, t("shadow")),
      model.simulated && h("span", { class: "tag" }, t("simulated data"))));
}

export async function catalogue() {
  const { models } = await get("console/data/models");
  return [
    h("h1", {}, t("Models")),
    models.length ? h("ul", { class: "cards" }, models.map(card))
      : h("p", {}, t("Nothing is published yet. `maas train --all --promote` trains and publishes the models.")),
  ];
}
