/** The console: asks the server once a second while somebody looks, and shows what it says. */

import { ask, hasToken, Lost, Refused, remove, tell, useSession, useToken } from "./api.js";
import { byId, offer, Rows, say } from "./dom.js";
import {
  prepareSettings, showChoices, showClock, showFaults, showSessions, showSettings, showUsage,
} from "./panels.js";
import { prepareViewer } from "./pictures.js";
import { heading, requestRow } from "./requests.js";
import { taskRow } from "./tasks.js";
import { counted, explained, keyed, pause, query, readPlace, writePlace } from "./words.js";

const FIRST = 25;
const MOST = 800; // more than anybody reads; a filter finds the rest

const place = readPlace(location.hash);
const limits = { tasks: FIRST, requests: FIRST };
const wide = matchMedia("(min-width: 100rem)"); // as in console.css: both lists are seen
let service = null;
let failures = 0;
let lostSince = null;

// --- what is asked, and shown ---------------------------------------------------------------------

async function round() {
  if (service === null || failures) await meet();
  if (service !== "simulator") return;
  const { sessions } = await ask("sessions", { shared: true });
  if (place.session && !sessions.some(({ name }) => name === place.session)) {
    notice(`The session ${place.session} has ended: this is the server's own state.`);
    go({ session: "" });
  }
  showSessions(sessions, place.session);
  const asked = place.session;
  const [clock, usage, faults, settings, tasks, requests] = await Promise.all([
    ask("clock"), ask("usage"), ask("faults"), ask("settings"),
    seen("tasks") && ask(`tasks${query({ ...chosenTasks(), limit: limits.tasks })}`),
    seen("requests") && ask(`requests${query({ ...chosenRequests(), limit: limits.requests })}`),
  ]);
  if (asked !== place.session) return; // of another session than is shown by now
  showClock(clock);
  showUsage(usage);
  showFaults(faults);
  showSettings(settings);
  if (tasks) showTasks(tasks, clock.now);
  if (requests) showRequests(requests);
}

async function meet() {
  const health = await ask("health", { shared: true });
  service = health.service;
  say(byId("service"), `wanx-sim ${health.version}`);
  document.body.dataset.service = service === "simulator" ? service : "other";
  say(byId("kind"), `This server is a ${service}.`);
  say(byId("explained"), explained(service));
  if (service === "simulator") showChoices(await ask("choices"));
}

const seen = (view) => wide.matches || place.view === view;
const chosenTasks = () => ({ status: place.status, model: place.model });
const chosenRequests = () => ({ operation: place.operation, task_id: place.task });

const tasks = new Rows(byId("tasks"), () => taskRow({ finish, fail, expire, requests: itsRequests }));
const requests = new Rows(byId("requests"), (entry) => requestRow(entry, showTask));

function showTasks(found, now) {
  const newest = found.tasks.toReversed();
  tasks.show(newest.map((task) => [task.task_id, task]), now);
  const filtered = place.status || place.model;
  const dropped = found.dropped ? `, ${counted(found.dropped, "older one")} dropped` : "";
  showCount("tasks", found.total, newest.length, dropped);
  say(byId("no-tasks"), newest.length ? "" : filtered ? "No task is like that." : NO_TASKS);
}

function showRequests(found) {
  requests.show(keyed(found.requests).toReversed());
  const filtered = place.operation || place.task;
  const shown = found.requests.length;
  showCount("requests", found.total, shown, found.cut ? ", older ones dropped" : "");
  byId("heading").hidden = !shown;
  say(byId("no-requests"), shown ? "" : filtered ? "No request is like that." : "No request yet.");
}

const NO_TASKS = "No task yet: point an application here, and what it orders shows up.";

function showCount(what, total, shown, note = "") {
  const text = shown < total ? `newest ${shown} of ${total}` : `${total} in all`;
  say(byId(`${what}-count`), text + note);
  byId(`more-${what}`).hidden = shown >= total || limits[what] >= MOST;
}

// --- again and again ------------------------------------------------------------------------------

let timer = 0, running = false, again = false;

async function refresh() {
  if (running) {
    again = true;
    return;
  }
  clearTimeout(timer);
  running = true;
  try {
    await round();
    found();
  } catch (error) {
    troubled(error);
  }
  running = false;
  if (again) {
    again = false;
    refresh();
  } else if (!document.hidden) {
    timer = setTimeout(refresh, pause(failures));
  }
}

function found() {
  failures = 0;
  lostSince = null;
  delete document.body.dataset.lost;
  say(byId("lost"), "");
}

function troubled(error) {
  failures += 1;
  document.body.dataset.lost = "";
  if (error instanceof Refused && error.status === 401) {
    say(byId("lost"), "This server wants its admin token.");
    askForToken();
  } else if (error instanceof Lost) {
    lostSince ??= new Date().toLocaleTimeString("en-GB");
    say(byId("lost"), `No answer from ${location.host} since ${lostSince}. Trying again …`);
  } else {
    say(byId("lost"), error.message);
    if (error instanceof Refused && place.session) go({ session: "" });
  }
}

// --- where somebody is ----------------------------------------------------------------------------

function go(changes) {
  Object.assign(place, changes);
  history.replaceState(null, "", `${location.pathname}${location.search}${writePlace(place)}`);
  show();
}

function show() {
  useSession(place.session);
  document.body.dataset.view = place.view;
  byId("show-tasks").setAttribute("aria-pressed", place.view === "tasks");
  byId("show-requests").setAttribute("aria-pressed", place.view === "requests");
  byId("by-status").value = place.status;
  if (place.model && byId("by-this-model").value !== place.model) {
    offer(byId("by-this-model"), [["", "any model"], [place.model, place.model]]);
  }
  byId("by-this-model").value = place.model;
  byId("by-operation").value = place.operation;
  byId("of-task").hidden = !place.task;
  say(byId("of-task-id"), place.task.slice(0, 8));
  refresh();
}

function itsRequests(task) {
  go({ view: "requests", operation: "", task: task.task_id });
}

async function showTask(id) {
  go({ view: "tasks", status: "", model: "" });
  limits.tasks = MOST;
  await refresh();
  const row = tasks.find(id);
  if (!row) return notice("That task is not among the newest.");
  row.querySelector("details").open = true;
  row.scrollIntoView({ block: "center" });
}

// --- what can be done -----------------------------------------------------------------------------

async function act(promise, done) {
  try {
    await promise;
    if (done) notice(done);
  } catch (error) {
    notice(error instanceof Lost ? "The server did not answer; nothing is known of it." : error.message);
  }
  refresh();
}

let fading = 0;

function notice(text) {
  say(byId("notice"), text);
  clearTimeout(fading);
  fading = setTimeout(() => say(byId("notice"), ""), 6000);
}

const about = (task) => `tasks/${encodeURIComponent(task.task_id)}`;
const finish = (task) => act(tell(about(task), { finish: true }), "The task has succeeded.");
const expire = (task) => act(tell(about(task), { expire_urls: true }), "Its links have expired.");

function fail(task) {
  byId("failing").onclose = () => {
    const code = byId("code").value;
    if (byId("failing").returnValue === "fail") act(tell(about(task), { fail: code }), "The task has failed.");
  };
  open("failing");
}

function open(id) {
  byId(id).returnValue = "";
  byId(id).showModal();
}

function askForToken() {
  const dialog = byId("token-wanted");
  if (dialog.open) return;
  say(byId("token-wrong"), hasToken() ? "That is not its token." : "");
  dialog.onclose = () => {
    if (dialog.returnValue !== "use") return;
    useToken(byId("token").value);
    byId("token").value = "";
    refresh();
  };
  open("token-wanted");
}

const CLICKS = {
  "show-tasks": () => go({ view: "tasks" }),
  "show-requests": () => go({ view: "requests" }),
  "all-tasks": () => go({ task: "" }),
  "more-tasks": () => more("tasks"),
  "more-requests": () => more("requests"),
  "ten-seconds": () => act(tell("clock", { advance: 10 })),
  "a-minute": () => act(tell("clock", { advance: 60 })),
  "a-day": () => act(tell("clock", { advance: 86_400 })),
  freeze: () => act(tell("clock", { freeze: true })),
  resume: () => act(tell("clock", { freeze: false })),
  arm: () => act(tell("faults", { preset: byId("preset").value }), `Armed: ${byId("preset").value}.`),
  disarm: () => act(remove("faults"), "No fault is armed."),
  reset: () => open("resetting"),
  unlock: askForToken,
};

function more(what) {
  limits[what] = Math.min(2 * limits[what], MOST);
  refresh();
}

const CHANGES = {
  session: (value) => go({ session: value }),
  "by-status": (value) => go({ status: value }),
  "by-this-model": (value) => go({ model: value }),
  "by-operation": (value) => go({ operation: value }),
};

function prepare() {
  for (const [id, run] of Object.entries(CLICKS)) byId(id).addEventListener("click", run);
  for (const [id, run] of Object.entries(CHANGES)) {
    byId(id).addEventListener("change", (event) => run(event.target.value));
  }
  byId("resetting").addEventListener("close", (event) => {
    if (event.target.returnValue === "reset") act(tell("reset"), "Started over.");
  });
  byId("heading").append(...heading());
  prepareSettings((change) => act(tell("settings", change)));
  prepareViewer();
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  window.addEventListener("hashchange", () => {
    Object.assign(place, readPlace(location.hash));
    show();
  });
  wide.addEventListener("change", refresh);
  show();
}

prepare();
