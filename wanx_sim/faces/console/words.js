/** What the page says, and of what it is sure: pure functions, tested without a browser. */

const MINUTE = 60, HOUR = 3600, DAY = 86_400;

/** A span of seconds as a person says it: "3 s", "4 min", "2 h 5 min", "3 d 4 h". */
export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min`;
  const [large, small, names] =
    whole < DAY ? [HOUR, MINUTE, ["h", "min"]] : [DAY, HOUR, ["d", "h"]];
  const rest = Math.floor((whole % large) / small);
  return `${Math.floor(whole / large)} ${names[0]}${rest ? ` ${rest} ${names[1]}` : ""}`;
}

/** A duration between two moments, with a tenth of a second where that says something. */
export function took(seconds) {
  return seconds < 10 ? `${(Math.round(seconds * 10) / 10).toString()} s` : span(seconds);
}

/** A moment as the service writes it, in Beijing's time: "2025-10-28 12:00:03". */
export function moment(seconds) {
  return new Date((seconds + 8 * HOUR) * 1000).toISOString().slice(0, 19).replace("T", " ");
}

/** The time of day of a moment, to the millisecond, in Beijing. */
export function timeOfDay(seconds) {
  return new Date((seconds + 8 * HOUR) * 1000).toISOString().slice(11, 23);
}

export const money = (cny) => `¥${cny.toFixed(2)}`;

export const counted = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

/** The language that a text is shown in, so that characters get their Chinese or Japanese shape. */
export function languageOf(text) {
  if (/[\u3040-\u30ff]/.test(text)) return "ja";
  return /[\u3400-\u9fff]/.test(text) ? "zh-CN" : "";
}

/** A link that may be followed: an address of the web, or null. */
export function webLink(text) {
  try {
    const url = new URL(text);
    return ["http:", "https:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** A query of what is set: `{limit: 5, status: ""}` becomes "?limit=5". */
export function query(wanted) {
  const set = Object.entries(wanted).filter(([, value]) => value !== "" && value != null);
  return set.length ? `?${new URLSearchParams(set)}` : "";
}

const PLACES = { view: "tasks", session: "", status: "", model: "", operation: "", task: "" };

/** Where somebody is on the page, from the address's fragment; what is unknown is left out. */
export function readPlace(fragment) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const names = Object.keys(PLACES);
  const place = Object.fromEntries(names.map((name) => [name, given.get(name) ?? PLACES[name]]));
  return { ...place, view: place.view === "requests" ? "requests" : "tasks" };
}

/** The fragment of a place; what is as usual is left out. */
export function writePlace(place) {
  const changed = Object.entries(place).filter(([name, value]) => value && value !== PLACES[name]);
  return changed.length ? `#${new URLSearchParams(changed)}` : "";
}

/** How long to wait before the server is asked again: a second, and longer while it is lost. */
export const pause = (failures) => Math.min(1000 * 2 ** Math.max(0, failures - 1), 5000);

/** What can be done to a task by hand. */
export function possible(task) {
  const open = task.status === "PENDING" || task.status === "RUNNING";
  const links = (task.results ?? []).some((one) => one.url && !one.expired);
  return { finish: open, fail: open, expire: links };
}

/** The times of a task, each with its name. */
export function times(task) {
  const { submitted, scheduled, ended } = task;
  const found = [["submitted", moment(submitted)]];
  if (scheduled != null) {
    found.push(["scheduled", `${moment(scheduled)}, after ${took(scheduled - submitted)}`]);
  }
  if (ended != null) {
    const from = scheduled ?? submitted;
    found.push(["ended", `${moment(ended)}, after ${took(ended - from)}`]);
  }
  return found;
}

/** How an answer reads, and what it is: a task's status, OK, REFUSED, or LOST. */
export function answer(entry) {
  if (entry.status == null) return ["connection lost", "LOST"];
  const text = `${entry.status} ${entry.code ?? entry.task_status ?? ""}`.trim();
  return [text, entry.status < 400 ? (entry.task_status ?? "OK") : "REFUSED"];
}

/** A fault in a line: where it strikes, and what happens: "query: code Throttling, nth 3". */
export function faultLine(fault) {
  const { on = "create", times: _times, ...effects } = fault;
  const parts = Object.entries(effects).map(([name, value]) =>
    value === true ? words(name) : `${words(name)} ${value}`,
  );
  return `${on}: ${parts.join(", ")}`;
}

const words = (name) => name.replaceAll("_", " ");

/** How often a fault struck, of how often it is to: "struck 1 of 2"; null is every time. */
export function struckLine(fault, struck) {
  const times = "times" in fault ? fault.times : 1;
  return times === null ? `struck ${counted(struck, "time")}, every one` : `struck ${struck} of ${times}`;
}

/** Whether a fault has struck as often as it is to. */
export const spent = (fault, struck) =>
  fault.times !== null && struck >= ("times" in fault ? fault.times : 1);

/** Items with keys of their own: equal ones are numbered, the oldest first. */
export function keyed(entries) {
  const seen = new Map();
  return entries.map((entry) => {
    const name = JSON.stringify(entry);
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return [`${name}${times}`, entry];
  });
}

const KINDS = {
  player: "It replays a cassette: what was recorded is answered again, and nothing is bought.",
  recorder: "It records: requests go to the live service, and what comes back is kept.",
  fallback: "It answers from one service and, where that has no answer, from the next.",
};

/** What a service is that is no simulator. */
export function explained(service) {
  const what = Object.hasOwn(KINDS, service) ? `${KINDS[service]} ` : "";
  return `${what}It has no tasks, clock or faults that could be steered; this page says only that it runs.`;
}
