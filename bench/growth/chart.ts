/**
 * Curves as SVG, by vega-lite (docs/decisions/024-growth-bench.md). The same points give the same bytes: no clock, no
 * ids, no fonts of the machine, since without a canvas vega estimates how wide a text is.
 */
import { parse, View } from 'vega';
import { compile } from 'vega-lite';
import type { TopLevelSpec } from 'vega-lite';

export interface Point {
  /** The name of the line it is on. */
  readonly line: string;
  readonly x: number;
  readonly y: number;
  /** Least and most of the runs. */
  readonly low: number;
  readonly high: number;
}

type Scale = 'linear' | 'log';

export interface Axis {
  /** With its unit. */
  readonly title: string;
  readonly scale: Scale;
  /** Of numbers at the ticks, as d3-format has them: `,~f` is 1,000, `~s` is 1k. */
  readonly format: ',~f' | '~s';
  /** Where the ticks are; vega decides if not given. */
  readonly ticks?: readonly number[];
}

export interface Chart {
  /** Of the file, without its ending. */
  readonly name: string;
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly points: readonly Point[];
  /** A target, drawn across. */
  readonly bound?: { readonly y: number; readonly text: string };
}

type Layers = Extract<TopLevelSpec, { readonly layer: unknown }>['layer'];

const WIDTH = 640;
const HEIGHT = 320;
const INK = '#333333';
const GRID = '#e4e4e4';
/** Okabe and Ito (2008): told apart by colour-blind eyes. Marks differ in shape, too. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];
const SHAPES = ['circle', 'square', 'triangle-up', 'diamond', 'cross', 'triangle-down'];

/** Pure. The background is white: GitHub shows the file on dark pages, too. */
export function chartSpec(chart: Chart): TopLevelSpec {
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: chart.title,
    width: WIDTH,
    height: HEIGHT,
    background: 'white',
    padding: 14,
    data: { values: chart.points.map((point) => ({ ...point })) },
    layer: [...boundLayers(chart), ...lineLayers(chart)],
    config: {
      font: 'sans-serif',
      title: { anchor: 'start', color: INK, fontSize: 15, fontWeight: 'bold', offset: 14 },
      axis: {
        labelColor: INK,
        labelFontSize: 12,
        titleColor: INK,
        titleFontSize: 12,
        titleFontWeight: 'normal',
        titlePadding: 10,
        labelFlush: false,
        gridColor: GRID,
        domainColor: INK,
        tickColor: INK,
      },
      legend: {
        orient: 'bottom',
        columns: 2,
        columnPadding: 24,
        labelColor: INK,
        labelFontSize: 12,
        labelLimit: 0,
        symbolSize: 70,
        symbolOpacity: 1,
      },
      view: { stroke: null },
    },
  };
}

/** Each line with a mark at every point and, through it, the spread of the runs. */
function lineLayers(chart: Chart): Layers {
  const { x, y, points } = chart;
  const lines = [...new Set(points.map((point) => point.line))];
  const title = null;
  const color = {
    field: 'line',
    type: 'nominal',
    scale: { domain: lines, range: COLOURS.slice(0, lines.length) },
    title,
  } as const;
  const shape = {
    field: 'line',
    type: 'nominal',
    scale: { domain: lines, range: SHAPES.slice(0, lines.length) },
    title,
  } as const;
  const across = {
    field: 'x',
    type: 'quantitative',
    title: x.title,
    scale: { type: x.scale, nice: false, padding: 12 },
    axis: axisOf(x),
  } as const;
  const up = {
    field: 'y',
    type: 'quantitative',
    title: y.title,
    scale: upScale(chart),
    axis: axisOf(y),
  } as const;
  return [
    {
      mark: { type: 'rule', strokeWidth: 5, opacity: 0.25 },
      encoding: { x: across, y: { ...up, field: 'low' }, y2: { field: 'high' }, color },
    },
    { mark: { type: 'line', strokeWidth: 2 }, encoding: { x: across, y: up, color } },
    {
      mark: { type: 'point', filled: true, size: 70, opacity: 1 },
      encoding: { x: across, y: up, color, shape },
    },
  ];
}

function boundLayers(chart: Chart): Layers {
  const { y, bound } = chart;
  if (bound === undefined) return [];
  // Data of its own, one row, or there would be a rule for every point.
  const data = { values: [{ bound: bound.y }] };
  const at = {
    field: 'bound',
    type: 'quantitative',
    title: y.title,
    scale: upScale(chart),
    axis: axisOf(y),
  } as const;
  const text = { color: INK, fontSize: 12, align: 'left', baseline: 'bottom', dx: 6, dy: -3 } as const;
  return [
    { data, mark: { type: 'rule', color: INK, strokeDash: [6, 4] }, encoding: { y: at } },
    { data, mark: { type: 'text', text: bound.text, ...text }, encoding: { x: { value: 0 }, y: at } },
  ];
}

/** Linear ones begin at zero; above a bound there is room for what it says. */
function upScale({ y, points, bound }: Chart): { type: Scale; nice: true; domain: [number, number] } {
  const shown = points.flatMap(({ low, high }) => [low, high]);
  if (y.scale === 'linear') shown.push(0);
  if (bound !== undefined) shown.push(bound.y * 1.1);
  return { type: y.scale, nice: true, domain: [Math.min(...shown), Math.max(...shown)] };
}

function axisOf({ format, scale, ticks }: Axis): { format: string; tickCount?: number; values?: number[] } {
  if (ticks !== undefined) return { format, values: [...ticks] };
  return { format, tickCount: scale === 'log' ? 4 : 6 };
}

/** SVG text. */
export async function drawChart(chart: Chart): Promise<string> {
  const view = new View(parse(compile(chartSpec(chart)).spec), { renderer: 'none' });
  try {
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}
