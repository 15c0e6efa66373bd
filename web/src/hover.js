// Pointing at an area of the drawn map shows its card, whose mark leads to the figure's pedigree; arrow keys walk from
// neighbour to neighbour, Tab goes into the card.

/** The card's lines come from the area itself: what the page shows without a script as a title. */
function fill(card, area, svg) {
  card.replaceChildren();
  const name = document.createElement("b");
  name.textContent = area.dataset.name;
  card.append(name);
  const value = document.createElement("div");
  value.className = "figure";
  if (area.dataset.value) {
    const number = document.createElement("b");
    number.textContent = area.dataset.value;
    const unit = document.createElement("span");
    unit.className = "unit";
    unit.textContent = ` ${area.dataset.unit}`;
    value.append(number, unit, ...mark(area, svg));
  } else {
    value.textContent = area.dataset.none;
    value.classList.add("refused");
  }
  card.append(value);
  for (const text of [area.dataset.rank, area.dataset.labels]) {
    if (!text) continue;
    const line = document.createElement("div");
    line.className = "quiet";
    line.textContent = text;
    card.append(line);
  }
}

/** The three-root mark beside the figure, as on every other figure of the page. */
function mark(area, svg) {
  if (!svg.dataset.pedigree || !area.dataset.key) return [];
  const link = document.createElement("a");
  link.className = "mark";
  link.href = svg.dataset.pedigree.replace("KEY", area.dataset.key);
  link.dataset.drawer = "";
  link.setAttribute("aria-label", `${area.dataset.name} ${svg.dataset.mark}`);
  const roots = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  roots.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", "#roots");
  roots.append(use);
  link.append(roots);
  return [link];
}

const LINGER = 260; // ms between leaving an area and the card's end: time to reach its mark

function nearest(areas, from, dx, dy) {
  const [x, y] = from.dataset.at.split(",").map(Number);
  let best = null;
  let least = Infinity;
  for (const area of areas) {
    if (area === from) continue;
    const [ax, ay] = area.dataset.at.split(",").map(Number);
    const along = (ax - x) * dx + (ay - y) * dy;
    const aside = Math.abs((ax - x) * dy) + Math.abs((ay - y) * dx);
    if (along <= 0) continue;
    const cost = along + 2.2 * aside;
    if (cost < least) [best, least] = [area, cost];
  }
  return best;
}

const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function watch(box) {
  const svg = box.querySelector("svg.map");
  const areas = [...svg.querySelectorAll("a[data-name]")];
  if (!areas.length) return;
  const card = document.createElement("div");
  card.className = "card moving";
  card.hidden = true;
  svg.after(card); // Tab leads from an area into its card
  const outline = svg.querySelector(".pointed");
  const still = box.querySelector(".card:not(.moving)");

  let ending = 0;
  const show = (area) => {
    clearTimeout(ending);
    fill(card, area, svg);
    card.hidden = false;
    const edge = box.getBoundingClientRect();
    const spot = area.getBoundingClientRect();
    const middle = spot.left + spot.width / 2 - edge.left;
    const above = spot.top - edge.top - card.offsetHeight - 8;
    card.style.left = `${Math.max(0, Math.min(middle - card.offsetWidth / 2, edge.width - card.offsetWidth))}px`;
    card.style.top = `${above >= 0 ? above : spot.bottom - edge.top + 8}px`;
    outline?.setAttribute("d", area.querySelector("path").getAttribute("d"));
    if (still) still.style.visibility = "hidden";
  };
  const hide = () => {
    clearTimeout(ending);
    card.hidden = true;
    outline?.setAttribute("d", "");
    if (still) still.style.visibility = "";
  };
  const linger = () => {
    clearTimeout(ending);
    ending = setTimeout(() => card.contains(document.activeElement) || hide(), LINGER);
  };
  card.addEventListener("pointerenter", () => clearTimeout(ending));
  card.addEventListener("pointerleave", linger);
  card.addEventListener("focusout", (event) => card.contains(event.relatedTarget) || hide());
  card.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    areas.find((area) => area.getAttribute("tabindex") === "0")?.focus();
    hide();
  });

  const first = areas.find((a) => a.hasAttribute("data-chosen")) ?? areas[0];
  const stop = (area) => areas.forEach((a) => a.setAttribute("tabindex", a === area ? "0" : "-1"));
  stop(first);
  for (const area of areas) {
    area.querySelector("title")?.remove(); // the card says it, and sooner
    area.addEventListener("pointerenter", () => show(area));
    area.addEventListener("pointerleave", linger);
    area.addEventListener("focus", () => {
      stop(area);
      if (area.matches(":focus-visible")) show(area);
    });
    area.addEventListener("blur", (event) => card.contains(event.relatedTarget) || hide());
    area.addEventListener("keydown", (event) => {
      if (event.key === "Escape") hide();
      const step = steps[event.key];
      if (!step) return;
      event.preventDefault();
      nearest(areas, area, ...step)?.focus();
    });
  }
}

export function watchMaps() {
  document.querySelectorAll(".mapbox").forEach((box) => {
    if (box.querySelector("svg.map")) watch(box);
  });
}
