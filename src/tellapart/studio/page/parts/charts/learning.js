// How often it was right after learning from ever more pictures, and what more of them would bring.
import { html } from "../../vendor/preact.js";
import { number, percent, t } from "../../words.js";
import { ticks } from "../curves.js";
import { Drawing, frame, points, Whisker } from "./frame.js";

export function LearningChart({ learning }) {
  const known = learning.points.filter((one) => one.n);
  const last = known[known.length - 1];
  const [gain, low, high] = learning.gain || [0, 0, 0];
  const upTo = (value) => Math.min(1, last.value + value);
  const end = learning.gain ? last.pictures + learning.more : last.pictures;
  const ends = [...known.flatMap((one) => [one.low, one.high]), upTo(low), upTo(high)];
  const marks = ticks(Math.min(...ends), Math.min(1, Math.max(...ends)));
  const area = frame(190, [0, end * 1.02], [marks[0], marks[marks.length - 1]]);
  const place = (one) => [area.x(one.pictures), area.y(one.value)];
  const written = [...new Set([...known.map((one) => one.pictures), end])]
    .reverse()
    .reduce((kept, n) => (kept.length && area.x(kept[kept.length - 1]) - area.x(n) < 34 ? kept : [...kept, n]), []);
  const said = known.map((one) => t("train.learning_point", { percent: percent(one.value), n: one.pictures }));
  const words = t("train.learning_words", { points: said.join(", ") });
  return html`
    <${Drawing} area=${area} marks=${marks} words=${words} below=${t("train.learning_axis")}>
      ${written.map((n) => html`<text x=${area.x(n)} y=${area.bottom + 16} text-anchor="middle">${number(n)}</text>`)}
      <polyline class="line" points=${points(known.map(place))} />
      ${known.map((one) => html`
        <${Whisker} x=${area.x(one.pictures)} top=${area.y(one.high)} bottom=${area.y(one.low)} />
        <circle class="dot" cx=${place(one)[0]} cy=${place(one)[1]} r="3.5" />
      `)}
      ${learning.gain && html`
        <line class="forecast" x1=${place(last)[0]} y1=${place(last)[1]} x2=${area.x(end)} y2=${area.y(upTo(gain))} />
        <${Whisker} x=${area.x(end)} top=${area.y(upTo(high))} bottom=${area.y(upTo(low))} />
        <circle class="hollow" cx=${area.x(end)} cy=${area.y(upTo(gain))} r="3.5" />
      `}
    </${Drawing}>
  `;
}
