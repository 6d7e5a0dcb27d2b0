/* Ctrl-K, or the link in the bar, opens the page "Go to" as a dialog over whatever is open. Arrow
   keys move along what was found, Enter opens the first. Without script the link opens the page. */
"use strict";

(() => {
  const dialog = document.getElementById("palette");
  const link = document.querySelector("[data-palette-link]");
  if (!dialog || !link) return;

  async function open() {
    if (dialog.open) return;
    const opener = document.activeElement;
    const answer = await fetch(link.href, { headers: { "HX-Request": "true" } });
    if (!answer.ok || answer.status === 204) { // signed out: the page itself leads on
      window.location.assign(link.href);
      return;
    }
    dialog.innerHTML = await answer.text();
    window.htmx?.process(dialog);
    dialog.showModal();
    dialog.querySelector("input[type=search]").focus();
    dialog.addEventListener("close", () => opener?.focus?.(), { once: true });
  }

  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    if (document.querySelector("dialog[open]:not(#palette)")) return;
    event.preventDefault();
    open();
  });

  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    open();
  });

  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault(); // a search field would only empty itself
      dialog.close();
      return;
    }
    const hits = [...dialog.querySelectorAll("[data-hit] :is(a, button)")];
    const here = hits.indexOf(document.activeElement);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      const next = hits[here + step];
      event.preventDefault();
      (next ?? dialog.querySelector("input[type=search]")).focus();
    }
  });

  // Enter goes to the first hit of what is typed now, also when the list is still on its way.
  dialog.addEventListener("submit", async (event) => {
    const form = event.target.closest("form.palette");
    if (!form) return;
    event.preventDefault();
    const query = new URLSearchParams(new FormData(form));
    const answer = await fetch(`${form.action}?${query}`, { headers: { "HX-Request": "true" } });
    if (!answer.ok || answer.status === 204) {
      window.location.assign(link.href);
      return;
    }
    dialog.querySelector("#palette-hits").outerHTML = await answer.text();
    const first = dialog.querySelector("[data-hit] :is(a, button)");
    if (query.get("q").trim()) first?.click();
  });
})();
