// The first page: every model, whether it answers, and how good it is.

import { Problem, get } from "./api.js";
import { h, number } from "./dom.js";
import { t, title } from "./words.js";

// What a model is best known by, where several figures were measured.
const HEADLINES = ["rmse", "mae", "roc_auc", "f1", "accuracy"];

async function health(name) {
  try {
    const answer = await get(`v2/models/${encodeURIComponent(name)}/ready`);
    return answer?.ready === false ? "not ready" : "ready";
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    // Who may not ask learns nothing; a 404 comes where no function of this name is deployed.
    return { 401: "unknown", 403: "unknown", 404: "not deployed", 429: "unknown" }[problem.status] ?? "not ready";
  }
}

function headline(model) {
  const measured = Object.keys(model.metrics ?? {}).filter((name) => name in (model.baseline?.metrics ?? {}));
  const shared = HEADLINES.find((name) => measured.includes(name)) ?? measured[0];
  return shared && h("p", { class: "small" }, `${shared} ${number(model.metrics[shared], 3)}`, " ",
    h("span", { class: "quiet" }, `${t("against")} ${number(model.baseline.metrics[shared], 3)}`));
}

// What the registry says is there; whether the model's function can serve it, only the function knows.
function card(model) {
  const served = model.state === "ready", tag = h("span", { class: served ? "tag" : "tag bad" }, t(served ? "asking…" : model.state));
  if (served) {
    health(model.name).then((state) => {
      tag.textContent = t(state);
      tag.className = `tag ${{ ready: "good", unknown: "" }[state] ?? "bad"}`;
    });
  }
  return h("li", { class: "card" },
    h("h2", {}, h("a", { href: `#/models/${model.name}` }, title(model.name)), tag),
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
