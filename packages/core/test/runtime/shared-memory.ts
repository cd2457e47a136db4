// The memory of a machine on which other programs run too.
/** Memory of which other programs hold a part. */
export class SharedMemory {
  others = 0;
  /** What the engines hold. */
  held = () => 0;

  constructor(readonly total: number) {}

  read() {
    return { totalBytes: this.total, availableBytes: this.total - this.others - this.held() };
  }

  residentBytes() {
    return Promise.resolve(undefined);
  }

  outOfMemoryKills() {
    return 0;
  }
}
