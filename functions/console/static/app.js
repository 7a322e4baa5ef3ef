// The page: where the address leads, who is signed in, which language is spoken.

import { Problem, configure, credentials, get, settings } from "./api.js";
import { cardTab } from "./card.js";
import { catalogue } from "./catalogue.js";
import { cost } from "./cost.js";
import { h } from "./dom.js";
import { drift } from "./drift.js";
import { files } from "./files.js";
import { dialog, returned, wanted } from "./login.js";
import { trial } from "./trial.js";
import { versions } from "./versions.js";
import { LANGUAGES, choose, t, title } from "./words.js";

const LANGUAGE = "maas-language";
const main = document.getElementById("main"), status = document.getElementById("status");
const announce = (text) => { status.textContent = text; };
let turn = 0, notice = "";  // what a login has come to, for the next page

const TABS = {
  try: { label: "Try it", show: (model, card) => trial(model, card, announce) },
  card: { label: "Card", show: (_, card) => cardTab(card) },
  versions: { label: "Versions", show: versions },
  drift: { label: "Drift", show: drift },
  files: { label: "Files", show: (model, card, alive) => files(model, card, alive) },
  cost: { label: "Cost", show: cost },
};

async function modelPage(name, tab, alive) {
  const card = await get(`v1/models/${encodeURIComponent(name)}`);
  const links = Object.entries(TABS).map(([key, { label }]) =>
    h("a", { href: `#/models/${name}${key === "try" ? "" : `/${key}`}`, "aria-current": key === tab ? "page" : undefined }, t(label)));
  return [
    h("p", { class: "small" }, h("a", { href: "#/" }, t("Models")), " /"), h("h1", {}, title(name)),
    h("p", {}, card.summary), h("nav", { class: "tabs", "aria-label": title(name) }, links), ...(await TABS[tab].show(name, card, alive)),
  ];
}

function page(alive) {
  const [, kind, name, tab = "try"] = location.hash.replace(/^#/, "").split("/");
  if (!kind) return catalogue();
  if (kind === "models" && name && tab in TABS) return modelPage(decodeURIComponent(name), tab, alive);
  throw new Problem(404, { detail: t("There is nothing at this address.") }, location.hash);
}

async function render(focus = true) {
  const mine = ++turn, alive = () => mine === turn;
  tools();
  announce(t("Loading…"));
  let content;
  try {
    content = await page(alive);
  } catch (problem) {
    if (!alive()) return;
    content = failed(problem);
  }
  if (!alive()) return;
  announce("");
  main.replaceChildren(...content.filter(Boolean));
  document.title = `${main.querySelector("h1")?.textContent ?? "maas"} · maas`;
  if (focus) main.focus({ preventScroll: true });
}

function failed(problem) {
  if ([401, 403].includes(problem.status) && wanted() && !document.querySelector("dialog")) dialog(() => credentials.get() && render(), notice);
  return [h("h1", {}, problem.title ? t(problem.title) : t("What is wrong")), banner(problem), h("p", {}, h("a", { href: "#/" }, t("Back to the models")))];
}

function banner(problem) {
  return h("div", { class: "banner", role: "alert" }, h("p", {}, problem.message));
}

function tools() {
  document.getElementById("skip").textContent = t("Skip to content");
  document.getElementById("environment").textContent = settings.environment;
  const language = h("select", { class: "narrow", "aria-label": t("Language"), onchange: () => { localStorage.setItem(LANGUAGE, choose(language.value)); render(false); } },
    Object.entries(LANGUAGES).map(([key, name]) => h("option", { value: key, lang: key }, name)));
  language.value = document.documentElement.lang.slice(0, 2);
  const held = credentials.get();
  document.getElementById("tools").replaceChildren(h("a", { href: "docs" }, t("API reference")), language,
    ...(wanted() ? [h("button", { type: "button", onclick: () => (held ? (credentials.drop(), render()) : dialog(() => render())) }, held ? t("Sign out") : t("Sign in"))] : []));
}

document.getElementById("skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
choose(localStorage.getItem(LANGUAGE) ?? navigator.language.slice(0, 2));
await start();

async function start() {
  try {
    await configure();
  } catch (problem) {
    // Without its settings the page would ask in the wrong way, and be refused for the wrong reason.
    main.replaceChildren(h("h1", {}, t("The page cannot read its settings")), banner(problem),
      h("p", {}, h("button", { type: "button", onclick: () => location.reload() }, t("Try again"))));
    return;
  }
  const failure = await returned().then(() => null, (problem) => problem);
  notice = failure ? `${t("Login failed")}: ${failure.message}` : "";
  await render(false);
  if (failure) main.prepend(banner({ message: notice }));
  notice = "";
  addEventListener("hashchange", () => render());
}
