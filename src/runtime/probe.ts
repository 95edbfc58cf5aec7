/**
 * The one seam for tests in running code: named moments with facts about them. Production binds
 * `silentProbe`; tests bind one that can be waited for. Nothing may ever depend on a probe.
 */
export interface Probe {
  signal(moment: string, facts?: Readonly<Record<string, unknown>>): void;
}

export const silentProbe: Probe = { signal: () => undefined };
