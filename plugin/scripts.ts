/** Completion as each shell wants it; what completes is asked of the plugin itself, by `__complete`. */

const bash = `# kubectl-canary completion for bash
__kubectl_canary() {
  local words line
  words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  while IFS= read -r line; do
    [[ $line == :* ]] || COMPREPLY+=("\${line%%$'\\t'*}")
  done < <(kubectl-canary __complete "\${words[@]}" 2>/dev/null)
}
complete -F __kubectl_canary kubectl-canary
`;

const zsh = `#compdef kubectl-canary
# kubectl-canary completion for zsh
_kubectl-canary() {
  local -a items
  local line
  for line in "\${(@f)$(kubectl-canary __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ $line == :* || -z $line ]] || items+=("\${\${line//:/\\\\:}/$'\\t'/:}")
  done
  _describe 'kubectl canary' items
}
compdef _kubectl-canary kubectl-canary
`;

const fish = `# kubectl-canary completion for fish
function __kubectl_canary
  set -l words (commandline -opc) (commandline -ct)
  kubectl-canary __complete $words[2..-1] 2>/dev/null | string match -rv '^:'
end
complete -c kubectl-canary -f -a '(__kubectl_canary)'
`;

/** kubectl looks for an executable \`kubectl_complete-canary\` on the PATH. */
const kubectl = `#!/bin/sh
exec kubectl-canary __complete "$@"
`;

export const scripts = { bash, zsh, fish, kubectl } as const;
