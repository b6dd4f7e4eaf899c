// The search box hides the rows that do not contain its text.
const search = document.querySelector("input");
if (search) search.addEventListener("input", () => {
  const wanted = search.value.toLowerCase(), rows = [...document.querySelectorAll("tbody tr")];
  for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  document.querySelector("[role=status]").textContent =
    wanted ? `${rows.filter(row => !row.hidden).length} of ${rows.length} rows` : "";
});

// One player at a time.
document.addEventListener("play", event => {
  for (const player of document.querySelectorAll("audio")) if (player !== event.target) player.pause();
}, true);

for (const player of document.querySelectorAll("audio")) player.addEventListener("error", () => {
  if (!player.nextElementSibling) player.insertAdjacentHTML("afterend", "<p>This browser cannot play the file.</p>");
});

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
