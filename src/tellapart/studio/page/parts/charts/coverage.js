// How right it is on the pictures that it is surest of, for every share of all; the chosen one is marked.
import { html, useMemo } from "../../vendor/preact.js";
import { percent, t } from "../../words.js";
import { above, evenly, ticks, total, wilson } from "../curves.js";
import { Drawing, frame, points } from "./frame.js";

const POINTS = 120;
const FEW = 10; // pictures, and a share of all, below which the curve is luck
const FIRST = 0.05;

export function CoverageChart({ curve, score }) {
  const n = total(curve);
  const drawn = useMemo(() => {
    const far = curve.covered.map((_, at) => at).filter((at) => curve.covered[at] >= Math.max(FEW, FIRST * n) || curve.covered[at] === n);
    return evenly(far.length, POINTS).map((k) => {
      const [covered, right] = [curve.covered[far[k]], curve.right[far[k]]];
      return { share: covered / n, value: right / covered, interval: wilson(right, covered) };
    });
  }, [curve]);
  const marks = ticks(Math.min(...drawn.map((one) => one.interval[0])), 1);
  const area = frame(170, [0, 1], [marks[0], marks[marks.length - 1]]);
  const band = [...drawn.map((one) => [one.share, one.interval[1]]), ...drawn.map((one) => [one.share, one.interval[0]]).reverse()];
  const chosen = above(curve, score);
  const at = chosen.covered && [area.x(chosen.covered / n), area.y(Math.max(marks[0], chosen.right / chosen.covered))];
  const said = evenly(drawn.length, 5).map((k) => t("train.coverage_point", { percent: percent(drawn[k].value), share: percent(drawn[k].share, 0) }));
  const words = t("train.coverage_words", { points: said.join(", ") });
  return html`
    <${Drawing} area=${area} marks=${marks} words=${words} below=${t("train.coverage_axis")}>
      ${[0, 0.25, 0.5, 0.75, 1].map((one) => html`<text x=${area.x(one)} y=${area.bottom + 16} text-anchor="middle">${percent(one, 0)}</text>`)}
      <polygon class="band" points=${points(band.map(([x, y]) => [area.x(x), area.y(y)]))} />
      <polyline class="line" points=${points(drawn.map((one) => [area.x(one.share), area.y(one.value)]))} />
      ${at && html`<line class="ideal" x1=${at[0]} x2=${at[0]} y1=${at[1]} y2=${area.bottom} /><circle class="dot" cx=${at[0]} cy=${at[1]} r="5" />`}
    </${Drawing}>
  `;
}
