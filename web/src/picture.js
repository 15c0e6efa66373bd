// Saves the drawing that a page's `png` link names, as it looks now.

const kept = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linejoin", "font",
  "text-anchor", "paint-order", "display", "visibility", "opacity", "letter-spacing", "vector-effect", "dominant-baseline",
];

function frozen(svg) {
  const copy = svg.cloneNode(true);
  const from = [svg, ...svg.querySelectorAll("*")];
  const to = [copy, ...copy.querySelectorAll("*")];
  from.forEach((node, i) => {
    const look = getComputedStyle(node);
    to[i].setAttribute("style", kept.map((name) => `${name}:${look.getPropertyValue(name)}`).join(";"));
  });
  return copy;
}

async function paint(svgs, scale) {
  const boxes = svgs.map((svg) => svg.getBoundingClientRect());
  const left = Math.min(...boxes.map((b) => b.left));
  const top = Math.min(...boxes.map((b) => b.top));
  const width = Math.max(...boxes.map((b) => b.right)) - left;
  const height = Math.max(...boxes.map((b) => b.bottom)) - top;
  const margin = 20;
  const canvas = document.createElement("canvas");
  canvas.width = (width + 2 * margin) * scale;
  canvas.height = (height + 2 * margin) * scale;
  const pen = canvas.getContext("2d");
  pen.fillStyle = getComputedStyle(document.body).backgroundColor;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.scale(scale, scale);
  for (const [i, svg] of svgs.entries()) {
    const copy = frozen(svg);
    copy.setAttribute("width", boxes[i].width);
    copy.setAttribute("height", boxes[i].height);
    const picture = new Image();
    picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
    await picture.decode();
    pen.drawImage(picture, boxes[i].left - left + margin, boxes[i].top - top + margin, boxes[i].width, boxes[i].height);
  }
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

export function savePictures() {
  for (const button of document.querySelectorAll("[data-png]")) {
    button.addEventListener("click", async () => {
      const svgs = [...document.querySelectorAll(button.dataset.png)].filter((svg) => svg.getBoundingClientRect().width);
      const blob = await paint(svgs, Math.max(2, devicePixelRatio));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = button.dataset.name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    });
  }
}
