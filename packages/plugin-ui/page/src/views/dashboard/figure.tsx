// A chart with its headline, its legend, and the table that has the same numbers.
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Button } from '../../components/basics.js';
import { formatClock } from '../../format.js';
import { isDark } from '../../theme.js';
import { sentenceOf, type Chart } from './charts.js';
import { Plot } from './plot.js';

export function Figure({
  chart,
  window,
}: {
  readonly chart: Chart;
  /** The name of the window, for people. */
  readonly window: string;
}): JSX.Element {
  const isTable = useSignal(false);
  /** The bucket under the pointer. */
  const cursor = useSignal<number | undefined>(undefined);
  return (
    <figure class="chart card">
      <header>
        <h2>{chart.title}</h2>
        <Button
          label={isTable.value ? 'Show as chart' : 'Show as table'}
          of={chart.title}
          kind="plain"
          onClick={() => (isTable.value = !isTable.value)}
        />
      </header>
      <p class="headline">
        <b>{chart.now}</b>
        <span class="muted">{chart.average}</span>
      </p>
      {isTable.value ? (
        <Table chart={chart} />
      ) : (
        <>
          <Canvas
            key={`${isDark.value} ${chart.series.map(({ label, colour }) => `${colour} ${label}`).join('\n')}`}
            chart={chart}
            label={sentenceOf(chart, window)}
            onCursor={(index) => (cursor.value = index)}
          />
          <Legend chart={chart} cursor={cursor.value} />
        </>
      )}
    </figure>
  );
}

/** The canvas. uPlot changes numbers only, so other series or colours are another component. */
function Canvas({
  chart,
  label,
  onCursor,
}: {
  readonly chart: Chart;
  readonly label: string;
  readonly onCursor: (index: number | undefined) => void;
}): JSX.Element {
  const element = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot>(undefined);
  useEffect(() => {
    const drawn = new Plot(element.current!, chart, onCursor);
    plot.current = drawn;
    const observer = new ResizeObserver(() => drawn.resize());
    observer.observe(element.current!);
    return () => {
      observer.disconnect();
      drawn.destroy();
    };
  }, []);
  useEffect(() => plot.current?.update(chart), [chart]);
  return <div ref={element} class="canvas" role="img" aria-label={label} />;
}

function Legend({ chart, cursor }: { readonly chart: Chart; readonly cursor: number | undefined }): JSX.Element {
  const { series, limit, note, format } = chart;
  const time = cursor === undefined ? undefined : chart.times[cursor];
  return (
    <div class="legend">
      <ul>
        {series.map(({ label, colour, values }) => (
          <li key={label}>
            <span class={`swatch colour-${colour}`} />
            {label}
            {cursor === undefined || values[cursor] === undefined ? undefined : <b>{format(values[cursor])}</b>}
          </li>
        ))}
        {limit === undefined ? undefined : (
          <li>
            <span class="swatch dashed" />
            {limit.label} {format(limit.value)}
          </li>
        )}
      </ul>
      <p class="muted">
        {time === undefined ? note : [formatClock(1000 * time), ...dotTexts(chart, time)].join(' · ')}
      </p>
    </div>
  );
}

/** The dots of a bucket, of many only the first. */
function dotTexts({ dots, bucketSeconds, format }: Chart, time: number): string[] {
  const here = dots.filter(({ at }) => at >= time && at < time + bucketSeconds);
  const texts = here.slice(0, 4).map(({ value, label }) => [label, format(value)].filter(Boolean).join(' '));
  return here.length > 4 ? [...texts, `${here.length - 4} more`] : texts;
}

function Table({ chart }: { readonly chart: Chart }): JSX.Element {
  return (
    <div class="table-scroll" role="region" aria-label={`${chart.title}, table`} tabIndex={0}>
      <table class="data">{chart.series.length === 0 ? <DotRows chart={chart} /> : <BucketRows chart={chart} />}</table>
    </div>
  );
}

/** One row per bucket, the newest first. */
function BucketRows({ chart }: { readonly chart: Chart }): JSX.Element {
  const { times, series, dots, format } = chart;
  return (
    <>
      <thead>
        <tr>
          <th>Time</th>
          {series.map(({ label }) => (
            <th key={label} class="number">
              {label}
            </th>
          ))}
          {dots.length === 0 ? undefined : <th class="number">Single values</th>}
        </tr>
      </thead>
      <tbody>
        {times
          .map((time, index) => (
            <tr key={time}>
              <td>{formatClock(1000 * time)}</td>
              {series.map(({ label, values }) => (
                <td key={label} class="number">
                  {values[index] === undefined ? '–' : format(values[index])}
                </td>
              ))}
              {dots.length === 0 ? undefined : <td class="number">{dotTexts(chart, time).join(', ') || '–'}</td>}
            </tr>
          ))
          .toReversed()}
      </tbody>
    </>
  );
}

/** One row per dot, the newest first. */
function DotRows({ chart: { dots, format } }: { readonly chart: Chart }): JSX.Element {
  return (
    <>
      <thead>
        <tr>
          <th>Time</th>
          <th>Model</th>
          <th class="number">Value</th>
        </tr>
      </thead>
      <tbody>
        {dots
          .map(({ at, label, value }, index) => (
            <tr key={`${at} ${index}`}>
              <td>{formatClock(1000 * at)}</td>
              <td>{label}</td>
              <td class="number">{format(value)}</td>
            </tr>
          ))
          .toReversed()}
      </tbody>
    </>
  );
}
