// What the theme leaves out for readers who use a keyboard or a screen reader.
(() => {
  "use strict";

  const BOXES = [
    "pre",
    "div.math",
    "mjx-container",
    ".output",
    ".pst-scrollable-table-container",
  ]
    .map((box) => `.bd-article ${box}`)
    .join(", ");

  // A formula in a line of text does not break: on a phone, one that is wider
  // than the text becomes a box that scrolls.
  const fence = () => {
    const inline = '.bd-article mjx-container:not([display="true"])';
    for (const formula of document.querySelectorAll(inline)) {
      formula.classList.remove("d2l-wide");
      const text = formula.closest("p, li, dd, td, th, figcaption, div");
      const wide = formula.getBoundingClientRect().width;
      formula.classList.toggle("d2l-wide", wide > text.clientWidth);
    }
  };

  // Boxes that scroll can be reached, and then scrolled, with the keyboard.
  const mark = () => {
    fence();
    for (const box of document.querySelectorAll(BOXES)) {
      if (box.scrollWidth > box.clientWidth + 1) {
        box.tabIndex = 0;
      } else if (box.getAttribute("tabindex") === "0") {
        box.removeAttribute("tabindex");
      }
    }
  };

  // The arrows that unfold a chapter say which one.
  const name = () => {
    for (const fold of document.querySelectorAll(".bd-links summary")) {
      const chapter = fold.parentElement.parentElement.querySelector("a");
      fold.setAttribute("aria-label", `Sections of ${chapter.textContent}`);
    }
  };

  // The search leaves numbers out: the number of a section becomes its title.
  const number = () => {
    if (typeof Search === "undefined") return;
    const { query } = Search;
    Search.query = (asked) => {
      const titles = Object.keys(Search._index.alltitles);
      query(titles.find((one) => one.startsWith(`${asked.trim()} `)) ?? asked);
    };
  };

  // Paper is white, whatever the screen is.
  const print = () => {
    const { dataset } = document.documentElement;
    let chosen;
    addEventListener("beforeprint", () => {
      chosen ??= dataset.theme;
      dataset.theme = "light";
    });
    addEventListener("afterprint", () => {
      dataset.theme = chosen ?? dataset.theme;
      chosen = undefined;
    });
  };

  const start = async () => {
    print();
    name();
    mark();
    addEventListener("resize", mark);
    // A folded solution has no size until it is opened.
    document.addEventListener("toggle", mark, true);
    document.addEventListener("click", () => requestAnimationFrame(mark));
    await window.MathJax?.startup?.promise;
    mark();
  };

  document.addEventListener("DOMContentLoaded", number);
  addEventListener("load", start);
})();
