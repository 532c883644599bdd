import { DLJob, truthy } from 'dl-jobs';

/** One task on a GPU: `dl_jobs run task_examples.gpu 3`; without a GPU add `--gpus 0`. */
export function gpu(value: string) {
  return new DLJob({
    moduleName: 'task_examples.gpu',
    methodName: 'gpu_tf_ex',
    args: [value],
    platformJob: true,
    cpuJob: false,
    modules: ['task_examples'],
    gpus: 1,
  });
}

/** The same with more to choose: `dl_jobs run task_examples.gpuWith 3 gpu_tf_ex platform_job=false`. */
export function gpuWith(value: string, methodName: string, kwargs: Record<string, unknown> = {}) {
  return new DLJob({
    moduleName: 'task_examples.gpu',
    methodName,
    args: [value],
    platformJob: truthy(kwargs['platform_job'] ?? true) === true,
    cpuJob: false,
    modules: ['task_examples'],
    gpus: Number(kwargs['gpus'] ?? 1),
  });
}

/** Without a GPU: `dl_jobs run task_examples.cpu 3`, also with `--dev false --platform earthone`. */
export function cpu(value: string) {
  return new DLJob({
    moduleName: 'task_examples.cpu',
    methodName: 'cpu_ex',
    args: [value],
    platformJob: true,
    modules: ['task_examples'],
  });
}

/** One task for each size from `first` to `last`: `dl_jobs run task_examples.cpuMap 1 10`. */
export function cpuMap(first: string, last: string) {
  return new DLJob({
    moduleName: 'task_examples.cpu',
    methodName: 'cpu_ex',
    argsList: Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => Number(first) + i),
    platformJob: true,
    modules: ['task_examples'],
  });
}
