"use strict";
(() => {
  const player = document.getElementById("player");
  if (!player) return;
  const frames = [...document.querySelectorAll("template[data-epoch]")];
  const [stage, readout, slider, play] = ["stage", "readout", "slider", "play"].map((id) => document.getElementById(id));
  let shown = frames.length - 1;
  let timer = null;

  const show = (position) => {
    shown = Math.max(0, Math.min(frames.length - 1, position));
    const content = frames[shown].content.cloneNode(true);
    const left = stage.scrollLeft;
    readout.replaceChildren(...content.querySelector(".readout").childNodes);
    content.querySelector(".readout").remove();
    stage.replaceChildren(content);
    stage.scrollLeft = left;
    slider.value = shown;
    slider.setAttribute("aria-valuetext", frames[shown].dataset.name);
    player.dataset.epoch = frames[shown].dataset.epoch;
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.setAttribute("aria-label", "play");
    play.querySelector("path").setAttribute("d", play.dataset.play);
  };
  const start = () => {
    if (shown === frames.length - 1) show(0);
    timer = setInterval(() => (shown + 1 < frames.length ? show(shown + 1) : stop()), 700);
    play.setAttribute("aria-label", "pause");
    play.querySelector("path").setAttribute("d", play.dataset.pause);
  };
  const go = (position) => {
    stop();
    show(position);
    try {
      history.replaceState(null, "", `#epoch=${frames[shown].dataset.epoch}`);
    } catch {
      // Some browsers refuse to change the address of a local file; the picture changes all the same.
    }
  };
  const toggle = () => (timer === null ? start() : stop());
  const actions = {
    ArrowLeft: () => go(shown - 1),
    ArrowRight: () => go(shown + 1),
    Home: () => go(0),
    End: () => go(frames.length - 1),
    " ": toggle,
  };
  const visible = () => {
    const box = player.getBoundingClientRect();
    return box.top < window.innerHeight * 0.75 && box.bottom > window.innerHeight * 0.25;
  };
  document.addEventListener("keydown", (event) => {
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const onControl = event.target instanceof Element && event.target.closest("button, a, summary");
    if (event.key === " " && onControl) return;
    if (!player.contains(event.target) && !visible()) return;
    event.preventDefault();
    action();
  });
  slider.addEventListener("input", () => go(Number(slider.value)));
  play.addEventListener("click", toggle);
  for (const button of player.querySelectorAll("button[data-key]")) {
    button.addEventListener("click", actions[button.dataset.key]);
  }
  const followAddress = () => {
    const match = /^#epoch=(\d+)$/.exec(location.hash);
    const position = match ? frames.findIndex((frame) => Number(frame.dataset.epoch) === Number(match[1])) : -1;
    if (position >= 0) show(position);
  };
  window.addEventListener("hashchange", followAddress);
  document.documentElement.classList.add("js");
  show(shown);
  followAddress();
})();
