// The score after each training of this session: a line without axes, and in words how it began and is.
import { html } from "../../vendor/preact.js";
import { percent, t } from "../../words.js";

const [WIDE, HIGH, ROOM] = [140, 32, 4];

const holds = ({ interval: [low, high] }, value) => low <= value && value <= high;

export function History({ history }) {
  const known = history.filter((one) => one.value !== null).slice(-40);
  if (known.length < 2) return null;
  const values = known.map((one) => one.value);
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const place = (value, at) => [
    ROOM + (at * (WIDE - 2 * ROOM)) / (known.length - 1),
    HIGH - ROOM - ((value - low) / span) * (HIGH - 2 * ROOM),
  ];
  const [x, y] = place(values[values.length - 1], values.length - 1);
  const [first, last] = [known[0], known[known.length - 1]];
  const isLuck = first.value !== last.value && (holds(first, last.value) || holds(last, first.value));
  const said = values.slice(-6).map((value) => percent(value)).join(", ");
  return html`
    <figure class="history soft small">
      <svg viewBox=${`0 0 ${WIDE} ${HIGH}`} role="img" aria-label=${t("train.history", { values: said })}>
        <title>${t("train.history", { values: said })}</title>
        <polyline class="line" points=${values.map((value, at) => place(value, at).map((one) => one.toFixed(1)).join(",")).join(" ")} />
        <circle class="dot" cx=${x} cy=${y} r="3" />
      </svg>
      <figcaption>${t("train.history_words", { first: percent(first.value), last: percent(last.value), n: values.length })}${
        isLuck ? `. ${t("train.history_luck")}` : ""}</figcaption>
    </figure>
  `;
}
