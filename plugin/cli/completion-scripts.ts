/** Completion as each shell wants it; what completes is asked of the plugin itself, by `__complete`. */
const bash = `# kubectl-canary completion for bash
__kubectl_canary() {
  local words=() word line value i last
  # Bash takes "=" and ":" for words of their own.
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    last=$((\${#words[@]} - 1))
    if ((last >= 0)) && [[ $word == [=:]* || \${COMP_WORDS[i - 1]} == [=:] ]]; then
      words[last]+=$word
    else
      words+=("$word")
    fi
  done
  value=\${words[\${#words[@]} - 1]}
  [[ $value == -*=* ]] && value=\${value#*=}
  [[ $value == *:* ]] && value=\${value%"\${value##*:}"} || value=
  COMPREPLY=()
  while IFS= read -r line; do
    [[ $line == :* ]] || COMPREPLY+=("\${line#"$value"}")
  done < <(kubectl-canary __complete "\${words[@]}" 2>/dev/null)
  [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
}
complete -F __kubectl_canary kubectl-canary
`;

const zsh = `#compdef kubectl-canary
# kubectl-canary completion for zsh
_kubectl-canary() {
  local -a items
  local line
  for line in "\${(@f)$(kubectl-canary __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ $line == :* || -z $line ]] || items+=("\${line//:/\\\\:}")
  done
  [[ $PREFIX == -*=* ]] && compset -P '*='
  _describe 'kubectl canary' items
}
# By compinit from a folder of $fpath, or sourced.
if [[ $funcstack[1] == _kubectl-canary ]]; then _kubectl-canary "$@"; else compdef _kubectl-canary kubectl-canary; fi
`;

const fish = `# kubectl-canary completion for fish
function __kubectl_canary
  set -l words (commandline -opc) (commandline -ct)
  set -l flag (string match -r -- '^-[^=]*=' $words[-1])
  kubectl-canary __complete $words[2..-1] 2>/dev/null | string match -rv '^:' | string replace -r '^' -- "$flag"
end
complete -c kubectl-canary -f -a '(__kubectl_canary)'
`;

/** kubectl looks for an executable \`kubectl_complete-canary\` on the PATH. */
const kubectl = `#!/bin/sh
exec kubectl-canary __complete "$@"
`;

export const scripts = { bash, zsh, fish, kubectl } as const;
