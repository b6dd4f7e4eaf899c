// The search box hides the rows, and the sections with a player, that do not contain its text.
const search = document.querySelector("input");
if (search) search.addEventListener("input", () => {
  const wanted = search.value.toLowerCase(), rows = [...document.querySelectorAll("tbody tr")];
  const sections = [...document.querySelectorAll("section")].filter(section => section.querySelector(".audio-figure"));
  for (const part of [...rows, ...sections]) part.hidden = !part.textContent.toLowerCase().includes(wanted);
  document.querySelector("[role=status]").textContent =
    wanted ? `${rows.filter(row => !row.hidden).length} of ${rows.length} rows` : "";
});

// The heading of a column sorts the rows: numbers from the largest, words from A. A second click reverses the order.
for (const table of document.querySelectorAll("table")) {
  const headings = [...table.querySelectorAll("th")], body = table.tBodies[0];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const cells = [...body.rows].map(row => row.cells[column]);
      const isNumber = cells.some(cell => cell.className === "number");
      const value = row => isNumber ? Number(row.cells[column].textContent.replaceAll(",", "")) : row.cells[column].textContent;
      const order = heading.getAttribute("aria-sort") === (isNumber ? "descending" : "ascending") ? -1 : 1;
      const compare = isNumber ? (a, b) => value(b) - value(a) : (a, b) => value(a).localeCompare(value(b));
      body.append(...[...body.rows].sort((a, b) => order * compare(a, b)));
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", (order === 1) === isNumber ? "descending" : "ascending");
    });
  });
}

// One player at a time.
document.addEventListener("play", event => {
  for (const player of document.querySelectorAll("audio")) if (player !== event.target) player.pause();
}, true);

for (const player of document.querySelectorAll("audio")) player.addEventListener("error", () => {
  if (!player.nextElementSibling) player.insertAdjacentHTML("afterend", "<p>This browser cannot play the file.</p>");
});

// A player with an address reads the length of its file only once it is near the window: a page may have a thousand.
const nearby = new IntersectionObserver(entries => {
  for (const entry of entries) if (entry.isIntersecting) {
    entry.target.preload = "metadata";
    nearby.unobserve(entry.target);
  }
}, {rootMargin: "500px"});
for (const player of document.querySelectorAll(".audio-figure audio[preload=none]")) nearby.observe(player);

// The cursor of a figure follows its player. A click into the plot or a key moves both.
for (const figure of document.querySelectorAll(".audio-figure")) {
  const [plot, cursor, player] = [".plot", ".cursor", "audio"].map(selector => figure.querySelector(selector));
  const [seconds, left, right] = ["seconds", "left", "right"].map(name => Number(plot.dataset[name]));
  // Position of a seek that has not ended; null if there is none.
  let target = null;
  const position = () => target ?? player.currentTime;
  const moveCursor = () => {
    const at = Math.min(position(), seconds);
    cursor.style.left = `${100 * (left + (right - left) * at / seconds)}%`;
    cursor.setAttribute("aria-valuenow", at.toFixed(1));
    cursor.setAttribute("aria-valuetext", `${at.toFixed(1)} seconds`);
  };
  const follow = () => { moveCursor(); if (!player.paused) requestAnimationFrame(follow); };
  // One seek at a time: Chromium may stop playing for good if seeks overlap. Only the last position is kept.
  const seek = at => {
    target = Math.max(0, Math.min(seconds, at));
    if (!player.seeking) player.currentTime = target;
    moveCursor();
  };
  player.addEventListener("play", follow);
  player.addEventListener("seeked", () => {
    if (target !== null && Math.abs(player.currentTime - target) > 0.01) player.currentTime = target;
    else target = null;
    moveCursor();
  });
  plot.addEventListener("click", event => {
    const box = plot.getBoundingClientRect();
    seek(seconds * ((event.clientX - box.left) / box.width - left) / (right - left));
    cursor.focus();
  });
  const keys = {
    ArrowLeft: () => seek(position() - 0.5), ArrowRight: () => seek(position() + 0.5),
    Home: () => seek(0), End: () => seek(seconds), " ": () => player.paused ? player.play() : player.pause(),
  };
  cursor.addEventListener("keydown", event => {
    if (event.key in keys) { event.preventDefault(); keys[event.key](); }
  });
  moveCursor();
}
