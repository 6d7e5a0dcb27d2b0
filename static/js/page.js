/* Focus, menus, dismissable alerts, countdowns and names that are hidden again. Every page works
   without this file. */
"use strict";

(() => {
  const root = document.documentElement;
  const pageOpened = Date.now();
  root.classList.add("js");

  const status = () => document.getElementById("status");

  /** Says something to screen readers without moving the focus. */
  function announce(text) {
    const line = status();
    if (!line || !text) return;
    line.textContent = "";
    window.setTimeout(() => {
      line.textContent = text;
    }, 30);
  }

  /** The first element that asks for the focus: an error summary, an alert, a new region. */
  function focusWithin(scope) {
    const wanted = scope.matches?.("[data-focus]") ? scope : scope.querySelector("[data-focus]");
    if (!wanted) return false;
    wanted.focus({ preventScroll: true });
    wanted.scrollIntoView({ block: "nearest" });
    return document.activeElement === wanted;
  }

  // --- Alerts and menus -------------------------------------------------------------------------

  document.addEventListener("click", (event) => {
    const dismiss = event.target.closest("[data-dismiss]");
    if (dismiss) {
      const alert = dismiss.closest(".alert");
      const next = alert.nextElementSibling?.matches(".alert") ? alert.nextElementSibling : null;
      alert.remove();
      (next ?? document.querySelector("main h1"))?.focus();
      return;
    }
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  // --- Copy: marks the field as well, for whoever copies by hand where the browser forbids it -------

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const field = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(field.value);
      announce("Copied.");
      button.firstChild.data = "Copied";
    } catch {
      field.focus();
      field.select();
      announce("The browser does not let Sightline copy. The text is marked: copy it with Ctrl-C.");
    }
  });

  // Escape closes what is open around the focus. What was typed stays in the closed form.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
    const opened = event.target.closest?.("details[open]:is([data-menu], .choice, .disclosure)");
    if (opened && !event.target.closest("dialog")) {
      opened.open = false;
      opened.querySelector("summary").focus();
    }
  });

  // --- How many rows are ticked, on the button that acts on them -------------------------------------

  document.addEventListener("change", (event) => {
    const counter = event.target.form?.querySelector("[data-ticked]");
    if (!counter) return;
    const boxes = [...event.target.form.elements].filter((box) => box.name === counter.dataset.ticked);
    const ticked = boxes.filter((box) => box.checked).length;
    counter.textContent = ticked ? `(${ticked})` : "";
    announce(`${ticked} ticked`);
  });

  // --- Sending -----------------------------------------------------------------------------------

  // A second press while the first is on its way would take a second case. A form whose answer is
  // a download may be sent again after a while.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("hx-post")) return;
    if (Date.now() - Number(form.dataset.sent ?? 0) < 4000) event.preventDefault();
    else form.dataset.sent = String(Date.now());
  });

  // --- Swaps -------------------------------------------------------------------------------------

  // The old part is still there while the new one comes in: of two open details with one name the
  // browser would close the new one.
  document.addEventListener("htmx:beforeSwap", (event) => {
    for (const old of event.detail.target.querySelectorAll("details[name]")) old.removeAttribute("name");
  });

  // Rows that arrive take the place that was drawn for them, also where their words need more lines
  // than were reckoned with: what does not fit is scrolled to, nothing below moves.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const rows = event.detail.target.closest(".disclosure > .rows");
    const box = event.detail.shouldSwap && rows?.querySelector(".table-scroll");
    if (box) rows.parentElement.style.setProperty("--kept", `${box.offsetHeight}px`);
  });

  function letGrow() {
    for (const opened of document.querySelectorAll(".disclosure")) opened.style.removeProperty("--kept");
  }
  window.addEventListener("resize", letGrow);
  window.addEventListener("beforeprint", letGrow);
  document.addEventListener("toggle", (event) => event.target.style.removeProperty("--kept"), true);

  document.addEventListener("htmx:afterSettle", (event) => {
    const scope = event.detail.elt;
    const said = scope.querySelector?.("[data-announce]") ?? (scope.dataset?.announce ? scope : null);
    if (said) announce(said.dataset.announce);
    if (scope.isConnected) focusWithin(scope);
    tick();
  });

  // What a page asks by itself, every few seconds or while it is polled.
  function inBackground(detail) {
    const asking = detail.requestConfig?.elt ?? detail.elt;
    return asking.hasAttribute("data-poll") || Boolean(asking.getAttribute("hx-trigger")?.includes("every "));
  }

  /** Says, seen and heard, that what somebody asked for did not happen. One such alert is enough. */
  function complain(text) {
    document.getElementById("failure")?.remove();
    const alert = document.createElement("div");
    alert.id = "failure";
    alert.className = "alert alert--error failure";
    alert.setAttribute("role", "alert");
    const words = document.createElement("div");
    words.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "button button--quiet button--small";
    close.dataset.dismiss = "";
    close.textContent = "Close";
    alert.append(words, close);
    // A dialog lies over everything else on the page.
    (document.querySelector("dialog[open]") ?? document.getElementById("main")).prepend(alert);
  }

  document.addEventListener("htmx:responseError", (event) => {
    if (inBackground(event.detail)) return;
    const code = event.detail.xhr.status;
    complain(
      code < 500
        ? "This was not taken: it is not available to you, or no longer. Reload the page to see how things stand."
        : "The server could not answer. Try again; if it happens again, tell an administrator the time."
    );
  });

  document.addEventListener("htmx:sendError", (event) => {
    if (inBackground(event.detail)) return;
    complain("The server cannot be reached. Check your connection and try again.");
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.shouldSwap && !inBackground(event.detail)) document.getElementById("failure")?.remove();
  });

  // What a page asks by itself is no activity of a person: it must not keep a session alive.
  document.addEventListener("htmx:configRequest", (event) => {
    const { elt, headers, triggeringEvent } = event.detail;
    const timed = !triggeringEvent && elt.getAttribute("hx-trigger")?.includes("every ");
    if (timed || elt.matches("[data-poll], [data-lease]")) {
      headers["X-Background"] = "1";
    }
  });

  // A title for what is shown now: pages answer with it in a header, parts keep the old one.
  document.addEventListener("htmx:afterRequest", (event) => {
    const title = event.detail.xhr?.getResponseHeader?.("X-Page-Title");
    if (title) document.title = decodeURIComponent(title);
  });

  // --- Countdowns: <time data-countdown="1200">, the seconds left when the server wrote it ---------

  // Counted from when the element was first seen: the clock of this machine may be wrong.
  const ends = new WeakMap();

  function secondsLeft(element, seconds) {
    if (!ends.has(element)) ends.set(element, Date.now() + Number(seconds) * 1000);
    return Math.floor((ends.get(element) - Date.now()) / 1000);
  }

  function tick() {
    for (const element of document.querySelectorAll("[data-countdown]")) {
      const left = secondsLeft(element, element.dataset.countdown);
      const box = element.closest("[data-lease]");
      if (left <= 0) {
        element.textContent = "0:00";
        if (box && box.dataset.state !== "over") {
          box.dataset.state = "over";
          announce("Your time on this case is over. What you wrote is kept.");
          window.htmx?.trigger(box, "over");
        }
        continue;
      }
      element.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
      if (box && left <= 180 && box.dataset.state !== "soon") {
        box.dataset.state = "soon";
        announce("Less than three minutes left on this case. You can extend it.");
      }
    }
    for (const element of document.querySelectorAll("[data-names-for]")) {
      if (secondsLeft(element, element.dataset.namesFor) <= 0) hideNames(element);
    }
  }

  // --- Names of children go from the screen when their time is over, and with the page --------------

  function hideNames(notice) {
    for (const element of document.querySelectorAll("[data-named]")) element.textContent = "hidden";
    if (!notice) return;
    notice.removeAttribute("data-names-for");
    notice.querySelector("[data-names-words]").textContent = "The names are hidden again: their time is over.";
    notice.querySelector("form")?.remove();
    announce("The names are hidden again: their time is over.");
  }

  // A page that the browser keeps to go back to must not keep them, and is asked for anew.
  window.addEventListener("pagehide", (event) => {
    if (event.persisted) hideNames();
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });

  tick();
  window.setInterval(tick, 1000);

  // --- Polling: <span data-poll="30" hx-trigger="poll"> asks while the page is seen and the switch on -

  window.setInterval(() => {
    if (document.hidden) return;
    for (const element of document.querySelectorAll("[data-poll]")) {
      const wanted = document.querySelector("[data-poll-switch]");
      const due = Date.now() - Number(element.dataset.polled ?? pageOpened);
      if (wanted && !wanted.checked) continue;
      if (due < Number(element.dataset.poll) * 1000) continue;
      element.dataset.polled = String(Date.now());
      window.htmx?.trigger(element, "poll");
    }
  }, 1000);

  // --- Writing on a held case extends the hold, every five minutes at most ---------------------------

  let extended = Date.now();
  document.addEventListener("input", (event) => {
    if (!event.target.closest(".choice") || Date.now() - extended < 300_000) return;
    const form = document.querySelector("form[data-renew-on-activity]");
    if (!form) return;
    extended = Date.now();
    window.htmx?.trigger(form, "activity");
  });

  // Ctrl-Enter sends the form that is being written; with Shift, and goes on to the next case.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.repeat) return;
    const form = event.target.closest?.("input, select, textarea")?.form;
    if (!form?.querySelector("textarea")) return;
    event.preventDefault();
    const onwards = event.shiftKey ? form.querySelector("button[name=next]") : null;
    (onwards ?? form.querySelector("button[type=submit]")).click(); // htmx sends a button that was clicked
  });

  // A decision that is opened takes the focus to its first field.
  document.addEventListener(
    "toggle",
    (event) => {
      const opened = event.target;
      if (!opened.open || !opened.matches?.(".choice, #do-note, #do-reveal") || !event.isTrusted) return;
      // Whoever types fast is in a field already: the event comes after the keys
      const at = document.activeElement;
      if (at === document.body || at === opened.querySelector("summary")) {
        opened.querySelector("input:not([type=hidden]), textarea, select")?.focus();
      }
    },
    true
  );

  document.addEventListener("DOMContentLoaded", () => {
    // On a small screen the bar's pages go on beyond its edge: the current one is brought into sight.
    const current = document.querySelector(".nav a[aria-current]");
    const bar = current?.closest(".nav");
    if (bar) bar.scrollLeft += current.getBoundingClientRect().right - bar.getBoundingClientRect().right;
    focusWithin(document.body);
  });
})();
