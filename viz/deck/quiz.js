"use strict";
// Judges what is typed into a question, as judging.py does, and reads it as reading.py does. All words come from there.
const quiz = (() => {
  const FRACTIONS = { "½": " 1/2", "⅓": " 1/3", "⅔": " 2/3", "¼": " 1/4", "¾": " 3/4", "⅕": " 1/5", "⅛": " 1/8" };
  const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  const DIGITS = "([0-9]+\\.?[0-9]*(?:e[+-]?[0-9]{1,3})?|\\.[0-9]+(?:e[+-]?[0-9]{1,3})?|inf|nan)";
  const ATOM = `${DIGITS}(?:\\^([+-]?[0-9]{1,3}))?(?:\\s*[×·*]\\s*10\\^([+-]?[0-9]{1,3}))?`;
  const TOKEN = new RegExp(`[\\s,]*(?:([\\[\\]();])|([+-]?)\\s*${ATOM}(?:\\s*/\\s*([+-]?)\\s*${ATOM})?(?![\\w.]))`, "y");
  const MOST_TYPED = 2000;
  const DEEPEST = 4;

  const lowered = (text) =>
    [...text].map((c) => (c === "⁻" ? "-" : c === "⁺" ? "+" : String(RAISED.indexOf(c)))).join("");
  const atom = (sign, digits, power, ten) => {
    let value = digits === "inf" ? Infinity : digits === "nan" ? NaN : Number(digits);
    if (power !== undefined) value **= Number(power);
    if (ten !== undefined) {
      const plain = Number.isFinite(value) && !String(value).includes("e");
      value = plain ? Number(`${value}e${Number(ten)}`) : value * 10 ** Number(ten);
    }
    return sign === "-" ? -value : value;
  };
  const rowsOf = (rows) => (rows.length > 1 ? rows.filter((row) => row.length) : rows[0]);
  const rectangle = (found) => {
    if (!Array.isArray(found)) return [];
    const shapes = found.map(rectangle);
    if (shapes.includes(null) || new Set(shapes.map(String)).size > 1) return null;
    return [found.length, ...(shapes[0] ?? [])];
  };

  const read = (text) => {
    if (text.length > MOST_TYPED) return null;
    const plain = text
      .slice(text.lastIndexOf("=") + 1)
      .replace(/[−–‒]/g, "-")
      .toLowerCase()
      .replaceAll("∞", "inf")
      .replaceAll("infinity", "inf")
      .replace(/[½⅓⅔¼¾⅕⅛]/g, (c) => FRACTIONS[c])
      .replace(/[⁻⁺⁰¹²³⁴-⁹]+/g, (c) => `^${lowered(c)}`);
    const stack = [[[]]]; // for each open bracket its rows
    TOKEN.lastIndex = 0;
    let place = 0;
    for (let match = TOKEN.exec(plain); match; match = TOKEN.exec(plain)) {
      place = TOKEN.lastIndex;
      const mark = match[1];
      const rows = stack.at(-1);
      if (mark === undefined) {
        const below = match[7] === undefined ? 1 : atom(match[6], match[7], match[8], match[9]);
        if (below === 0) return null;
        rows.at(-1).push(atom(match[2], match[3], match[4], match[5]) / below);
      } else if (mark === ";") {
        rows.push([]);
      } else if ("[(".includes(mark)) {
        stack.push([[]]);
      } else if (stack.length === 1) {
        return null;
      } else {
        const inner = rowsOf(stack.pop());
        stack.at(-1).at(-1).push(inner);
      }
    }
    if (stack.length > 1 || !/^[\s,]*$/.test(plain.slice(place))) return null;
    let found = rowsOf(stack[0]);
    const inOneLine = stack[0].length === 1 && !found.some(Array.isArray);
    if (found.length === 1 && Array.isArray(found[0])) found = found[0];
    const shape = rectangle(found);
    if (shape === null || shape.includes(0) || shape.length > DEEPEST) return null;
    return { numbers: found.flat(DEEPEST), shape: inOneLine ? null : shape };
  };

  const written = (value) => {
    if (Number.isNaN(value)) return "nan";
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
    const trimmed = (digits) => (digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits).replace("-", "−");
    const size = Math.abs(value);
    if (Number.isInteger(value) && size < 1e5) return trimmed(String(value + 0));
    const plain = value.toPrecision(4);
    if (size >= 1e-4 && size < 1e5 && !plain.includes("e")) return trimmed(plain);
    const [mantissa, exponent] = value.toExponential(3).split("e");
    const power = `10${exponent.replace("+", "").replace("-", "⁻").replace(/\d/g, (digit) => RAISED[digit])}`;
    const front = trimmed(mantissa);
    return front === "1" ? power : front === "−1" ? `−${power}` : `${front}×${power}`;
  };

  const fill = (template, names) => template.replace(/\{(\w+)\}/g, (_, name) => names[name]);
  const counted = (count) => (count === 1 ? "1 number is" : `${count} numbers are`);
  const fits = (given, asked) => {
    if (given === null || String(given) === String(asked)) return true;
    const alike = String(given.filter((size) => size !== 1)) === String(asked.filter((size) => size !== 1));
    return alike && (given.length < 2 || asked.length < 2);
  };

  // Returns whether the answer is right, and what is said to it where it is not.
  const judge = (question, text) => {
    const { words, tolerance, noise, near, full } = question;
    const close = (given, wanted, least = 0) => {
      if (!Number.isFinite(wanted)) return Object.is(given, wanted);
      if (Number.isInteger(given) && Number.isInteger(wanted) && Math.abs(wanted) < full) return given === wanted;
      return Math.abs(given - wanted) <= Math.max(tolerance * Math.abs(wanted), least);
    };
    const wrong = (say) => ({ right: false, say });
    const typed = read(text);
    if (typed === null) return wrong(words.unreadable);
    const given = typed.numbers;
    const wanted = question.answer.map(Number);
    const hits = wanted.map((a, i) => i < given.length && close(given[i], a, noise));
    if (given.length === wanted.length && hits.every(Boolean)) {
      return fits(typed.shape, question.shape) ? { right: true, say: "" } : wrong(words.shape);
    }
    for (const { value, shape, say } of question.diagnoses) {
      const same = value.length === given.length && fits(typed.shape, shape);
      if (same && value.every((number, i) => close(given[i], Number(number)))) return wrong(say);
    }
    if (given.length !== wanted.length) {
      const decimal = question.shape.length === 0 && /^\s*[+−-]?[0-9]+,[0-9]+\s*$/.test(text);
      return wrong(decimal ? words.comma : fill(words.count, { given: counted(given.length), asked: counted(wanted.length) }));
    }
    const almost = (g, a) => Math.abs(g - a) <= near * Math.abs(a) && Number.isFinite(a);
    if (wanted.every((a, i) => hits[i] || almost(given[i], a))) return wrong(words.near);
    const places = (wish) => question.places.filter((_, i) => hits[i] === wish);
    if (wanted.length > 1 && places(false).length === 1) return wrong(fill(words.entry, { places: places(false)[0] }));
    const pairs = wanted.map((a, i) => [given[i], a]).filter(([g, a]) => Math.abs(a) > noise || g !== 0);
    const proportional = pairs.length > 1 && pairs.every(([g, a]) => g !== 0 && a !== 0);
    if (proportional && pairs.every(([g, a]) => close(g, (a * pairs[0][0]) / pairs[0][1]))) return wrong(words.factor);
    if (hits.some(Boolean)) {
      const fit = places(true).join(", ");
      return wrong(fill(words.entries, { places: fit[0].toUpperCase() + fit.slice(1) }));
    }
    for (const [by, moved] of question.trials) {
      const told = Math.abs(given[0] * by - moved) > 4 * Math.abs(wanted[0] * by - moved);
      const claim = written(given[0] * by);
      if (told && claim !== written(moved)) {
        const names = { name: question.moving, by: written(by), root: question.root, claim, moved: written(moved) };
        return wrong(fill(words.trial, names));
      }
    }
    return wrong(question.otherwise);
  };
  return { judge };
})();
