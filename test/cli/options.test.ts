import { describe, expect, it } from 'vitest';
import { COMMAND_NAMES } from '../../src/cli/command-table.js';
import { OPTIONS, settingsFromOptions } from '../../src/cli/options.js';
import { SETTING_KEYS, settingSpec } from '../../src/config/settings.js';

describe('the table of options', () => {
  it('has an option for every setting that names one, each name once', () => {
    const names = OPTIONS.map((option) => option.name);
    expect(new Set(names).size).toBe(names.length);
    for (const key of SETTING_KEYS) {
      const { option } = settingSpec(key);
      if (option !== undefined) expect(names).toContain(option);
    }
    expect(names).toEqual(expect.arrayContaining(['dev', 'args_list', 'limit', 'force', 'info']));
  });

  it('names only commands that exist', () => {
    for (const option of OPTIONS) expect(COMMAND_NAMES).toEqual(expect.arrayContaining([...option.commands]));
  });

  it('turns given options into settings and leaves the others out', () => {
    expect(settingsFromOptions({ dev: false, cpus: 2, args_list: '-', limit: 3 })).toEqual({
      is_dev: false,
      cpus: 2,
    });
  });

  it('lets another platform than local imply dev false, and refuses it with dev true', () => {
    expect(settingsFromOptions({ platform: 'slurm' })).toEqual({ platform: 'slurm', is_dev: false });
    expect(settingsFromOptions({ platform: 'local', dev: true })).toEqual({
      platform: 'local',
      is_dev: true,
    });
    expect(() => settingsFromOptions({ platform: 'slurm', dev: true })).toThrow(/--dev true/);
  });
});
