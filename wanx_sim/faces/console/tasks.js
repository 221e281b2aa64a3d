/** The list of tasks. */

import { button, describe, element, link, quote, say } from "./dom.js";
import { release, results } from "./pictures.js";
import { counted, money, possible, span, times, webLink } from "./words.js";

/** A row of the list; `does` is what its buttons do. */
export function taskRow(does) {
  const parts = {
    status: element("span", { class: "status" }),
    age: element("span", { class: "age" }),
    price: element("span", { class: "price" }),
    prompt: element("p", { class: "prompt", dir: "auto" }),
    meta: element("summary", { class: "meta" }),
    trouble: element("p", { class: "trouble", dir: "auto", hidden: "" }),
    pictures: element("ul", { class: "pictures", hidden: "" }),
    facts: element("dl"),
  };
  let task;
  const acts = {
    finish: button("Finish", () => does.finish(task)),
    fail: button("Fail…", () => does.fail(task)),
    expire: button("Expire links", () => does.expire(task)),
  };
  const requests = button("Its requests", () => does.requests(task), { class: "plain" });
  const more = element("details", {}, parts.meta, parts.facts, requests);
  const node = element(
    "li", { class: "task" },
    element("div", { class: "head" }, parts.status, parts.age, parts.price),
    element("div", { class: "body" }, parts.prompt, parts.trouble, more),
    parts.pictures,
    element("div", { class: "acts" }, ...Object.values(acts)),
  );
  let pictured = "";

  function update(given, now) {
    task = given;
    node.dataset.status = task.status;
    say(parts.status, task.status);
    say(parts.age, `${span(now - task.submitted)} ago`);
    say(parts.price, money(task.price * task.images));
    quote(parts.prompt, task.prompt);
    say(parts.meta, [task.model, task.size, counted(task.n, "image"), `seed ${task.seed}`].join(" · "));
    say(parts.trouble, task.code ? `${task.code}: ${task.message}` : "");
    for (const [name, can] of Object.entries(possible(task))) acts[name].hidden = !can;
    describe(parts.facts, facts(task));
    const shown = JSON.stringify(task.results ?? []);
    if (shown === pictured) return;
    pictured = shown;
    release(parts.pictures);
    parts.pictures.replaceChildren(...results(task));
    parts.pictures.hidden = !parts.pictures.children.length;
  }

  return { node, update, gone: () => release(node) };
}

function facts(task) {
  return [
    ["id", task.task_id],
    ["region", task.region],
    ["negative prompt", task.negative_prompt],
    ["prompt_extend", String(task.prompt_extend ?? false)],
    ["watermark", String(task.watermark ?? false)],
    ...times(task),
    ["price", `${money(task.price)} an image, ${counted(task.images, "image")} on the bill`],
    ...(task.results ?? []).map(result),
  ];
}

function result(one, index) {
  const name = `image ${index + 1}`;
  if (!one.url) return [name, `${one.code}: ${one.message}`];
  const href = webLink(one.url);
  if (one.expired || !href) return [name, `${one.url}${one.expired ? " (expired)" : ""}`];
  return [name, link(href, one.url)];
}
