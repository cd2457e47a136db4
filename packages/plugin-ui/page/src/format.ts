// Numbers, sizes and times as people read them, in the language of the browser.

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];

/** `98.4 MB`; units of 1,000. */
export function formatBytes(bytes: number): string {
  const index = Math.max(0, Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const digits = index < 2 ? 0 : 1;
  const unitDisplay = index === 0 ? 'long' : 'short'; // `12 bytes`
  const options = { style: 'unit', unit: units[index]!, unitDisplay, maximumFractionDigits: digits } as const;
  return new Intl.NumberFormat(undefined, options).format(bytes / 1000 ** index);
}

/** `850 ms`, `1.9 s`, `4 min 10 s`, `2 h 5 min`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${number.format(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${oneDigit.format(seconds)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 === 0 ? `${minutes} min` : `${minutes} min ${whole % 60} s`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `12,345` */
export function formatNumber(value: number): string {
  return number.format(value);
}

/** `31 tok/s`, and one digit below 10. */
export function formatSpeed(tokensPerSecond: number): string {
  return `${(tokensPerSecond < 10 ? oneDigit : number).format(tokensPerSecond)} tok/s`;
}

/** `62 %` for 0.62. */
export function formatRatio(ratio: number): string {
  return `${Math.round(ratio * 100)} %`;
}

/** `14:02:11`, in the time zone of the browser. */
export function formatClock(at: string | number): string {
  return clock.format(new Date(at));
}

/** `Nov 28, 2026, 14:02` */
export function formatDate(at: string | number): string {
  return day.format(new Date(at));
}

/** `1 request`, `2 requests` */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatNumber(count)} ${count === 1 ? noun : plural}`;
}
