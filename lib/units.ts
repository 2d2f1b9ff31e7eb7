const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  millisecond: 1,
  s: 1000,
  sec: 1000,
  second: 1000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
};

const BYTE_UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

const QUANTITY = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i;

/** Milliseconds of `90s`, `300 ms`, `5 hours`, `1.5m`; a number without unit is milliseconds. Throws RangeError for the rest. */
export function parseDurationMs(value: string | number): number {
  const match = QUANTITY.exec(String(value));
  const unit = (match?.[2] ?? '').toLowerCase();
  const factor =
    unit === '' ? 1 : (DURATION_UNITS[unit] ?? (unit.length > 2 ? DURATION_UNITS[unit.replace(/s$/, '')] : undefined));
  if (!match || factor === undefined) throw new RangeError(`not a duration: '${value}' (like 90s, 300ms, 5 hours)`);
  return Number(match[1]) * factor;
}

/** Bytes of `24GiB`, `1.5 GB`, `512`; a number without unit is bytes. Throws RangeError for the rest. */
export function parseBytes(value: string | number): number {
  const match = QUANTITY.exec(String(value));
  const factor = BYTE_UNITS[(match?.[2] || 'b').toLowerCase()];
  if (!match || factor === undefined) throw new RangeError(`not a size: '${value}' (like 24GiB, 500MB)`);
  return Math.round(Number(match[1]) * factor);
}

/** `340 ms`, `7.2 s`, `3 min 05 s`, `2 h 07 min`. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** `512 B`, `1.5 KiB`, `24 GiB`: binary units, one decimal below 10. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const text = unit === 0 || value >= 9.95 ? String(Math.round(value)) : String(Math.round(value * 10) / 10);
  return `${text} ${units[unit]}`;
}
