import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from './markdown.js';

const rows = readFileSync(join(ROOT, 'docs/seed.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|') && !line.startsWith('|---'))
  .map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
const theirs = rows.map(([first = '']) => first).join('\n');

/** Every public name of the original, by where it belongs. */
const NAMES = {
  commands: 'run config test METHOD NB_JOBS',
  options: '--dev --noisy --print_logs --cpu_job --cpu_image --gpu_image --cpus --gpus --args_list --force',
  config: `cpu_image gpu_image cpu_job cpus gpus is_dev default_method dls_root module_dir results_dir errors_dir log_dir
    save_results save_errors log print_logs noisy suppress py27 py27_gpu py36 py36_gpu py37`,
  job: `run DLJob module_name method_name cpu_job cpu_image gpu_image args_list modules requirements data cpus gpus
    platform_job name noisy grouped_results save_results save_errors results_dir errors_dir results_timestamp log log_dir
    task_kwargs *args **kwargs get_method full_method_name local_run platform_run print_logs timer method start_timestamp
    tasks results_path errors_path log_file`,
  decorators: 'expand_args attempt as_json return_as_dict',
  helpers: 'update_list copy_update is_str truthy bool_str',
  nd_json: 'read write apply overwrite func postprocess postprocess_kwargs',
  utils: 'Timer start stop end duration now save_pickle read_pickle vspace line log suppress',
  config_module: 'CONFIG get generate',
  constants: `PY27 PY27_GPU PY36 PY36_GPU PY37 IMAGES CPUS GPUS CPU_JOB CPU_IMAGE GPU_IMAGE DLS_ROOT IS_DEV NOISY
    MODULE_DIR PRINT_LOGS DEFAULT_METHOD SUPPRESS SAVE_RESULTS SAVE_ERRORS RESULTS_DIR ERRORS_DIR LOG LOG_DIR
    DL_JOBS_CONFIG_PATH`,
  test_jobs: 'task return_args nb_jobs',
  cli: 'cli',
};

it.each(Object.entries(NAMES))('docs/seed.md maps every name of %s', (_, names) => {
  const missing = names.split(/\s+/).filter((name) => {
    const escaped = name.replace(/[*]/g, '\\*');
    return !new RegExp(`\`[^\`]*(?<![\\w-])${escaped}(?!\\w)[^\`]*\``).test(theirs);
  });
  expect(missing).toEqual([]);
});

it('has no empty row', () => {
  expect(rows.length).toBeGreaterThan(80);
  for (const cells of rows) {
    expect(cells, cells.join(' | ')).toHaveLength(2);
    for (const cell of cells) expect(cell, cells.join(' | ')).not.toBe('');
  }
});
