/** The colours of the terminal, or none. */
import { createColors } from 'picocolors';

export type Paint = Pick<ReturnType<typeof createColors>, 'green' | 'red' | 'yellow' | 'cyan' | 'dim'>;

export function paint(enabled: boolean): Paint {
  return createColors(enabled);
}
