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
  const moveCursor = () => {
    const at = Math.min(player.currentTime, seconds);
    cursor.style.left = `${100 * (left + (right - left) * at / seconds)}%`;
    cursor.setAttribute("aria-valuenow", at.toFixed(1));
    cursor.setAttribute("aria-valuetext", `${at.toFixed(1)} seconds`);
  };
  const follow = () => { moveCursor(); if (!player.paused) requestAnimationFrame(follow); };
  const seek = at => { player.currentTime = Math.max(0, Math.min(seconds, at)); moveCursor(); };
  player.addEventListener("play", follow);
  player.addEventListener("seeked", moveCursor);
  plot.addEventListener("click", event => {
    const box = plot.getBoundingClientRect();
    seek(seconds * ((event.clientX - box.left) / box.width - left) / (right - left));
    cursor.focus();
  });
  const keys = {
    ArrowLeft: () => seek(player.currentTime - 0.5), ArrowRight: () => seek(player.currentTime + 0.5),
    Home: () => seek(0), End: () => seek(seconds), " ": () => player.paused ? player.play() : player.pause(),
  };
  cursor.addEventListener("keydown", event => {
    if (event.key in keys) { event.preventDefault(); keys[event.key](); }
  });
  moveCursor();
}
