"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const frames = [...document.querySelectorAll(".frame")];
  const links = [...document.querySelectorAll("#steps a")];
  const [at, typed, help, play] = ["at", "typed", "help", "play"].map(byId);
  const [listButton, wordsButton] = [byId("list-button"), byId("words-button")];
  const bar = document.querySelector("#progress i");
  const narrow = window.matchMedia("(max-width: 48rem)");
  const asking = frames.map((frame) => frame.querySelector(".question") !== null);
  const quizzes = frames.map((frame) => frame.querySelector("form.quiz"));
  let shown = 0;
  let furthest = 0;
  let timer = null;
  let digits = "";

  // One frame in view -------------------------------------------------------------------------------------------------

  // Where the picture is wider than the screen, what lights up in it is brought into view.
  const root = getComputedStyle(document.documentElement);
  const [accent, accentFill, ink] = ["--accent", "--accent-fill", "--ink"].map((name) => root.getPropertyValue(name).trim());
  const lit = `[fill="${accentFill}"]` + (accent === ink ? "" : `, [stroke="${accent}"]`);
  const follow = (picture) => {
    if (picture.scrollWidth <= picture.clientWidth + 1) return;
    const boxes = [...picture.querySelectorAll(lit)].map((each) => each.getBoundingClientRect());
    if (!boxes.length) return;
    const [left, right] = [Math.min(...boxes.map((box) => box.left)), Math.max(...boxes.map((box) => box.right))];
    const pane = picture.getBoundingClientRect();
    if (left >= pane.left && right <= pane.right) return;
    picture.scrollBy(left + right - (pane.left + pane.right) > 0 ? right - pane.right + 60 : left - pane.left - 60, 0);
  };

  const show = (position) => {
    const old = frames[shown];
    shown = Math.max(0, Math.min(frames.length - 1, position));
    const frame = frames[shown];
    const [from, to] = [old, frame].map((each) => each.querySelector(".picture"));
    const [left, top] = [from.scrollLeft, from.scrollTop];
    old.classList.remove("shown");
    frame.classList.add("shown");
    to.scrollTo(left, top);
    follow(to);
    frame.querySelector(".words").scrollTo(0, 0);
    furthest = Math.max(furthest, shown);
    const open = asking.findIndex((asks, index) => asks && index >= furthest); // the first question without its answer
    links.forEach((link, index) => {
      link.classList.toggle("secret", open >= 0 && index > open && !asking[index]);
      if (index === shown) link.setAttribute("aria-current", "step");
      else link.removeAttribute("aria-current");
    });
    links[shown].scrollIntoView({ block: "nearest" });
    at.textContent = shown + 1;
    bar.style.width = `${(100 * (shown + 1)) / frames.length}%`;
    const words = [...frame.querySelectorAll(".words h2, .words p:not(.feedback)")].map((each) => each.textContent);
    byId("announcement").textContent = `Step ${shown + 1} of ${frames.length}: ${words.join(". ")}`;
    if (old !== frame && old.contains(document.activeElement)) document.activeElement.blur();
    if (old !== frame && quizzes[shown]) clear(quizzes[shown]);
  };

  const remember = (change) => {
    try {
      history[change](null, "", `#${shown + 1}`);
    } catch {
      // Some places (a notebook's frame) have no address to change; the picture changes all the same.
    }
  };

  const go = (position) => {
    stop();
    const before = shown;
    show(position);
    if (shown !== before) remember("pushState");
  };

  const followAddress = () => {
    const match = /^#(\d{1,6})$/.exec(location.hash);
    stop();
    show(match ? Number(match[1]) - 1 : 0);
  };

  // Playing by itself -------------------------------------------------------------------------------------------------

  function stop() {
    clearTimeout(timer);
    timer = null;
    play.setAttribute("aria-label", "play");
    play.querySelector("path").setAttribute("d", play.dataset.play);
  }

  const wait = () => {
    timer = setTimeout(() => {
      show(shown + 1);
      remember("replaceState");
      if (shown === frames.length - 1 || asking[shown]) stop(); // a question waits for its answer
      else wait();
    }, Number(frames[shown].dataset.seconds) * 1000);
  };

  const toggle = () => {
    if (timer !== null) return stop();
    if (shown === frames.length - 1) go(0);
    play.setAttribute("aria-label", "pause");
    play.querySelector("path").setAttribute("d", play.dataset.pause);
    if (asking[shown]) go(shown + 1);
    wait();
  };

  // What can be shown or hidden ---------------------------------------------------------------------------------------

  const setList = (open) => {
    document.body.classList.toggle("listed", open);
    listButton.setAttribute("aria-expanded", open);
    if (open) links[shown].scrollIntoView({ block: "nearest" });
  };
  // Beside the list, a wide picture would be too small to read: then the list waits until it is asked for.
  const roomy = () => {
    const width = Number(root.getPropertyValue("--width"));
    return !narrow.matches && 0.75 * window.innerWidth > 0.8 * width;
  };
  const toggleList = () => setList(!document.body.classList.contains("listed"));
  const toggleWords = () => {
    const quiet = document.body.classList.toggle("quiet");
    wordsButton.setAttribute("aria-pressed", !quiet);
  };
  const toggleScreen = () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen?.()?.catch(() => {}); // not every frame may
  };
  const toggleHelp = () => (help.open ? help.close() : help.showModal());

  const type = (text) => {
    digits = text.slice(0, 6);
    typed.textContent = `→ ${digits}`;
    typed.hidden = digits === "";
  };

  // Questions ---------------------------------------------------------------------------------------------------------

  const say = (form, text) => {
    form.parentElement.querySelector(".feedback").textContent = text;
  };
  function clear(form) {
    form.reset();
    say(form, "");
  }
  const ask = (form, index) => {
    const field = form.querySelector("input");
    const question = JSON.parse(form.dataset.quiz);
    const hint = () => {
      say(form, question.hint);
      field.focus();
    };
    form.querySelector(".hint").addEventListener("click", hint);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = field.value.trim();
      if (text === "?") {
        field.value = "";
        return hint();
      }
      const verdict = text === "" ? null : quiz.judge(question, text);
      if (verdict && !verdict.right) {
        say(form, verdict.say);
        return field.select();
      }
      const answer = frames[index + 1]?.querySelector(".answer");
      if (verdict && answer) answer.textContent = answer.textContent.replace(/^Answer:/, "Right:");
      go(index + 1);
    });
  };
  quizzes.forEach((form, index) => form && ask(form, index));

  // Keys, buttons, fingers --------------------------------------------------------------------------------------------

  const actions = {
    ArrowRight: () => go(shown + 1),
    PageDown: () => go(shown + 1),
    " ": () => go(shown + 1),
    ArrowLeft: () => go(shown - 1),
    PageUp: () => go(shown - 1),
    Home: () => go(0),
    End: () => go(frames.length - 1),
    p: toggle,
    l: toggleList,
    n: toggleWords,
    f: toggleScreen,
    "?": toggleHelp,
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || (help.open && event.key !== "?")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const control = event.target instanceof Element && event.target.closest("button, a");
    if (event.target instanceof HTMLInputElement) {
      // While an answer is typed the keys are the field's, but for those that turn pages.
      if (key === "Escape") event.target.blur();
      const turns = key.startsWith("Page") || (/^Arrow(Left|Right)$/.test(key) && event.target.value === "");
      if (!turns) return;
    }
    if (/^\d$/.test(key)) {
      type(digits + key);
    } else if (key === "Enter" && digits) {
      const wanted = Number(digits);
      type("");
      go(wanted - 1);
    } else if (key === "Enter" && asking[shown] && !control) {
      if (quizzes[shown]) quizzes[shown].querySelector("input").focus();
      else go(shown + 1);
    } else if (key === "Backspace" && digits) {
      type(digits.slice(0, -1));
    } else if (key === "Escape" && digits) {
      type("");
    } else if (key === "Escape" && narrow.matches) {
      setList(false);
      return;
    } else if (Object.hasOwn(actions, key) && !(key === " " && control)) {
      type("");
      actions[key]();
    } else {
      return;
    }
    event.preventDefault();
  });

  for (const button of document.querySelectorAll("[data-key]")) {
    button.addEventListener("click", () => actions[button.dataset.key]());
  }
  links.forEach((link, index) => {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      go(index);
      if (narrow.matches) setList(false);
    });
  });
  help.addEventListener("click", (event) => event.target === help && help.close());

  let touch = null;
  const deck = byId("deck");
  const measure = () => {
    const picture = frames[shown].querySelector(".picture");
    deck.classList.toggle("wide", picture.scrollWidth > picture.clientWidth + 1);
  };
  deck.addEventListener(
    "touchstart",
    (event) => {
      const picture = frames[shown].querySelector(".picture");
      const [finger] = event.touches;
      const rest = picture.scrollWidth - picture.clientWidth - picture.scrollLeft;
      // A picture that is wider than the screen is moved first, and left only from its edge.
      touch = event.touches.length > 1 ? null : { x: finger.clientX, y: finger.clientY, back: picture.scrollLeft < 2, on: rest < 2 };
    },
    { passive: true },
  );
  deck.addEventListener("touchend", (event) => {
    if (!touch || event.touches.length) return;
    const [finger] = event.changedTouches;
    const [dx, dy] = [finger.clientX - touch.x, finger.clientY - touch.y];
    const far = Math.abs(dx) > 40 && Math.abs(dx) > 2 * Math.abs(dy) && (window.visualViewport?.scale ?? 1) < 1.05;
    if (far && dx < 0 && touch.on) go(shown + 1);
    if (far && dx > 0 && touch.back) go(shown - 1);
    touch = null;
  });

  window.addEventListener("resize", measure);
  window.addEventListener("hashchange", followAddress);
  window.addEventListener("popstate", followAddress);
  narrow.addEventListener("change", () => setList(roomy()));
  document.documentElement.classList.add("js");
  setList(roomy());
  followAddress();
  measure();
})();
