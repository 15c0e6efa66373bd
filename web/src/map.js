// The map that moves: MapLibre over the same areas and classes as the drawing; no tiles, no outside host.
import { Map, NavigationControl, setWorkerUrl } from "maplibre-gl";

setWorkerUrl(new URL(MAP_WORKER, import.meta.url).href);

export const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The map's own style sheet, loaded once. */
export function style() {
  if (document.querySelector("link[data-map]")) return Promise.resolve();
  return new Promise((done, failed) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = new URL(MAP_STYLE, import.meta.url).href;
    link.dataset.map = "";
    link.onload = done;
    link.onerror = failed;
    document.head.append(link);
  });
}

/** Colours are read from the drawing, so that both show the same classes in either theme. */
function colours(box) {
  const found = {};
  for (const area of box.querySelectorAll("svg.map a[data-code]")) {
    found[area.dataset.code] = getComputedStyle(area.querySelector("path")).fill;
  }
  return found;
}

function extent(features) {
  const edge = [Infinity, Infinity, -Infinity, -Infinity];
  const walk = (c) => {
    if (typeof c[0] === "number") {
      edge[0] = Math.min(edge[0], c[0]);
      edge[1] = Math.min(edge[1], c[1]);
      edge[2] = Math.max(edge[2], c[0]);
      edge[3] = Math.max(edge[3], c[1]);
    } else c.forEach(walk);
  };
  features.forEach((f) => walk(f.geometry.coordinates));
  return [[edge[0], edge[1]], [edge[2], edge[3]]];
}

/** Places under what the map shows, where the button names them; nothing where they cannot be had. */
async function ground(address) {
  const none = { type: "FeatureCollection", features: [] };
  if (!address) return none;
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(20_000) });
    return answer.ok ? await answer.json() : none;
  } catch {
    return none;
  }
}

export async function openMap(button) {
  const box = button.closest(".mapbox");
  const svg = box.querySelector("svg.map");
  const [answer] = await Promise.all([
    fetch(button.dataset.mapOpen, { signal: AbortSignal.timeout(20_000) }),
    style(),
  ]);
  if (!answer.ok) throw new Error(`areas: ${answer.status}`);
  const areas = await answer.json();
  const under = await ground(button.dataset.ground);
  const fills = () => {
    const look = colours(box);
    return {
      ...areas,
      features: areas.features.map((f) => ({ ...f, properties: { code: f.properties.code, name: f.properties.name, fill: look[f.properties.code] ?? token("--none") } })),
    };
  };
  const live = document.createElement("div");
  live.className = "live";
  live.setAttribute("role", "region");
  live.setAttribute("aria-label", button.dataset.name);
  box.append(live);
  const data = fills();
  const map = new Map({
    container: live,
    style: {
      version: 8,
      sources: { areas: { type: "geojson", data }, under: { type: "geojson", data: under } },
      layers: [
        { id: "ground", type: "background", paint: { "background-color": token("--paper") } },
        { id: "land", type: "fill", source: "under", paint: { "fill-color": token("--none"), "fill-outline-color": token("--paper") } },
        { id: "areas", type: "fill", source: "areas", paint: { "fill-color": ["get", "fill"] } },
        { id: "lines", type: "line", source: "areas", paint: { "line-color": token("--paper"), "line-width": 0.8 } },
        { id: "pointed", type: "line", source: "areas", filter: ["==", ["get", "code"], ""], paint: { "line-color": token("--ink"), "line-width": 2 } },
        { id: "spots", type: "circle", source: "areas", filter: ["==", ["geometry-type"], "Point"], paint: { "circle-color": ["get", "fill"], "circle-radius": 6, "circle-stroke-color": token("--paper"), "circle-stroke-width": 1 } },
      ],
    },
    bounds: extent(areas.features),
    fitBoundsOptions: { padding: 8, maxZoom: 13 },
    attributionControl: { compact: false, customAttribution: button.dataset.credit ? [button.dataset.credit] : [] },
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    cooperativeGestures: false,
    fadeDuration: 0,
  });
  map.addControl(new NavigationControl({ showCompass: false }), "top-right");
  const card = box.querySelector(".card.moving");
  const point = (code) => {
    const area = code && svg.querySelector(`a[data-code="${CSS.escape(code)}"]`);
    map.setFilter("pointed", ["==", ["get", "code"], code ?? ""]);
    return area;
  };
  for (const layer of ["areas", "spots"]) {
    map.on("mousemove", layer, (event) => {
      const code = event.features[0].properties.code;
      map.getCanvas().style.cursor = "pointer";
      const area = point(code);
      if (area && card) {
        area.dispatchEvent(new PointerEvent("pointerenter"));
        card.style.left = `${Math.min(event.point.x + 12, live.clientWidth - card.offsetWidth)}px`;
        card.style.top = `${Math.min(event.point.y + 12, live.clientHeight - card.offsetHeight)}px`;
        card.style.zIndex = 3;
      }
    });
    map.on("mouseleave", layer, () => {
      map.getCanvas().style.cursor = "";
      point(null);
      if (card && !card.matches(":hover")) card.hidden = true;
    });
    map.on("click", layer, (event) => {
      const area = svg.querySelector(`a[data-code="${CSS.escape(event.features[0].properties.code)}"]`);
      if (area) location.assign(area.getAttribute("href"));
    });
  }
  document.addEventListener("themechange", () => {
    map.getSource("areas")?.setData(fills());
    map.setPaintProperty("ground", "background-color", token("--paper"));
    map.setPaintProperty("land", "fill-color", token("--none"));
    map.setPaintProperty("lines", "line-color", token("--paper"));
    map.setPaintProperty("pointed", "line-color", token("--ink"));
  });
  button.hidden = true;
  await new Promise((done) => map.once("idle", done));
  box.dataset.live = "ready";
}
