/** What a Canary's status says of the replicas that all traffic needs. */
export interface FloorStatus {
  replicas: number;
  /** What the load asks for, unrounded, where it has grown since the run began and `replicas` are for that. */
  load?: number;
  /** Held until then; absent while a run is under way. */
  until?: string;
  /** Who scales the target, as `HorizontalPodAutoscaler podinfo`. */
  autoscaler?: string;
  /** What was counted when the run was first measured. */
  baseline?: LoadBaseline;
  /** What it means, in a sentence. */
  message?: string;
}

/** Users' requests to both tracks in that number of seconds, and how many replicas the target had. */
export interface LoadBaseline {
  requests: number;
  seconds: number;
  replicas: number;
}
