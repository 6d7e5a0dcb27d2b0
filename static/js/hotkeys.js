/* Keys click real buttons and links: the element says which key with data-hotkey. Nothing happens
   in fields and dialogs, with a modifier held, or where the person has turned the keys off. */
"use strict";

(() => {
  if (document.documentElement.dataset.hotkeys === "off") return;

  const inField = (target) =>
    target.closest?.("input:not([type=checkbox], [type=radio], [type=range]), textarea, select, dialog, [contenteditable]");

  const visible = (element) => element.getClientRects().length > 0 && !element.disabled;

  function rows() {
    return [...document.querySelectorAll("[data-row]")].filter(visible);
  }

  /** Moves along the rows of a list; the row's main link takes the focus. */
  function move(step) {
    const all = rows();
    if (!all.length) return;
    const here = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[here < 0 ? (step > 0 ? 0 : all.length - 1) : here + step];
    if (!next) return;
    const target = next.querySelector("[data-row-link]") ?? next;
    target.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  /** A key that a row offers goes to the row in focus; otherwise to the first on the page. */
  function find(key) {
    const selector = `[data-hotkey="${CSS.escape(key)}"]`;
    const row = document.activeElement.closest?.("[data-row]");
    const inRow = row?.querySelector(selector);
    if (inRow && visible(inRow)) return inRow;
    return [...document.querySelectorAll(selector)].filter(visible).find((e) => !e.closest("[data-row]"));
  }

  /** The choices of the decision in which the focus is, in the order of their numbers. */
  function numbered() {
    return [...(document.activeElement.closest?.(".choice[open]")?.querySelectorAll("input[type=radio]") ?? [])];
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (inField(event.target) || document.querySelector("dialog[open]")) return;
    const chosen = numbered()[Number(event.key) - 1];
    if (/^[1-9]$/.test(event.key) && chosen) {
      event.preventDefault();
      chosen.focus();
      chosen.click();
      return;
    }
    if (event.key === "j" || event.key === "k") {
      move(event.key === "j" ? 1 : -1);
      event.preventDefault();
      return;
    }
    const target = event.repeat ? null : find(event.key); // a key that is held down acts once
    if (!target) return;
    event.preventDefault();
    if (target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select")) {
      target.focus();
      target.select?.();
    } else {
      target.click();
      if (target.matches("summary, label")) target.focus();
    }
  });

  // From the field that searches a list, the arrow goes on to what was found.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" || !event.target.matches?.("input[type=search][data-hotkey]")) return;
    event.preventDefault();
    move(1);
  });

  // The help sheet opens over the page; without script its link goes to a page of its own.
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("[data-help-link]");
    const sheet = document.getElementById("help-sheet");
    if (!link || !sheet || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const answer = await fetch(link.href, { headers: { "HX-Request": "true" } });
    if (!answer.ok || answer.status === 204) { // signed out: the page itself leads on
      window.location.assign(link.href);
      return;
    }
    sheet.innerHTML = await answer.text();
    sheet.showModal();
    sheet.addEventListener("close", () => link.focus(), { once: true });
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close-dialog]") || event.target.matches("dialog[open]")) {
      event.target.closest("dialog").close();
    }
  });
})();
