import type { Fault } from './fault.js';
import type { SiteKind } from './fault-site.js';
import type { Random } from './random.js';

export interface RoundChoice {
  readonly kind: SiteKind;
  readonly faults: readonly Fault[];
}

/** How often a second fault joins the first. */
const PAIRED = 0.6;

/**
 * Chooses what comes next: a fault that came least often so far, on one of its sites, sometimes together with another
 * that takes hold of another part.
 */
export class RoundChooser {
  readonly #counts: Map<string, number>;
  readonly #faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    this.#faults = faults;
    this.#counts = new Map(faults.map((fault) => [fault.name, 0]));
  }

  next(random: Random): RoundChoice {
    const first = this.#rarest(this.#faults, random);
    const kind = random.pick(first.sites);
    const others = this.#faults.filter((fault) => fault.part !== first.part && fault.sites.includes(kind));
    const second = others.length > 0 && random.chance(PAIRED) ? [this.#rarest(others, random)] : [];
    const faults = [first, ...second];
    for (const { name } of faults) this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    return { kind, faults };
  }

  #rarest(faults: readonly Fault[], random: Random): Fault {
    const least = Math.min(...faults.map(({ name }) => this.#counts.get(name) ?? 0));
    return random.pick(faults.filter(({ name }) => this.#counts.get(name) === least));
  }
}

/** The round that `a+b` names. Throws for an unknown name or a pair that has no site in common. */
export function namedRound(text: string, faults: readonly Fault[], kinds: readonly SiteKind[]): RoundChoice {
  const chosen = text.split('+').map((name) => {
    const fault = faults.find((candidate) => candidate.name === name);
    if (fault === undefined) throw new Error(`no fault is called ${name}: ${faults.map((f) => f.name).join(', ')}`);
    return fault;
  });
  const kind = kinds.find((candidate) => chosen.every((fault) => fault.sites.includes(candidate)));
  if (kind === undefined) throw new Error(`${text} have no site in common`);
  return { kind, faults: chosen };
}
