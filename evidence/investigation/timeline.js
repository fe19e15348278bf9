"use strict";
(async () => {
  const ROW = 34;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const model = read("lines");
  const documents = await unpack(read("documents"));
  const lines = model.lines;
  const table = document.getElementById("rows");
  const pad = document.getElementById("pad");
  const body = document.getElementById("visible");
  const count = document.getElementById("count");
  const search = document.getElementById("search");
  const detail = document.getElementById("detail");
  const evidence = document.getElementById("evidence");
  const chart = document.getElementById("density");
  const kinds = new Map();
  for (const box of document.querySelectorAll("input[data-kind]")) kinds.set(box.dataset.kind, box);
  let shown = [];
  let chosen = -1;
  let range = null;
  document.documentElement.classList.add("scripted");

  async function unpack(packed) {
    const bytes = Uint8Array.from(atob(packed), (one) => one.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return (await new Response(stream).text()).split("\n");
  }

  function texts(line) {
    return `${line.summary} ${line.by} ${line.id} ${line.action} ${line.instrument || ""} ` +
      `${line.orders || ""} ${line.trade || ""} ${line.transaction || ""}`;
  }

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = [];
    lines.forEach((line, place) => {
      if (!kinds.get(line.kind).checked) return;
      if (evidence.checked && !line.evidence && line.kind !== "alert") return;
      if (range && (line.at < range[0] || line.at >= range[1])) return;
      if (words.length) {
        const text = texts(line).toLowerCase();
        if (!words.every((word) => text.includes(word))) return;
      }
      shown.push(place);
    });
    pad.style.height = `${shown.length * ROW}px`;
    count.textContent = `${shown.length.toLocaleString("en")} of ${lines.length.toLocaleString("en")} lines`;
    table.scrollTop = Math.min(table.scrollTop, shown.length * ROW);
    draw();
    density();
  }

  function cell(text, name) {
    const made = document.createElement("span");
    made.textContent = text;
    made.className = name;
    if (name === "what") made.title = text;
    return made;
  }

  function draw() {
    const first = Math.max(0, Math.floor(table.scrollTop / ROW) - 8);
    const last = Math.min(shown.length, first + Math.ceil(table.clientHeight / ROW) + 16);
    const made = [];
    for (let at = first; at < last; at++) {
      const place = shown[at];
      const line = lines[place];
      const row = document.createElement("button");
      row.type = "button";
      row.className = `row ${line.kind}${line.evidence ? " evidence" : ""}`;
      row.style.top = `${at * ROW}px`;
      row.setAttribute("aria-pressed", String(place === chosen));
      row.dataset.place = place;
      row.append(cell(line.time, "when"), cell(line.label, "kind"), cell(line.summary, "what"), cell(line.by, "by"));
      made.push(row);
    }
    body.replaceChildren(...made);
  }

  function open(place) {
    chosen = place;
    const line = lines[place];
    const parts = [];
    const title = document.createElement("h3");
    title.textContent = line.summary;
    parts.push(title);
    const facts = document.createElement("dl");
    const say = (name, value) => {
      if (!value) return;
      const term = document.createElement("dt");
      const what = document.createElement("dd");
      term.textContent = name;
      what.textContent = value;
      facts.append(term, what);
    };
    say("time", line.moment);
    say("kind", `${line.label} (${line.action})`);
    say("by", line.by);
    say("level", line.level);
    say("order", line.orders);
    say("trade", line.trade);
    say("transaction", line.transaction);
    say("block", line.block);
    say("evidence of", line.evidence);
    say("id", line.id);
    say("raw frame", line.original);
    say("SHA-256", line.sha256);
    parts.push(facts);
    const whole = document.createElement("pre");
    try {
      whole.textContent = JSON.stringify(JSON.parse(documents[place]), null, 2);
    } catch {
      whole.textContent = documents[place];
    }
    parts.push(whole);
    detail.replaceChildren(...parts);
    draw();
  }

  function density() {
    const width = 1000, height = 90, bins = 200;
    const low = lines.length ? lines[0].at : 0;
    const high = lines.length ? lines[lines.length - 1].at : 1;
    const size = Math.max((high - low) / bins, 1e-6);
    const counts = new Float64Array(bins), alerts = new Float64Array(bins);
    for (const place of shown) {
      const bin = Math.min(bins - 1, Math.floor((lines[place].at - low) / size));
      if (lines[place].kind === "alert") alerts[bin]++; else counts[bin]++;
    }
    const most = Math.max(1, ...counts);
    const make = (tag, attributes) => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
      return made;
    };
    const parts = [];
    for (let bin = 0; bin < bins; bin++) {
      const x = (bin * width) / bins;
      if (counts[bin]) {
        const tall = Math.max(1.5, (Math.sqrt(counts[bin]) / Math.sqrt(most)) * (height - 20));
        parts.push(make("rect", { x, y: height - tall, width: width / bins - 0.6, height: tall, class: "bin" }));
      }
      if (alerts[bin]) {
        parts.push(make("path", { d: `M${x + 2.5} 2 l5 9 h-10 z`, class: "alarm" }));
      }
    }
    if (range) {
      const from = ((range[0] - low) / size) * (width / bins);
      const to = ((range[1] - low) / size) * (width / bins);
      parts.push(make("rect", { x: from, y: 0, width: Math.max(2, to - from), height, class: "brush" }));
    }
    chart.replaceChildren(...parts);
    chart.dataset.low = low;
    chart.dataset.size = size * bins;
  }

  let start = null;
  const moment = (event) => {
    const box = chart.getBoundingClientRect();
    const part = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    return Number(chart.dataset.low) + part * Number(chart.dataset.size);
  };
  chart.addEventListener("pointerdown", (event) => { start = moment(event); chart.setPointerCapture(event.pointerId); });
  chart.addEventListener("pointerup", (event) => {
    if (start === null) return;
    const end = moment(event);
    const wide = Math.abs(end - start) > Number(chart.dataset.size) / 200;
    range = wide ? [Math.min(start, end), Math.max(start, end)] : null;
    start = null;
    filter();
  });
  table.addEventListener("scroll", draw, { passive: true });
  window.addEventListener("resize", draw);
  search.addEventListener("input", filter);
  evidence.addEventListener("change", filter);
  for (const box of kinds.values()) box.addEventListener("change", filter);
  body.addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (row) open(Number(row.dataset.place));
  });
  document.addEventListener("keydown", (event) => {
    if (event.target === search || !["j", "k"].includes(event.key)) return;
    const at = shown.indexOf(chosen) + (event.key === "j" ? 1 : -1);
    if (at < 0 || at >= shown.length) return;
    open(shown[at]);
    const top = at * ROW;
    if (top < table.scrollTop) table.scrollTop = top;
    if (top + ROW > table.scrollTop + table.clientHeight) table.scrollTop = top + ROW - table.clientHeight;
  });
  filter();
  const subject = lines.findIndex((line) => line.kind === "alert" && line.id === model.subject);
  if (subject >= 0) {
    open(subject);
    table.scrollTop = Math.max(0, shown.indexOf(subject) * ROW - table.clientHeight / 2);
  }
})();
