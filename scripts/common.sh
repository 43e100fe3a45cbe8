# Shared by the scripts of this directory; sourced, never run.

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
state=$root/.slipstream

# Prints the comment block at the top of a script as its help.
usage() {
  sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p;}' "$1"
}

note() {
  printf '  %s\n' "$*"
}

# A message for the person at the terminal, then the end.
fail() {
  printf '\n  missing: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '           %s\n' "$@" >&2
  exit 1
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# step LABEL COMMAND…: runs quietly, says how long it took, shows the end of the output when it fails.
step() {
  local label=$1 started=$SECONDS log code
  shift
  log=$(mktemp)
  printf '  %s … ' "$label"
  if "$@" >"$log" 2>&1 </dev/null; then
    printf '%s s\n' "$((SECONDS - started))"
    rm -f "$log"
  else
    code=$?
    printf 'failed\n\n' && tail -n 40 "$log" >&2
    rm -f "$log"
    return "$code"
  fi
}

# at_least FOUND NEEDED: compares versions.
at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# One digest of everything on standard input.
digest() {
  python3 -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'
}

# tree_digest DIR: one digest of the names and contents of its files, without what is made from them.
tree_digest() {
  python3 - "$1" <<'PY'
import hashlib, os, sys

made = {"node_modules", "dist", "coverage", ".vite", "test-results", "__pycache__"}
total = hashlib.sha256()
for folder, folders, files in os.walk(sys.argv[1]):
    folders[:] = sorted(name for name in folders if name not in made)
    for name in sorted(files):
        if name.endswith((".tsbuildinfo", ".log")):
            continue
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            continue
        with open(path, "rb") as file:
            content = hashlib.sha256(file.read()).hexdigest()
        total.update(f"{os.path.relpath(path, sys.argv[1])}\0{content}\n".encode())
print(total.hexdigest())
PY
}

# stamped NAME VALUE: whether the work of that name was done for that value.
stamped() {
  [ -f "$state/stamps/$1" ] && [ "$(cat "$state/stamps/$1")" = "$2" ]
}

stamp() {
  mkdir -p "$state/stamps"
  printf '%s\n' "$2" >"$state/stamps/$1"
}

# Whether packages can be installed without asking: as root, or by a sudo that needs no password.
can_apt() {
  has apt-get && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

apt_install() {
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0)
  as_root "${apt[@]}" install -y --no-install-recommends "$@" ||
    { as_root "${apt[@]}" update && as_root "${apt[@]}" install -y --no-install-recommends "$@"; }
}

# Where cargo puts what it builds.
target_dir() {
  (cd "$root" && cargo metadata --locked --no-deps --format-version 1) |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])'
}
