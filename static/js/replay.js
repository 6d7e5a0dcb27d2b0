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

    // Nothing below the sentence moves when another day has a shorter one.
    const longest = told.words.reduce((a, b) => (b.length > a.length ? b : a), "");
    function keepHeight() {
      const shown = words.textContent;
      words.style.minBlockSize = "";
      words.textContent = longest;
      const { height } = words.getBoundingClientRect();
      words.textContent = shown;
      words.style.minBlockSize = `${height}px`;
    }
    keepHeight();
    window.addEventListener("resize", keepHeight);

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

  // --- Details: who is pointed at, or reached by up and down, is told below and marked in both -----

  const pictures = [network, timeline].filter(Boolean).map((svg) => {
    const frame = svg.parentElement;
    const detail = document.getElementById(frame.getAttribute("aria-describedby"));
    return { svg, frame, detail, usual: detail?.textContent, things: [...svg.querySelectorAll("[data-who], [data-told]")] };
  });
  let chosen = null;

  const isLater = (thing) => thing.matches(".net-node--later, .is-later");

  /** What a person's node and lane say together, or what a column says. */
  function said(thing) {
    if (thing.dataset.told) return isLater(thing) ? "Not yet on this day." : thing.dataset.told;
    const who = `[data-who="${CSS.escape(thing.dataset.who)}"]`;
    const node = network?.querySelector(who);
    const marks = [...(timeline?.querySelectorAll(`${who} .step:not(.is-later) title`) ?? [])];
    if (isLater(node ?? thing)) return `${thing.dataset.who}: not yet on this day.`;
    const all = marks.map((mark) => mark.textContent);
    const few = all.length > 4 ? [...all.slice(0, 2), `${all.length - 3} more`, all.at(-1)] : all;
    const dated = few.join("; ");
    return (node?.querySelector("title").textContent ?? thing.dataset.who) + (dated ? ` (${dated})` : "");
  }

  function choose(picture, thing, spoken) {
    chosen = thing;
    for (const marked of document.querySelectorAll(".is-chosen")) marked.classList.remove("is-chosen");
    for (const other of pictures) if (other.detail) other.detail.textContent = other.usual;
    const who = thing.dataset.who && `[data-who="${CSS.escape(thing.dataset.who)}"]`;
    for (const same of who ? pictures.flatMap(({ svg }) => [...svg.querySelectorAll(who)]) : [thing]) {
      if (!isLater(same)) same.classList.add("is-chosen");
    }
    if (picture.detail) picture.detail.textContent = said(thing);
    const line = document.getElementById("status");
    if (spoken && line) line.textContent = said(thing);
  }

  // Where a picture is wider than its frame, what is in the middle of the network is seen first.
  const middle = network?.parentElement;
  if (middle) middle.scrollLeft = (middle.scrollWidth - middle.clientWidth) / 2;

  for (const picture of pictures) {
    picture.svg.addEventListener("pointerover", (event) => {
      const over = event.target.closest("[data-who], [data-told]");
      if (over && over !== chosen) choose(picture, over, false);
    });
    picture.frame.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]; // the others scroll a wide picture
      const { things } = picture;
      if (!step || !things.length || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      const same = (thing) => thing === chosen || (chosen?.dataset.who && thing.dataset.who === chosen.dataset.who);
      const here = things.findIndex(same);
      const next = here < 0 && step < 0 ? things.length - 1 : (here + step + things.length) % things.length;
      choose(picture, things[next], true);
    });
  }
})();
