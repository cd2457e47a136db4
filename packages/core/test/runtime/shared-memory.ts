// The memory of a machine on which other programs run too.
/** Memory of which other programs hold a part. */
export class SharedMemory {
  others = 0;
  /** What the engines hold. */
  held = () => 0;
  /** What each engine is measured to take; `undefined`: the system does not tell. */
  resident: number | undefined;

  constructor(readonly total: number) {}

  read() {
    return { totalBytes: this.total, availableBytes: this.total - this.others - this.held() };
  }

  residentBytes() {
    return Promise.resolve(this.resident);
  }

  outOfMemoryKills() {
    return 0;
  }
}
