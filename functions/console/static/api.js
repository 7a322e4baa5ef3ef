// Calls of the API, signed or with a token as the stack wants it, and its problems as exceptions.

import { sign } from "./sigv4.js";
import { t } from "./words.js";

const KEPT = "maas-credentials";

export class Problem extends Error {
  constructor(status, document, path) {
    super(document?.detail ?? document?.error ?? document?.message ?? `HTTP ${status}`);
    this.status = status;
    this.title = document?.title ?? "";
    this.errors = document?.errors ?? [];
    this.path = path;
  }
}

export const settings = { environment: "", authentication: "", api_key: false, region: "", login: {} };

export async function configure() {
  const path = "console/settings.json";
  const response = await fetch(path).catch(() => { throw silent(location.host, path); });
  const document = await response.json().catch(() => null);
  if (!response.ok || document === null) throw new Problem(response.status, document, path);
  Object.assign(settings, document);
}

export const silent = (name, path) => new Problem(0, { detail: t("{name} does not answer.", { name }) }, path);

export const credentials = {
  get: () => JSON.parse(sessionStorage.getItem(KEPT) ?? "null"),
  set: (value) => sessionStorage.setItem(KEPT, JSON.stringify(value)),
  drop: () => sessionStorage.removeItem(KEPT),
};

export const base = () => new URL(".", location.href).href.replace(/\/$/, "");

async function authentication(method, url, body) {
  const held = credentials.get();
  if (!held) return {};
  const key = settings.api_key && held.api_key ? { "x-api-key": held.api_key } : {};
  if (settings.authentication === "AWS_IAM") return { ...await sign({ method, url, body, credentials: held, region: settings.region }), ...key };
  return settings.authentication && held.token ? { authorization: `Bearer ${held.token}`, ...key } : key;
}

export async function call(method, path, body) {
  const url = new URL(path, `${base()}/`);
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const headers = await authentication(method, url, sent);
  if (sent !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(url, { method, headers, body: sent, cache: "no-store" });
  } catch {
    throw silent(url.host, path);
  }
  const document = await response.json().catch(() => null);
  if (!response.ok) throw new Problem(response.status, document, path);
  return { document, headers: response.headers };
}

export const get = async (path) => (await call("GET", path)).document;
