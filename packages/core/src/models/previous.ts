// What was made last time, found again by its place, which seldom changes, else by its name.

/** A list whose members have names. */
export class Previous<Item> {
  private places: Map<string, number> | undefined;

  constructor(
    private readonly names: readonly string[] = [],
    private readonly items: readonly Item[] = [],
  ) {}

  /** The member of a name that stood at `place`, or elsewhere. */
  find(name: string, place: number): Item | undefined {
    if (this.names[place] === name) return this.items[place];
    this.places ??= new Map(this.names.map((one, index) => [one, index]));
    const found = this.places.get(name);
    return found === undefined ? undefined : this.items[found];
  }
}
