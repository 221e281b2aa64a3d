/** The JSON API that the page is made of: one function, with the token and the session in it. */

const TOKEN = "wanx-admin-token";

/** What the server refused, in its own words. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The server did not answer. */
export class Lost extends Error {}

let token = remembered();
let session = "";

function remembered() {
  try {
    return sessionStorage.getItem(TOKEN) ?? "";
  } catch {
    return ""; // a browser that keeps nothing: the token is asked for at each load
  }
}

export function useToken(given) {
  token = given;
  try {
    sessionStorage.setItem(TOKEN, given);
  } catch {
    // see above
  }
}

export const hasToken = () => token !== "";

export function useSession(name) {
  session = name;
}

function headers(order, shared) {
  return {
    Accept: "application/json",
    ...(order && { "Content-Type": "application/json" }),
    ...(token && { "X-Wanx-Admin-Token": token }),
    ...(session && !shared && { "X-Wanx-Session": session }),
  };
}

async function send(method, path, { order, shared = false } = {}) {
  try {
    return await fetch(path, {
      method,
      headers: headers(order, shared),
      body: order && JSON.stringify(order),
      cache: "no-store",
      signal: AbortSignal.timeout(10_000),
    });
  } catch {
    throw new Lost(path);
  }
}

async function checked(response) {
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  throw new Refused(response.status, said.error ?? `HTTP ${response.status}`);
}

/** Ask; `shared` asks the server itself, whatever the session. */
export async function ask(path, options) {
  return (await checked(await send("GET", path, options))).json();
}

/** Change something; what is sent is JSON. */
export async function tell(path, order) {
  return (await checked(await send("POST", path, { order }))).json();
}

export async function remove(path) {
  return (await checked(await send("DELETE", path))).json();
}

/** Fetch a picture; an address for it that must be revoked when it is not shown any more. */
export async function picture(path) {
  const response = await checked(await send("GET", path));
  return URL.createObjectURL(await response.blob());
}
