import type { SettingKey } from './settings.js';

/** A setting that a configuration file gives, and the line it stands on (from 1). */
export interface FileSetting {
  readonly key: SettingKey;
  readonly value: unknown;
  readonly line: number;
}
