/** Turns a path of the config into one that can be opened: `~` is the home directory, relative means beside the config. */
export type PathExpander = (path: string) => string;
