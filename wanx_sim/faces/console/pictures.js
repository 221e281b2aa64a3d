/** Result pictures: small in the list, fetched when they come into sight, and large in a dialog. */

import { picture } from "./api.js";
import { byId, element, link, quote, say } from "./dom.js";
import { moment, webLink } from "./words.js";

const SIDE = 160;
const SEEDS = 2 ** 31;
const MOST = 3; // at a time, so that the page's own questions are not kept waiting

const waiting = [];
let loading = 0;

function next() {
  while (loading < MOST && waiting.length) {
    loading += 1;
    waiting
      .shift()()
      .finally(() => {
        loading -= 1;
        next();
      });
  }
}

const seen = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      waiting.push(() => load(target));
    }
    next();
  },
  { rootMargin: "200px" },
);

async function load(image) {
  if (!image.isConnected) return;
  try {
    image.src = await picture(`${image.dataset.path}?within=${SIDE}`);
  } catch {
    image.replaceWith("not loaded");
  }
}

const pathOf = (task, index) => `tasks/${encodeURIComponent(task.task_id)}/pictures/${index}`;

/** The results of a task as list items. */
export function results(task) {
  return (task.results ?? []).map((one, index) => {
    if (!one.url) return failed(one);
    const image = element("img", { alt: "", width: "72", height: "72" });
    image.dataset.path = pathOf(task, index);
    seen.observe(image);
    const label = `picture ${index + 1}${one.expired ? ", its link has expired" : ""}`;
    const open = element("button", { type: "button", class: "picture", "aria-label": label }, image);
    open.addEventListener("click", () => view(task, index, one));
    if (one.expired) open.append(element("span", { class: "stamp" }, "expired"));
    return element("li", {}, open);
  });
}

function failed(one) {
  const says = `${one.code}: ${one.message}`;
  return element("li", {}, element("span", { class: "picture none", title: says }, one.code));
}

/** Let go of the pictures in an element. */
export function release(node) {
  for (const image of node.querySelectorAll("img")) {
    seen.unobserve(image);
    if (image.src) URL.revokeObjectURL(image.src);
  }
}

async function view(task, index, one) {
  const dialog = byId("viewer"), image = byId("viewer-picture");
  image.removeAttribute("src");
  image.alt = `picture ${index + 1} of ${task.prompt}`;
  quote(byId("viewer-prompt"), task.prompt);
  const end = one.expired ? "link expired" : `link until ${moment(one.expires)}`;
  say(byId("viewer-facts"), `${task.size} · seed ${(task.seed + index) % SEEDS} · ${end}`);
  const href = webLink(one.url);
  const anchor = href ? [link(href, "open by its link"), " (the journal counts that as a download)"] : [];
  byId("viewer-link").replaceChildren(...anchor);
  dialog.showModal();
  try {
    image.src = await picture(pathOf(task, index));
  } catch (error) {
    say(byId("viewer-facts"), error.message);
  }
}

/** Make the dialog let go of its picture. */
export function prepareViewer() {
  const dialog = byId("viewer");
  dialog.addEventListener("close", () => release(dialog));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}
