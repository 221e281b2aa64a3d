/** What stands beside the lists: clock, bill, faults, settings and sessions. */

import { byId, element, offer, say, Rows } from "./dom.js";
import { counted, faultLine, moment, money, spent, struckLine } from "./words.js";

export function showClock(clock) {
  say(byId("now"), moment(clock.now));
  const rate = clock.speed === 1 ? "as real time" : `${clock.speed} s a second`;
  say(byId("speed"), clock.frozen ? "frozen" : rate);
  byId("clock").dataset.frozen = clock.frozen;
  byId("freeze").hidden = clock.frozen;
  byId("resume").hidden = !clock.frozen;
}

const models = new Rows(byId("by-model"), () => {
  const cells = [element("th", { scope: "row" }), element("td"), element("td")];
  const update = ({ name, images, cost }) => {
    say(cells[0], name);
    say(cells[1], String(images));
    say(cells[2], money(cost));
  };
  return { node: element("tr", {}, ...cells), update };
});

export function showUsage(usage) {
  say(byId("cost"), money(usage.cost));
  say(byId("billed"), `${counted(usage.images, "image")}, ${counted(usage.tasks, "task")}`);
  const rows = Object.entries(usage.by_model).map(([name, row]) => [name, { name, ...row }]);
  models.show(rows);
  byId("bill").hidden = rows.length === 0;
  const names = rows.map(([name]) => [name, name]);
  offer(byId("by-this-model"), [["", "any model"], ...names]);
}

const faults = new Rows(byId("armed"), () => {
  const line = element("span", { class: "fault", dir: "auto" });
  const struck = element("span", { class: "struck" });
  const node = element("li", {}, line, struck);
  const update = (one) => {
    say(line, faultLine(one.fault));
    say(struck, struckLine(one.fault, one.struck));
    node.dataset.spent = spent(one.fault, one.struck);
  };
  return { node, update };
});

export function showFaults({ strikes }) {
  faults.show(strikes.map((one, place) => [place, one]));
  byId("unarmed").hidden = strikes.length > 0;
  byId("disarm").disabled = strikes.length === 0;
}

/** Offer what can be chosen, and say of a chosen situation what happens in it. */
export function showChoices({ presets, codes, profiles }) {
  offer(byId("preset"), presets.map(({ name }) => [name, name]));
  offer(byId("code"), codes.map((code) => [code, code]));
  byId("code").value = "InternalError.Algo"; // what `sim.fail` takes unless told otherwise
  offer(byId("profile"), profiles.map((name) => [name, name]));
  const explain = () => {
    const chosen = presets.find(({ name }) => name === byId("preset").value);
    say(byId("situation"), chosen ? `${chosen.what} (${chosen.tag})` : "");
  };
  byId("preset").onchange = explain;
  explain();
}

const FIELDS = ["timing", "profile", "validation", "region", "rate_limits", "magic_prompts"];
const field = (name) => byId("settings").elements[name];

/** Show the settings, but leave alone what somebody is about to change. */
export function showSettings(settings) {
  for (const name of FIELDS) {
    const input = field(name);
    if (input === document.activeElement && input.type !== "checkbox") continue;
    if (input.type === "checkbox") input.checked = settings[name];
    else input.value = settings[name];
  }
  say(byId("seed"), String(settings.seed));
}

/** Let `change` be called with each setting as soon as it is chosen. */
export function prepareSettings(change) {
  for (const name of FIELDS) {
    const input = field(name);
    const told = () => change({ [name]: input.type === "checkbox" ? input.checked : input.value });
    input.addEventListener("change", told);
  }
  byId("settings").addEventListener("submit", (event) => {
    event.preventDefault();
    document.activeElement?.blur();
  });
}

export function showSessions(sessions, chosen) {
  const names = sessions.map(({ name, tasks }) => [name, `${name} (${counted(tasks, "task")})`]);
  offer(byId("session"), [["", "the server's own"], ...names]);
  byId("session").value = chosen;
}
