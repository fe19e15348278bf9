"use strict";
(async () => {
  // Of large books there are fewer copies: all of them together have so many levels.
  const KEYFRAME = 400, KEPT = 2e6, TAPE = 16;

  async function unpack(id) {
    const bytes = Uint8Array.from(atob(JSON.parse(document.getElementById(id).textContent)), (one) => one.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }

  const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 8 });

  // Decimals that prices have, without those that only binary fractions add; and the largest price.
  function decimals(prices) {
    let most = 0, largest = 0;
    for (const one of prices) {
      const text = String(Number(one.toPrecision(12))), dot = text.indexOf(".");
      if (dot >= 0 && !text.includes("e")) most = Math.max(most, text.length - dot - 1);
      largest = Math.max(largest, Math.abs(one));
    }
    return [Math.min(most, 8), largest];
  }

  function made(tag, name, text) {
    const found = document.createElement(tag);
    if (name) found.className = name;
    if (text !== undefined) found.textContent = text;
    return found;
  }

  function start(section, scene) {
    const panel = section.querySelector(".replay");
    if (!panel) return;
    const rows = Number(panel.dataset.rows);
    const tape = panel.querySelector(".tape"), ladder = panel.querySelector(".ladder");
    const slider = panel.querySelector(".time"), when = panel.querySelector(".when");
    const speed = panel.querySelector("select"), play = panel.querySelector("[data-do=play]");
    const chart = section.querySelector("svg.chart"), head = section.querySelector(".playhead");
    const many = scene.times.length;
    const quantities = new Intl.NumberFormat("en", { maximumSignificantDigits: 10 });
    const [places, largest] = decimals([...scene.book, ...scene.levels.flat()].map((one) => one[1]));
    const priced = new Intl.NumberFormat("en", { minimumFractionDigits: places, maximumFractionDigits: places });
    // Prices of tokens may be tiny: no digit that matters is cut off.
    const odd = (value) => value !== 0 && (Math.abs(value) < 1e-6 || Math.abs(value) >= 1e15);
    const told = (value, format) => (odd(value) ? String(Number(value.toPrecision(10))) : format.format(value));
    const letters = Math.min(18, told(largest, priced).length);
    ladder.style.setProperty("--price", `${Math.max(90, 9 * letters + 18)}px`);
    const frames = [];
    let at = 0, playing = 0, now = 0;

    const emptied = () => [new Map(), new Map()];
    function change(book, levels) {
      for (const [buy, price, quantity, theirs] of levels) {
        if (quantity > 0) book[buy].set(price, [quantity, theirs]);
        else book[buy].delete(price);
      }
    }
    function applied(book, place) {
      change(book, scene.levels[place]);
    }
    const book = emptied();
    change(book, scene.book);
    for (let place = 0; place < many; place++) {
      const apart = Math.max(KEYFRAME, (many * (book[0].size + book[1].size)) / KEPT);
      if (!place || place - frames[frames.length - 1].place >= apart) {
        frames.push({ place, sides: book.map((side) => new Map(side)) });
      }
      applied(book, place);
    }
    // The book after the first `count` events.
    function stands(count) {
      const frame = frames[Math.max(0, frames.findLastIndex((one) => one.place <= count))];
      const found = frame.sides.map((side) => new Map(side));
      for (let place = frame.place; place < count; place++) applied(found, place);
      return found;
    }

    function clock(nanoseconds) {
      let rest = scene.clock[1] + nanoseconds;
      const seconds = scene.clock[0] + Math.floor(rest / 1e9);
      rest = String(Math.floor(rest % 1e9)).padStart(9, "0").slice(0, scene.exact ? 6 : 3);
      return `${new Date(seconds * 1000).toISOString().slice(scene.with_day ? 5 : 11, 19).replace("T", " ")}.${rest}`;
    }

    // When each was there: what comes late is seen when it comes.
    const reached = [];
    for (const time of scene.times) reached.push(Math.max(time, reached.length ? reached[reached.length - 1] : 0));
    // How many events there are up to a time, that one included.
    function upTo(time) {
      let low = 0, high = many;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (reached[middle] <= time) low = middle + 1; else high = middle;
      }
      return low;
    }

    function cell(name, value, share) {
      const found = made("span", name);
      if (!value) return found;
      const bar = made("i");
      bar.style.width = `${Math.max(1, 100 * share)}%`;
      found.append(bar, made("b", "", told(value, quantities)));
      return found;
    }

    function drawLadder() {
      if (scene.pool) { ladder.hidden = true; return; }
      const sides = stands(at);
      const bids = [...sides[1]].sort((a, b) => b[0] - a[0]).slice(0, rows);
      const asks = [...sides[0]].sort((a, b) => a[0] - b[0]).slice(0, rows);
      const most = Math.max(1e-12, ...[...bids, ...asks].map((one) => one[1][0]));
      const rung = (side, level) => {
        const row = made("div", `rung ${side}`);
        if (!level) { row.append(made("span"), made("span", "price", "·"), made("span")); return row; }
        const [price, [quantity, theirs]] = level;
        row.append(cell("size", quantity, quantity / most), made("span", "price", told(price, priced)), cell("mine", theirs, theirs / most));
        return row;
      };
      const title = made("div", "rung head");
      title.append(made("span", "size", "all"), made("span", "price", "price"), made("span", "mine", scene.own));
      const spread = made("div", "spread", bids.length && asks.length ? `spread ${told(Number((asks[0][0] - bids[0][0]).toPrecision(10)), grouped)}` : "one side is empty");
      const above = [], below = [];
      for (let place = rows - 1; place >= 0; place--) above.push(rung("sell", asks[place]));
      for (let place = 0; place < rows; place++) below.push(rung("buy", bids[place]));
      ladder.replaceChildren(title, ...above, spread, ...below);
    }

    function drawTape() {
      const lines = [];
      for (let place = at - 1; place >= Math.max(0, at - TAPE); place--) {
        const marks = scene.marks[place];
        const line = made("li", `${marks & 1 ? "theirs" : ""} ${marks & 2 ? "evidence" : ""} ${place === at - 1 ? "now" : ""}`.trim());
        line.append(made("span", "", clock(scene.times[place])), made("span", "", scene.said[place]));
        lines.push(line);
      }
      if (!lines.length) lines.push(made("li", "", "before the first event"));
      tape.replaceChildren(...lines);
    }

    function draw() {
      drawLadder();
      drawTape();
      const share = scene.pool ? at / Math.max(1, many) : now / scene.span;
      const place = scene.pool ? (at ? scene.columns[at - 1] : 0) / Math.max(1, scene.swaps) : share;
      const x = scene.left + Math.min(1, place) * (scene.right - scene.left);
      head.setAttribute("x1", x);
      head.setAttribute("x2", x);
      slider.value = Math.round(1e4 * share);
      when.textContent = `${clock(now)} UTC · ${at.toLocaleString("en")} of ${many.toLocaleString("en")}`;
    }

    function toEvent(count) {
      at = Math.max(0, Math.min(many, count));
      now = at ? reached[at - 1] : 0;
      draw();
    }
    function toShare(share) {
      if (scene.pool) { toEvent(Math.round(share * many)); return; }
      now = Math.max(0, Math.min(1, share)) * scene.span;
      at = upTo(now);
      draw();
    }
    function theirs(step) {
      for (let count = at + step; count > 0 && count <= many; count += step) {
        if (scene.marks[count - 1] & 3) { toEvent(count); return; }
      }
    }

    const whole = scene.span / 1e9;
    const speeds = [["whole in 30 s", whole / 30], ["0.1×", 0.1], ["1×", 1], ["10×", 10], ["60×", 60], ["event by event", 0]];
    if (scene.pool) speed.parentElement.hidden = true;
    speeds.forEach(([name, value]) => {
      const option = made("option", "", name);
      option.value = value;
      speed.append(option);
    });
    function stop() {
      playing = 0;
      play.textContent = "play";
    }
    function tick(then) {
      return (moment) => {
        if (!playing) return;
        const factor = scene.pool ? 0 : Number(speed.value);
        let last = then;
        if (factor) {
          now = Math.min(scene.span, now + (moment - then) * 1e6 * factor);
          at = upTo(now);
          last = moment;
          draw();
          if (now >= scene.span) stop();
        } else if (moment - then > 250) {
          last = moment;
          toEvent(at + 1);
          if (at >= many) stop();
        }
        if (playing) playing = requestAnimationFrame(tick(last));
      };
    }
    function toggle() {
      if (playing) { stop(); return; }
      if (at >= many && now >= (many ? reached[many - 1] : 0)) toEvent(0);
      play.textContent = "pause";
      playing = requestAnimationFrame(tick(performance.now()));
    }

    const actions = {
      back: () => toEvent(at - 1), on: () => toEvent(at + 1), play: toggle,
      "own-back": () => theirs(-1), "own-on": () => theirs(1),
    };
    panel.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-do]");
      if (!button) return;
      if (button.dataset.do !== "play") stop();
      actions[button.dataset.do]();
    });
    panel.addEventListener("keydown", (event) => {
      if (event.target.matches("select, input")) return;
      const name = { ArrowLeft: event.shiftKey ? "own-back" : "back", ArrowRight: event.shiftKey ? "own-on" : "on", " ": "play" }[event.key];
      if (!name || (name === "play" && event.target.matches("button"))) return;
      event.preventDefault();
      if (name !== "play") stop();
      actions[name]();
    });
    slider.addEventListener("input", () => { stop(); toShare(slider.value / 1e4); });
    chart.addEventListener("click", (event) => {
      const box = chart.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * scene.width;
      if (x < scene.left || x > scene.right) return;
      stop();
      const share = (x - scene.left) / (scene.right - scene.left);
      if (!scene.pool) { toShare(share); return; }
      const swap = Math.floor(share * scene.swaps) + 0.5;
      toEvent(scene.columns.findLastIndex((column) => column <= swap) + 1);
    });
    toEvent(0);
    theirs(1);
  }

  const sections = [...document.querySelectorAll("[data-scene]")];
  const scenes = await Promise.all(sections.map((one) => unpack(one.dataset.scene)));
  document.documentElement.classList.add("scripted");
  sections.forEach((section, place) => start(section, scenes[place]));
})();
