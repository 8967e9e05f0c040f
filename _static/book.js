// Boxes that scroll can be reached, and scrolled, with the keyboard.
(() => {
  "use strict";

  const BOXES = [
    "pre",
    "div.math",
    ".output",
    ".pst-scrollable-table-container",
  ]
    .map((box) => `.bd-article ${box}`)
    .join(", ");

  const mark = () => {
    for (const box of document.querySelectorAll(BOXES)) {
      if (box.scrollWidth > box.clientWidth + 1) {
        box.tabIndex = 0;
      } else if (box.getAttribute("tabindex") === "0") {
        box.removeAttribute("tabindex");
      }
    }
  };

  const start = async () => {
    mark();
    addEventListener("resize", mark);
    // A folded solution has no size until it is opened.
    document.addEventListener("toggle", mark, true);
    document.addEventListener("click", () => requestAnimationFrame(mark));
    await window.MathJax?.startup?.promise;
    mark();
  };

  addEventListener("load", start);
})();
