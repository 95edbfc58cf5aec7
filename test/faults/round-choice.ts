import type { Fault, Part } from './fault.js';
import type { SiteKind } from './fault-site.js';
import type { Random } from './random.js';

export interface RoundChoice {
  readonly kind: SiteKind;
  readonly faults: readonly Fault[];
}

/** Faults of these stop no fire: they may join others without making their gaps harder to explain. */
const BESIDE_FIRING: ReadonlySet<Part> = new Set<Part>(['worker', 'api']);
export const stopsFiring = (fault: Fault): boolean => !BESIDE_FIRING.has(fault.part);

/**
 * Chooses what comes next: of the faults that stop firing one that came least often so far, on the site that stands if
 * such a fault is possible there; with it the rarest of another part, and one that stops no fire while those are not
 * ahead. As long as some fault has not come at all there is only one that stops firing, so that its own gap is seen.
 */
export class RoundChooser {
  readonly #counts: Map<string, number>;
  readonly #faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    this.#faults = faults;
    this.#counts = new Map(faults.map((fault) => [fault.name, 0]));
  }

  next(random: Random, standing: SiteKind | null): RoundChoice {
    const firing = this.#faults.filter(stopsFiring);
    const least = this.#leastOf(firing);
    const rare = firing.filter(({ name }) => this.#countOf(name) === least);
    const here = standing === null ? [] : rare.filter(({ sites }) => sites.includes(standing));
    const [first] = this.#rarest(here.length > 0 ? here : rare, random);
    if (first === undefined) throw new Error('no fault stops firing');
    const isFirstTime = least === 0;
    const kind = here.length > 0 && standing !== null ? standing : random.pick(first.sites);
    const others = this.#faults.filter((fault) => fault.part !== first.part && fault.sites.includes(kind));
    const second = isFirstTime ? [] : this.#rarest(others.filter(stopsFiring), random);
    const beside = others.filter(
      (fault) => !stopsFiring(fault) && this.#countOf(fault.name) <= this.#countOf(first.name),
    );
    const faults = [first, ...second, ...this.#rarest(beside, random)];
    for (const { name } of faults) this.#counts.set(name, this.#countOf(name) + 1);
    return { kind, faults };
  }

  /** One of those that came least often, of the part that has most of them to come; nothing out of nothing. */
  #rarest(faults: readonly Fault[], random: Random): readonly Fault[] {
    if (faults.length === 0) return [];
    const least = this.#leastOf(faults);
    const rare = faults.filter(({ name }) => this.#countOf(name) === least);
    const ofPart = (part: Part): readonly Fault[] => rare.filter((fault) => fault.part === part);
    const most = Math.max(...rare.map(({ part }) => ofPart(part).length));
    return [random.pick(rare.filter(({ part }) => ofPart(part).length === most))];
  }

  #leastOf(faults: readonly Fault[]): number {
    return Math.min(...faults.map(({ name }) => this.#countOf(name)));
  }

  #countOf(name: string): number {
    return this.#counts.get(name) ?? 0;
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
