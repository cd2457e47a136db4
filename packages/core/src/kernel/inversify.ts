// The parts of inversify that core uses, in a module of their own: the build bundles inversify into it, because loading
// its 246 modules takes 180 ms and 17 MB, and one file 12 ms and 3 MB. (scripts/bundle-inversify.mjs)
export { Container, ContainerModule } from 'inversify';
