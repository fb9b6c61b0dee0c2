# shellcheck shell=bash
# An image registry on loopback: Debian's docker-registry. The package is unpacked, not installed, so that it brings no
# service of its own.

registry_port() { cat "$BED/registry.port"; }
registry_address() { printf '127.0.0.1:%s' "$(registry_port)"; }
registry_answers() { curl -fs -o /dev/null --max-time 2 "http://$(registry_address)/v2/"; }
port_is_free() { ! (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

choose_registry_port() {
  local port
  for port in $(registry_port 2>/dev/null || true) 5000 {5010..5099}; do
    if port_is_free "$port"; then
      echo "$port" >"$BED/registry.port"
      return 0
    fi
  done
  die "no free port for the registry among 5000 and 5010-5099"
}

unpack_registry() {
  local scratch=$BED/registry-package
  update_package_lists
  mkdir -p "$scratch" "$BED/bin"
  # apt drops to the user _apt, who may not write here: root downloads.
  (cd "$scratch" && bed_apt -o APT::Sandbox::User=root download docker-registry && dpkg-deb -x docker-registry_*.deb .)
  install -m 755 "$scratch/usr/bin/docker-registry" "$BED/bin/"
  rm -rf "$scratch"
}

registry_configuration() {
  cat <<CONF
version: 0.1
log: { level: warn, accesslog: { disabled: true } }
storage:
  filesystem: { rootdirectory: $BED/registry }
  delete: { enabled: true }
http: { addr: "$(registry_address)" }
CONF
}

start_registry() {
  registry_configuration >"$BED/registry.yml"
  detached "$BED/registry.log" "$BED/registry.pid" "$BED/bin/docker-registry" serve "$BED/registry.yml"
  try_until 20 registry_answers || {
    tail -n 20 "$BED/registry.log"
    return 1
  }
}

ensure_registry() {
  if ours_runs "$BED/registry.pid" docker-registry && registry_answers; then
    say "registry: ours runs on $(registry_address)"
    return 0
  fi
  [[ -x $BED/bin/docker-registry ]] || step "unpack the registry" unpack_registry
  choose_registry_port
  step "start the registry on $(registry_address)" start_registry
}

# registry_has NAME TAG
registry_has() {
  curl -fsI -o /dev/null --max-time 5 "http://$(registry_address)/v2/$1/manifests/$2" \
    -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' \
    -H 'Accept: application/vnd.oci.image.manifest.v1+json' -H 'Accept: application/vnd.oci.image.index.v1+json'
}

stop_registry() { stop_ours "$BED/registry.pid" docker-registry 10; }
