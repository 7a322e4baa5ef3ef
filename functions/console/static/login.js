// Who is calling: access keys that sign, or a token, kept in this tab only.

import { credentials, settings } from "./api.js";
import { h } from "./dom.js";
import { t } from "./words.js";

const VERIFIER = "maas-verifier";

export const wanted = () => settings.authentication !== "";

function box(name, label, secret) {
  return h("div", { class: "field" }, h("label", { for: `login-${name}` }, label),
    h("input", { id: `login-${name}`, name, autocomplete: "off", type: secret ? "password" : "text" }));
}

export function dialog(done) {
  const signs = settings.authentication === "AWS_IAM";
  const element = h("dialog", { "aria-labelledby": "login-title" }, h("form", {
    method: "dialog",
    onsubmit: (event) => {
      const given = Object.fromEntries(new FormData(event.target));
      if (event.submitter?.value === "keep") credentials.set(given);
      element.remove();
      done();
    },
  }, h("h2", { id: "login-title" }, t("Sign in")), h("p", { class: "quiet" }, t("This stack asks who you are.")),
    signs ? [box("id", t("Access key")), box("secret", t("Secret key"), true), box("token", t("Session token"), true)]
      : [settings.login.authorize && h("p", {}, h("button", { type: "button", class: "first", onclick: redirect }, t("Log in"))), box("token", t("Token"), true)],
    h("p", { class: "small quiet" }, t("Kept in this tab only, until it is closed.")),
    h("div", { class: "row" }, h("button", { class: "first", value: "keep" }, t("Sign in")), h("button", { value: "no", formnovalidate: true }, t("Cancel")))));
  document.body.append(element);
  element.showModal();
}

const page = () => location.origin + location.pathname;
const base64url = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

// OAuth 2.0 authorization code with PKCE; the page holds no secret.
async function redirect() {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  sessionStorage.setItem(VERIFIER, verifier);
  const challenge = base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
  const query = new URLSearchParams({ response_type: "code", client_id: settings.login.client, redirect_uri: page(), code_challenge: challenge, code_challenge_method: "S256" });
  location.assign(`${settings.login.authorize}/oauth2/authorize?${query}`);
}

export async function returned() {
  const code = new URLSearchParams(location.search).get("code"), verifier = sessionStorage.getItem(VERIFIER);
  if (!code || !verifier) return;
  sessionStorage.removeItem(VERIFIER);
  const response = await fetch(`${settings.login.authorize}/oauth2/token`, {
    method: "POST",
    body: new URLSearchParams({ grant_type: "authorization_code", client_id: settings.login.client, code, redirect_uri: page(), code_verifier: verifier }),
  });
  if (response.ok) credentials.set({ token: (await response.json()).access_token });
  history.replaceState(null, "", page());
}
