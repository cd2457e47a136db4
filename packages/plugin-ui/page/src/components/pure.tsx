// Components that are not rendered again while their props are the same.
import { Component, type ComponentType, type JSX } from 'preact';

/** The component, rendered again only when one of its props is another value, or a signal that it reads has changed. */
export function pure<Props extends object>(Inner: (props: Props) => JSX.Element | undefined): ComponentType<Props> {
  return class extends Component<Props> {
    override shouldComponentUpdate(next: Props): boolean {
      const now = this.props as Props;
      return (Object.keys({ ...now, ...next }) as (keyof Props)[]).some((name) => now[name] !== next[name]);
    }
    override render(props: Props): JSX.Element {
      return <Inner {...props} />;
    }
  };
}
