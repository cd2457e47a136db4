// The scripts that shells load: they send the words up to the cursor to lamina __complete, and offer its lines.

/** A script, and the line that installs it. */
interface ShellScript {
  readonly install: string;
  readonly script: string;
}

/** Bash may be as old as 3.2. It cuts words at `:` and `=`, so the words are taken from the line itself. */
const bash = `# Completion of lamina in bash.
_lamina() {
  local -a words
  local line="\${COMP_LINE:0:COMP_POINT}" IFS=$' \\t\\n' candidate
  read -ra words <<< "$line"
  [[ "$line" == *[[:space:]] ]] && words+=('')
  local word="\${words[\${#words[@]} - 1]}"
  local cut="\${word%"\${word##*[:=]}"}"
  COMPREPLY=()
  while IFS=$'\\t' read -r candidate _; do
    if [[ "$candidate" == ':files' ]]; then
      compopt -o filenames 2> /dev/null
      while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -f -- "$word")
    else
      COMPREPLY+=("\${candidate#"$cut"}")
    fi
  done < <("\${words[0]}" __complete -- "\${words[@]:1}" 2> /dev/null)
}
complete -F _lamina lamina
`;

const zsh = `#compdef lamina
# Completion of lamina in zsh.
_lamina() {
  local -a candidates
  local line
  while IFS= read -r line; do
    if [[ "$line" == ':files' ]]; then
      _files
      return
    fi
    line="\${line//:/\\\\:}"
    candidates+=("\${line/$'\\t'/:}")
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2> /dev/null)
  _describe -V lamina candidates
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _lamina lamina
`;

const fish = `# Completion of lamina in fish.
function __lamina_complete
    set -l words (commandline -opc)
    set -l candidates ($words[1] __complete -- $words[2..] (commandline -ct) 2> /dev/null)
    if test "$candidates" = ':files'
        __fish_complete_path (commandline -ct)
    else
        printf '%s\\n' $candidates
    end
end
complete -c lamina -f -k -a '(__lamina_complete)'
`;

/** By name of the shell. */
export const scripts = {
  bash: { install: `echo 'eval "$(lamina completion bash)"' >> ~/.bashrc`, script: bash },
  zsh: { install: `echo 'eval "$(lamina completion zsh)"' >> ~/.zshrc`, script: zsh },
  fish: { install: 'lamina completion fish > ~/.config/fish/completions/lamina.fish', script: fish },
} as const satisfies Readonly<Record<string, ShellScript>>;
