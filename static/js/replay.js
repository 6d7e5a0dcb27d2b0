/* The slider that replays how contact spread, and the details of whoever is pointed at. The server
   drew every step's places; this only changes classes and joins the lines of those who are shown.
   Without it a day is chosen in a form, and the server draws that day. */
"use strict";

(() => {
  const control = document.querySelector("[data-replay]");
  const network = document.querySelector("svg.network");
  const timeline = document.querySelector("svg.timeline");

  // --- The slider -------------------------------------------------------------------------------

  if (control && network) {
    const told = JSON.parse(document.getElementById("replay-data").textContent);
    const slider = control.querySelector("input[type=range]");
    const day = control.querySelector("output");
    const play = control.querySelector("[data-play]");
    const words = document.getElementById("network-words");
    const last = told.days.length - 1;

    const nodes = [...network.querySelectorAll(".net-node")].map((element) => {
      const [x, y] = element.getAttribute("transform").match(/-?[\d.]+/g).map(Number);
      const steps = (element.dataset.steps ?? "").split(" ").map((entry) => entry.split(":"));
      return { element, x, y, steps: steps.map(([from, link]) => [Number(from), link]) };
    });
    const place = (x, y) => `${Math.round(x)} ${Math.round(y)}`;
    const ties = (told.ties.match(/M[^M]+/g) ?? []).map((path) => path.slice(1).split("L"));

    function linkAt(node, step) {
      let link = "later";
      for (const [from, name] of node.steps) if (from <= step) link = name;
      return link;
    }

    function showNetwork(step) {
      const lines = { accepted: "", refused: "", waiting: "", tie: "" };
      const here = new Set();
      for (const node of nodes) {
        const link = linkAt(node, step);
        node.element.setAttribute("class", `net-node net-node--${link}`);
        if (link === "later") continue;
        lines[link] += `M0 0L${place(node.x, node.y)}`;
        here.add(place(node.x, node.y));
      }
      for (const [link, path] of Object.entries(lines)) {
        network.querySelector(`.net-line--${link}`).setAttribute("d", path);
      }
      const seen = ties.filter(([a, b]) => here.has(a) && here.has(b));
      network.querySelector(".net-tie").setAttribute("d", seen.map(([a, b]) => `M${a}L${b}`).join(""));
    }

    function showTimeline(step) {
      if (!timeline) return;
      for (const mark of timeline.querySelectorAll("[data-since]")) {
        mark.classList.toggle("is-later", Number(mark.dataset.since) > step);
      }
      for (const lane of timeline.querySelectorAll(".tl-one")) {
        const marks = [...lane.querySelectorAll(".step:not(.is-later)")].map((m) => Number(m.getAttribute("x")));
        const span = lane.querySelector(".tl-span");
        lane.classList.toggle("is-later", marks.length === 0);
        span.setAttribute("d", `M${span.dataset.start} ${span.dataset.y}H${Math.max(span.dataset.start, ...marks)}`);
      }
      const now = timeline.querySelector(".tl-now");
      now.classList.toggle("is-off", step === last);
      now.setAttribute("transform", `translate(${told.at[step] ?? 0} 0)`);
    }

    function show(step) {
      slider.value = String(step);
      slider.setAttribute("aria-valuetext", told.named[step]);
      day.textContent = told.named[step];
      words.textContent = told.words[step];
      showNetwork(step);
      showTimeline(step);
    }

    /** Once a step is settled on: the table says the same, and so does the status line. */
    function settle() {
      const step = Number(slider.value);
      const line = document.getElementById("status");
      if (line) line.textContent = `${told.named[step]}. ${told.words[step]}`;
      if (!document.getElementById("contact-rows")) return;
      const until = step === last ? "" : `&until=${told.days[step]}`;
      window.htmx?.ajax("GET", `${window.location.pathname}?contacts=1${until}`, {
        target: "#contact-rows",
        swap: "outerHTML",
      });
    }

    let timer = 0;
    function stop() {
      window.clearInterval(timer);
      timer = 0;
      play.textContent = "Play";
    }

    slider.addEventListener("input", () => show(Number(slider.value)));
    slider.addEventListener("change", settle);
    play.addEventListener("click", () => {
      if (timer) {
        stop();
        settle();
        return;
      }
      if (Number(slider.value) === last) show(0);
      play.textContent = "Pause";
      timer = window.setInterval(() => {
        show(Math.min(last, Number(slider.value) + 1));
        if (Number(slider.value) === last) {
          stop();
          settle();
        }
      }, Math.max(120, Math.min(700, 9000 / (last + 1))));
    });
    show(Number(slider.value));
  }

  // --- Details: whoever is pointed at, or reached by up and down, in both pictures --------------

  const detail = document.querySelector("[data-detail]");
  if (!network || !detail) return;
  const people = [...network.querySelectorAll(".net-node")];
  const usual = detail.textContent;
  let chosen = -1;

  function choose(who, spoken) {
    chosen = people.findIndex((node) => node.dataset.who === who);
    for (const marked of document.querySelectorAll(".is-chosen")) marked.classList.remove("is-chosen");
    const node = people[chosen];
    detail.setAttribute("aria-live", spoken ? "polite" : "off");
    if (!node || node.classList.contains("net-node--later")) {
      detail.textContent = node ? `${node.dataset.who}: not yet on this day.` : usual;
      return;
    }
    node.classList.add("is-chosen");
    const lane = timeline?.querySelector(`.tl-one[data-who="${CSS.escape(who)}"]`);
    lane?.classList.add("is-chosen");
    const marks = [...(lane?.querySelectorAll(".step:not(.is-later) title") ?? [])];
    const dated = marks.map((mark) => mark.textContent).join("; ");
    detail.textContent = node.querySelector("title").textContent + (dated ? ` (${dated})` : "");
  }

  for (const picture of [network, timeline]) {
    picture?.addEventListener("pointerover", (event) => {
      const over = event.target.closest("[data-who]");
      if (over) choose(over.dataset.who, false);
    });
    picture?.parentElement.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]; // the others scroll a wide picture
      if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      const next = chosen < 0 && step < 0 ? people.length - 1 : (chosen + step + people.length) % people.length;
      choose(people[next].dataset.who, true);
    });
  }
})();
