// One chart on a canvas, drawn by uPlot.
import uPlot from 'uplot';
import { maximumOf, type Chart, type ChartSeries } from './charts.js';
import type { Colour } from './colours.js';

/** The height in CSS pixels. */
export const plotHeight = 132;

const font = '11px system-ui, sans-serif';
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
/** Between two times of the axis, in seconds: 30 s to 6 h. */
const steps = [30, 60, 120, 300, 600, 1200, 3600, 7200, 14_400, 21_600];
const dotRadius = 2.5;
/** The same for numbers of requests and the like, which are whole. */
const countSteps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

/** How the charts of a page follow one another. */
const cursor: uPlot.Cursor = {
  sync: { key: 'dashboard', scales: ['x', null as unknown as string] }, // eslint-disable-line no-restricted-syntax -- No scale.
  drag: { x: false, y: false },
  y: false,
  points: { show: false },
};

/** A drawn chart. It ends with {@link destroy}. */
export class Plot {
  readonly #plot: uPlot;
  #chart: Chart;

  /**
   * @param element Where it is drawn; colours and the width are its own.
   * @param onCursor Gets the bucket under the pointer, of this or of another chart; `undefined` when it has left.
   */
  constructor(
    readonly element: HTMLElement,
    chart: Chart,
    onCursor: (index: number | undefined) => void,
  ) {
    this.#chart = chart;
    const colours = new Palette(element);
    this.#plot = new uPlot(
      {
        width: element.clientWidth,
        height: plotHeight,
        padding: [8, 22, 0, 0],
        legend: { show: false },
        cursor,
        scales: {
          x: { time: true, range: () => this.#timeRange() },
          y: { range: () => [0, maximumOf(this.#chart)] },
        },
        axes: axesOf(colours, chart),
        series: [{}, ...inDrawingOrder(chart).map(({ colour }) => seriesOf(chart.kind, colours.of(colour)))],
        hooks: {
          setCursor: [({ cursor: { idx } }) => onCursor(idx ?? undefined)],
          draw: [(plot) => drawLimit(plot, this.#chart, colours), (plot) => drawDots(plot, this.#chart, colours)],
        },
      },
      dataOf(chart),
      element,
    );
  }

  /** Shows other numbers of the same series. */
  update(chart: Chart): void {
    this.#chart = chart;
    this.#plot.setData(dataOf(chart));
  }

  /** Follows the width of the element. */
  resize(): void {
    this.#plot.setSize({ width: this.element.clientWidth, height: plotHeight });
  }

  destroy(): void {
    this.#plot.destroy();
  }

  #timeRange(): [number, number] {
    const { times, bucketSeconds } = this.#chart;
    return [times[0]!, times.at(-1)! + bucketSeconds];
  }
}

/** The colours of the page as the canvas takes them: a variable of CSS may depend on the theme. */
class Palette {
  readonly #colours = new Map<string, string>();

  constructor(private readonly element: HTMLElement) {}

  of(name: Colour | 'text' | 'muted' | 'line'): string {
    const known = this.#colours.get(name);
    if (known !== undefined) return known;
    const probe = this.element.appendChild(document.createElement('span'));
    probe.style.color = `var(--${name})`;
    const { color } = getComputedStyle(probe);
    probe.remove();
    this.#colours.set(name, color);
    return color;
  }
}

function axesOf(colours: Palette, { kind, format, formatAxis = format }: Chart): uPlot.Axis[] {
  const isCount = kind === 'steps' || kind === 'bars';
  const common = { font, stroke: colours.of('muted'), ticks: { show: false }, gap: 4 };
  return [
    {
      ...common,
      size: 22,
      space: 58,
      incrs: steps,
      grid: { show: false },
      values: (_, times) => times.map((time) => clock.format(1000 * time)),
    },
    {
      ...common,
      size: 50,
      space: 32,
      ...(isCount ? { incrs: countSteps } : {}),
      grid: { stroke: colours.of('line'), width: 1 },
      values: (_, values) => values.map((value) => (value === 0 ? '0' : formatAxis(value))),
    },
  ];
}

function seriesOf(kind: Chart['kind'], colour: string): uPlot.Series {
  const base: uPlot.Series = { stroke: colour, width: 1.5, points: { show: false } };
  const { stepped, bars } = uPlot.paths;
  switch (kind) {
    case 'area':
      return { ...base, width: 1, fill: colour };
    case 'bars':
      return { ...base, width: 0, fill: colour, paths: bars!({ size: [0.9, 30], align: 1 }) };
    case 'steps':
      return { ...base, paths: stepped!({ align: 1 }) };
    case 'line':
      return { ...base, points: { show: true, size: 4, fill: colour } };
  }
}

function dataOf(chart: Chart): uPlot.AlignedData {
  // eslint-disable-next-line no-restricted-syntax -- A gap of uPlot.
  return [[...chart.times], ...inDrawingOrder(chart).map(({ drawn }) => drawn.map((value) => value ?? null))];
}

/** What is stacked is drawn from the top, so that what is below covers it. */
function inDrawingOrder({ kind, series }: Chart): readonly ChartSeries[] {
  return kind === 'area' || kind === 'bars' ? series.toReversed() : series;
}

function drawLimit(plot: uPlot, { limit }: Chart, colours: Palette): void {
  if (limit === undefined) return;
  const { ctx, bbox } = plot;
  const y = plot.valToPos(limit.value, 'y', true);
  ctx.save();
  ctx.strokeStyle = colours.of('text');
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

function drawDots(plot: uPlot, { dots }: Chart, colours: Palette): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const { at, value, colour } of dots) {
    ctx.fillStyle = colours.of(colour);
    ctx.beginPath();
    ctx.arc(
      plot.valToPos(at, 'x', true),
      plot.valToPos(value, 'y', true),
      dotRadius * devicePixelRatio,
      0,
      2 * Math.PI,
    );
    ctx.fill();
  }
  ctx.restore();
}
