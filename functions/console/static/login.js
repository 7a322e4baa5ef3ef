// Who is calling: access keys that sign, or a token, and whose share it counts against; kept in this tab only.

import { Problem, credentials, settings, silent } from "./api.js";
import { h } from "./dom.js";
import { t } from "./words.js";

const BEGUN = "maas-login";

export const wanted = () => settings.authentication !== "" || settings.api_key === true;

function box(name, label, secret) {
  return h("div", { class: "field" }, h("label", { for: `login-${name}` }, label),
    h("input", { id: `login-${name}`, name, autocomplete: "off", type: secret ? "password" : "text" }));
}

function boxes() {
  if (settings.authentication === "AWS_IAM") return [box("id", t("Access key")), box("secret", t("Secret key"), true), box("token", t("Session token"), true)];
  if (settings.authentication === "") return [];
  return [settings.login.authorize && h("p", {}, h("button", { type: "button", class: "first", onclick: redirect }, t("Log in"))), box("token", t("Token"), true)];
}

export function dialog(done, notice = "") {
  const element = h("dialog", { "aria-labelledby": "login-title" }, h("form", {
    method: "dialog",
    onsubmit: (event) => {
      const given = Object.fromEntries([...new FormData(event.target)].map(([name, value]) => [name, value.trim()]));
      if (event.submitter?.value === "keep") credentials.set(given);
      element.remove();
      done();
    },
  }, h("h2", { id: "login-title" }, t("Sign in")), h("p", { class: "quiet" }, t("This stack asks who you are.")),
    notice && h("p", { class: "wrong", role: "alert" }, notice),
    settings.api_key && box("api_key", t("API key"), true), boxes(),
    h("p", { class: "small quiet" }, t("Kept in this tab only, until it is closed.")),
    h("div", { class: "row" }, h("button", { class: "first", value: "keep" }, t("Sign in")), h("button", { value: "no", formnovalidate: true }, t("Cancel")))));
  element.addEventListener("close", () => element.remove());
  document.body.append(element);
  element.showModal();
}

const page = () => location.origin + location.pathname;
const base64url = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

// OAuth 2.0 authorization code with PKCE; the page holds no secret.
async function redirect(event) {
  const begun = { verifier: random(), state: random(), hash: location.hash, api_key: event.target.form.elements.api_key?.value.trim() };
  sessionStorage.setItem(BEGUN, JSON.stringify(begun));
  const challenge = base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(begun.verifier)));
  const query = new URLSearchParams({ response_type: "code", client_id: settings.login.client, redirect_uri: page(), state: begun.state, code_challenge: challenge, code_challenge_method: "S256" });
  location.assign(`${settings.login.authorize}/oauth2/authorize?${query}`);
}

// Ends a login that was begun here, if the address says so. Throws a Problem where it failed.
export async function returned() {
  const query = new URLSearchParams(location.search), begun = JSON.parse(sessionStorage.getItem(BEGUN) ?? "null");
  const failure = (detail) => new Problem(0, { detail }, "login");
  if (!query.has("code") && !query.has("error")) return;
  sessionStorage.removeItem(BEGUN);
  history.replaceState(null, "", page() + (begun?.hash ?? location.hash));  // a code is good for one login
  // An answer to a question that this tab has not asked may be somebody else's login.
  if (!begun || query.get("state") !== begun.state) throw failure(t("This login was not begun in this tab; begin it anew."));
  if (query.has("error")) throw failure(query.get("error_description") ?? query.get("error"));
  const where = `${settings.login.authorize}/oauth2/token`;
  const response = await fetch(where, {
    method: "POST",
    body: new URLSearchParams({ grant_type: "authorization_code", client_id: settings.login.client, code: query.get("code"), redirect_uri: page(), code_verifier: begun.verifier }),
  }).catch(() => { throw silent(new URL(where).host, where); });
  const document = await response.json().catch(() => null);
  if (!response.ok || !document?.access_token) throw failure(document?.error_description ?? document?.error ?? `HTTP ${response.status}`);
  credentials.set({ token: document.access_token, api_key: begun.api_key });
}
