/** The list of requests. */

import { ask } from "./api.js";
import { button, describe, element, quote } from "./dom.js";
import { answer, counted, timeOfDay } from "./words.js";

/** A row of the list; `showTask` goes to a task. */
export function requestRow(entry, showTask) {
  const [text, kind] = answer(entry);
  const summary = element(
    "summary", {},
    element("time", {}, timeOfDay(entry.at)),
    element("span", { class: "method" }, entry.method),
    element("span", { class: "operation" }, entry.operation),
    element("span", { class: "answer" }, text),
    element("code", { class: "task-id" }, (entry.task_id ?? "").slice(0, 8)),
    element("span", { class: "agent", dir: "auto" }, entry.user_agent ?? ""),
  );
  const prompt = element("p", { class: "prompt", dir: "auto", hidden: "" });
  const list = element("dl");
  const more = element("p", { class: "acts" });
  const node = element("details", { class: "request", "data-answer": kind }, summary, prompt, list, more);
  node.addEventListener("toggle", () => node.open && open(entry, prompt, list, more, showTask));
  return { node };
}

async function open(entry, prompt, list, more, showTask) {
  quote(prompt, entry.prompt ?? "");
  describe(list, said(entry));
  if (!entry.task_id) return;
  more.replaceChildren(button("Show the task", () => showTask(entry.task_id), { class: "plain" }));
  if (entry.operation !== "create") return;
  try {
    const task = await ask(`tasks/${encodeURIComponent(entry.task_id)}`);
    describe(list, [...ordered(task), ...said(entry)]);
  } catch {
    // It is gone from the store; what the journal knows stands there.
  }
}

function ordered(task) {
  return [
    ["size", task.size],
    ["n", counted(task.n, "image")],
    ["seed", String(task.seed)],
    ["negative prompt", task.negative_prompt],
    ["prompt_extend", String(task.prompt_extend ?? false)],
    ["watermark", String(task.watermark ?? false)],
  ];
}

function said(entry) {
  return [
    ["request", `${entry.method} ${entry.path}`],
    ["answer", answer(entry)[0]],
    ["model", entry.model],
    ["task", entry.task_id],
    ["user agent", entry.user_agent],
    ["digest of its body", entry.asked],
  ];
}

/** The heading of the columns. */
export function heading() {
  const names = ["time", "method", "operation", "answer", "task", "user agent"];
  return names.map((name) => element("span", {}, name));
}
