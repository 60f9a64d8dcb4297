// The replies of the server's methods, as docs/protocol.md has them. Numbers and truth values are texts.

import type { NextTime } from "./next_times";

export interface Ins {
  mode?: string;
  app: string;
  func: string;
  param?: string;
  timeout?: string;
  proxy?: string;
  ttl?: string;
}

export interface Agent {
  agentip: string;
  status: string;
  // Of a machine of the inventory that never registered there is no more.
  asset?: string;
  os?: string;
  version?: string;
  agent_starttime?: string;
  last_hb_time?: string;
  apps?: Record<string, string>;
  labels?: Record<string, string>;
  facts?: Record<string, string>;
}

export interface FoundAgents {
  agents: Agent[];
  count: string;
  undecided: string;
  undecided_by: string[];
  digest: string;
  next?: string;
}

export interface RunSpec {
  target: string;
  ins: Ins;
  waves?: string;
  parallel?: string;
  max_fail?: string;
  strict?: string;
  pause?: string;
  order?: string;
  ttl?: string;
  silent?: string;
  at?: string;
  late?: string;
  deadline?: string;
  note?: string;
}

export interface Run extends RunSpec {
  id: string;
  state: string;
  why: string;
  by: string;
  from: string;
  of: string;
  create_time: string;
  start_time: string;
  end_time: string;
  wave: string;
  wave_count?: string;
  count: string;
  counts?: Record<string, string>;
  worst: string;
  schedule?: string;
  fire_time?: string;
}

export interface RunHost {
  agentip: string;
  asset: string;
  wave: string;
  state: string;
  task: string;
  exit_code: string;
  costtime: string;
  answer: string;
}

export interface RunAnswer {
  count: string;
  state: string;
  exit_code: string;
  text: string;
  hosts: string[];
}

export interface RunPlan {
  waves: { hosts: string; first: string[] }[];
  count: string;
  online: string;
  offline: string;
  undecided: string;
  undecided_by: string[];
  rests_on_facts: string;
  worst: string;
  offline_hosts: string[];
  windows: { name: string; hosts: string; first: string[]; until: string; note: string }[];
  digest: string;
}

export interface RunNews {
  seq: string;
  state: string;
  why: string;
  wave: string;
  wave_count: string;
  counts: Record<string, string>;
  ended: { agentip: string; state: string }[];
}

export interface Task {
  id: string;
  agentip: string;
  type: string;
  mode: string;
  status: string;
  by: string;
  from: string;
  instruct: string;
  proxy: string;
  param: string;
  starttime: string;
  agent_sync_flag: string;
  agent_sync_error: string;
  agent_sync_costtime: string;
  agent_callback_time: string;
  worker_message: string;
  module_sync_flag: string;
  module_sync_error: string;
  module_sync_costtime: string;
  module_callback_time: string;
  processor_message: string;
  processor_costtime: string;
  endtime: string;
  result_flag: string;
  cron_id: string;
  fire_time: string;
  last_fire_time: string;
  count: string;
  run?: string;
  queued?: string;
  truncated?: string;
}

export interface TaskOutput {
  output: string;
  stderr: string;
  exit_code: string;
  size: string;
  stderr_size: string;
  truncated: string;
  left_out?: string;
}

export interface StoryLine {
  time: string;
  gap: string;
  what: string;
}

export interface CronJob {
  cron_id: string;
  agent_ip: string;
  cron_type: string;
  ins: Ins;
  rule: string;
  create_time: string;
  cron_flag: string;
  next_time: string;
  last_exec_time: string;
  last_exec_result: string;
  timezone: string;
  misfire: string;
  overlap: string;
  jitter: string;
  name: string;
  start_date: string;
  end_date: string;
  refused: string;
  agent_told: string;
  by: string;
  by_deleted: string;
  watch: string;
  next_times?: NextTime[];
}

export interface Schedule extends RunSpec {
  id: string;
  rule: string;
  timezone: string;
  misfire: string;
  overlap: string;
  jitter: string;
  on: string;
  by: string;
  from: string;
  create_time: string;
  next_time: string;
  next_times?: NextTime[];
}

export interface Join {
  agentip: string;
  fingerprint: string;
  status: string;
  asset: string;
  version: string;
  from: string;
  first_time: string;
  last_time: string;
}

export interface JoinToken {
  id: string;
  name: string;
  cidr: string;
  create_time: string;
  expires: string;
  used_time: string;
  used_ip: string;
}

export interface Key {
  key: string;
  name: string;
  role: string;
  apps: string[];
  iplist: string[];
  enabled: string;
  files: string;
  run_hosts?: string;
  create_time: string;
  expires?: string;
  used_time?: string;
  used_from?: string;
  old_token_until?: string;
  quota: Record<string, string>;
  usage: Record<string, string>;
}

export interface Group {
  name: string;
  target: string;
  note: string;
  count: string;
  by: string;
  time: string;
  error?: string;
}

export interface Window {
  name: string;
  target: string;
  apps: string[];
  rule: string;
  lasts: string;
  from: string;
  to: string;
  timezone: string;
  note: string;
  by: string;
  time: string;
  closed: string;
  until: string;
}

export interface Cap {
  name: string;
  target: string;
  apps: string[];
  most: string;
  per: string;
  by: string;
  time: string;
  running: string;
}

export interface AuditRow {
  seq: number;
  time: string;
  time_ms: number;
  key: string;
  address: string;
  method: string;
  agentip: string;
  app: string;
  func: string;
  id: string;
  param: string;
  allowed: string;
  changed: string;
  result: string;
  more: number;
  hash: string;
  proxy?: string;
}

export interface Stats {
  version: string;
  uptime: string;
  connections: string;
  calls: string;
  auth_mode: string;
  timezone: string;
  store_path: string;
  listen?: string[];
  tls: string;
  store?: { file_bytes: string; wal_bytes: string; free_bytes: string; last_backup?: string };
  warnings: string[];
  largest?: Record<string, { key: string; name: string; held: string }>;
}

export interface Finding {
  check: string;
  what: string;
  advice: string;
}
