# shellcheck shell=bash
# A Docker engine with Compose and buildx. One that already runs is used and left alone.

engine_answers() { timeout 10 docker info --format '{{.ServerVersion}}' 2>/dev/null | grep -q .; }

install_engine_packages() {
  case $(distribution) in
    debian-bookworm)
      install_packages iptables docker.io/trixie docker-cli/trixie docker-buildx/trixie containerd/trixie docker-compose/trixie
      ;;
    debian-*) install_packages iptables docker.io docker-cli docker-buildx docker-compose ;;
    ubuntu-*) install_packages iptables docker.io docker-buildx docker-compose-v2 ;;
    *) die "no recipe for Docker on $(distribution): start an engine yourself, it will be used" ;;
  esac
}

install_plugins() {
  case $(distribution) in
    debian-bookworm) install_packages docker-buildx/trixie docker-compose/trixie ;;
    debian-*) install_packages docker-buildx docker-compose ;;
    ubuntu-*) install_packages docker-buildx docker-compose-v2 ;;
    *) die "no recipe for Compose and buildx on $(distribution)" ;;
  esac
}

# The registry under test is also the mirror of Docker Hub, so that plain names like mongo:7 can be pulled.
daemon_configuration() {
  cat <<CONF
{
  "data-root": "$BED/docker",
  "exec-root": "/run/kaleem-test-bed/docker",
  "pidfile": "/run/kaleem-test-bed/docker.pid",
  "registry-mirrors": ["http://$(registry_address)"],
  "insecure-registries": ["$(registry_address)"],
  "log-opts": { "max-size": "10m" }
}
CONF
}

# Where the kernel lacks nf_tables, dockerd finds the legacy iptables first in its PATH.
engine_path() {
  local tools=$BED/legacy-iptables name
  if ! iptables -t nat -S >/dev/null 2>&1 && iptables-legacy -t nat -S >/dev/null 2>&1; then
    mkdir -p "$tools"
    for name in iptables ip6tables iptables-save iptables-restore; do
      ln -sf "$(command -v "${name/tables/tables-legacy}")" "$tools/$name"
    done
    printf '%s:%s' "$tools" "$PATH"
  else
    printf '%s' "$PATH"
  fi
}

start_engine() {
  mkdir -p /run/kaleem-test-bed "$BED/docker"
  daemon_configuration >"$BED/daemon.json"
  rm -f /run/kaleem-test-bed/docker.pid
  PATH=$(engine_path) detached "$BED/dockerd.log" "$BED/dockerd.pid" dockerd --config-file "$BED/daemon.json"
  try_until 60 engine_answers || {
    tail -n 30 "$BED/dockerd.log"
    return 1
  }
}

# The registry may have come up on another port than last time.
refresh_mirror() {
  ours_runs "$BED/dockerd.pid" dockerd || return 0
  if ! daemon_configuration | cmp -s - "$BED/daemon.json"; then
    daemon_configuration >"$BED/daemon.json"
    kill -HUP "$(cat "$BED/dockerd.pid")"
    sleep 1
  fi
}

ensure_engine() {
  if engine_answers; then
    if ours_runs "$BED/dockerd.pid" dockerd; then
      say "engine: ours runs"
      refresh_mirror
    else
      say "engine: one already runs, it is used and left alone"
    fi
  else
    if ! command -v dockerd >/dev/null || ! command -v iptables >/dev/null; then
      step "install the Docker engine" install_engine_packages
    fi
    step "start the Docker engine" start_engine
  fi
  if ! docker compose version >/dev/null 2>&1 || ! docker buildx version >/dev/null 2>&1; then
    step "install Compose and buildx" install_plugins
  fi
}

stop_engine() { stop_ours "$BED/dockerd.pid" dockerd 60; }
