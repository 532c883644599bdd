/** The container that the hosts of a round run in, as plain data. */

export type ToolName = 'podman' | 'docker' | 'apptainer' | 'pyxis';

/** A program that runs containers, as it was found on this machine. */
export interface ContainerTool {
  readonly name: ToolName;
  /** Name on PATH. */
  readonly program: string;
  /** `descriptors`: what we open reaches the host. `stdio`: only its standard streams do. */
  readonly transport: 'descriptors' | 'stdio';
  /** Options that make the user inside the one outside, and what else depends on how the tool is set up. */
  readonly options: readonly string[];
}

export interface ContainerPlan {
  readonly tool: ContainerTool;
  /** As the user wrote it. */
  readonly image: string;
  /** As the tool takes it; it is there. */
  readonly address: string;
  /** What of this machine is seen inside, at the same paths. */
  readonly mounts: readonly string[];
  readonly gpus: boolean;
}
