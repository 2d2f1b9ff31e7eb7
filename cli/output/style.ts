import { styleText } from 'node:util';
import type { Style } from '../commands/define.ts';

/** Colours, or nothing where they would only be noise. */
export function makeStyle(colors: boolean): Style {
  const with_ = (format: Parameters<typeof styleText>[0]) => (text: string) =>
    colors ? styleText(format, text, { validateStream: false }) : text;
  return { bold: with_('bold'), dim: with_('dim'), good: with_('green'), bad: with_('red') };
}
