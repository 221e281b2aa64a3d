/** Building and keeping the page: text is always text, whatever it says. */

import { languageOf } from "./words.js";

export const byId = (id) => document.getElementById(id);

/** An element with attributes and children; strings become text, never markup. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function button(text, act, attributes = {}) {
  const made = element("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", act);
  return made;
}

/** Say something in an element, in the language it is written in; nothing hides it. */
export function say(node, text) {
  if (node.textContent === text) return;
  node.textContent = text;
  node.hidden = text === "";
}

/** Say what somebody else wrote, such as a prompt. */
export function quote(node, text) {
  if (node.textContent === text) return;
  node.lang = languageOf(text);
  say(node, text);
}

/** Names with what they are, for a description list; what is empty is left out. */
export function describe(list, rows) {
  const shown = rows.filter(([, what]) => what !== "" && what != null);
  const text = JSON.stringify(shown.map(([name, what]) => [name, what.textContent ?? what]));
  if (list.dataset.shown === text) return;
  list.dataset.shown = text;
  list.replaceChildren(
    ...shown.flatMap(([name, what]) => [
      element("dt", {}, name),
      element("dd", { dir: "auto", lang: languageOf(String(what.textContent ?? what)) }, what),
    ]),
  );
}

/** A link to follow in a tab of its own, that takes nothing along. */
export function link(href, text) {
  return element("a", { href, target: "_blank", rel: "noopener noreferrer" }, text);
}

/** The options of a select, made anew only when they change; the chosen one stays. */
export function offer(select, options) {
  const text = JSON.stringify(options);
  if (select.dataset.offered === text) return;
  const chosen = select.value;
  select.dataset.offered = text;
  select.replaceChildren(...options.map(([value, name]) => element("option", { value }, name)));
  select.value = options.some(([value]) => value === chosen) ? chosen : (options[0]?.[0] ?? "");
}

/** The rows of a list, each made once, then kept in step with what it shows. */
export class Rows {
  #parent;
  #make;
  #rows = new Map();

  constructor(parent, make) {
    this.#parent = parent;
    this.#make = make;
  }

  /** The element of a row, if there is one of that key. */
  find(key) {
    return this.#rows.get(key)?.node;
  }

  /** Show items, given with their keys; rows that stay keep focus, pictures and what is open. */
  show(items, ...more) {
    const wanted = new Map(items);
    for (const [key, row] of this.#rows) {
      if (wanted.has(key)) continue;
      row.node.remove();
      row.gone?.();
      this.#rows.delete(key);
    }
    let place = this.#parent.firstElementChild;
    for (const [key, item] of wanted) {
      const row = this.#rows.get(key) ?? this.#make(item);
      this.#rows.set(key, row);
      row.update?.(item, ...more);
      if (row.node === place) place = place.nextElementSibling;
      else this.#parent.insertBefore(row.node, place);
    }
  }
}
