"use strict";
document.documentElement.classList.add("js");

// A pressed name draws its curve in every panel of the latency chart.
for (const button of document.querySelectorAll("button[data-curve]")) {
  button.addEventListener("click", () => {
    const id = "curve-" + button.dataset.curve;
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", on);
    for (const old of document.querySelectorAll(`use.compared[href="#${id}"]`)) old.remove();
    if (!on || !document.getElementById(id)) return;
    for (const svg of button.closest(".panels").querySelectorAll("svg")) {
      const use = document.createElementNS(svg.namespaceURI, "use");
      use.setAttribute("class", "compared");
      use.setAttribute("href", "#" + id);
      svg.append(use);
    }
  });
}

// The pointer over one panel of a chart over time reads all of them at once.
for (const chart of document.querySelectorAll(".series")) {
  const step = Number(chart.dataset.step);
  const panels = [...chart.querySelectorAll("figure")].map((figure) => ({
    values: figure.querySelector("svg").dataset.values.split(" ").filter(Boolean).map(Number),
    cursor: figure.querySelector(".cursor"),
    figure: figure.querySelector("[data-value]"),
    text: figure.querySelector("[data-value]").textContent,
  }));
  const steps = Math.max(...panels.map((p) => p.values.length));
  const left = 40, right = 176;
  chart.addEventListener("pointermove", (event) => {
    const svg = event.target.closest("svg");
    if (!svg) return;
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * 180;
    const at = Math.max(0, Math.min(steps - 1, Math.floor((x - left) / (right - left) * steps)));
    for (const p of panels) {
      const place = left + (at + 0.5) / steps * (right - left);
      p.cursor.setAttribute("x1", place);
      p.cursor.setAttribute("x2", place);
      p.cursor.setAttribute("visibility", "visible");
      p.figure.textContent = `${(at * step).toFixed(2)}s: ${p.values[at] ?? "-"}`;
    }
  });
  chart.addEventListener("pointerleave", () => {
    for (const p of panels) {
      p.cursor.setAttribute("visibility", "hidden");
      p.figure.textContent = p.text;
    }
  });
}
