# shellcheck shell=bash
# A whole server in a container: its image, and a template of its /var/lib/docker with the small stack's images in it, so
# that each server a test makes starts with them (a copy takes 3 s, pulling 20 s).

readonly WHOLE_SERVER=kaleem-test-bed/server:base WHOLE_SERVER_DISK=kaleem-test-bed-server-disk BARE_SERVER=kaleem-test-bed/server:bare

label_of() { docker "$1" inspect --format "{{index .${3:+Config.}Labels \"kaleem.inputs\"}}" "$2" 2>/dev/null || true; }

build_whole_server() {
  build_image "$REPO_ROOT/scripts/test-bed/images/server" "$WHOLE_SERVER" --label "kaleem.inputs=$1"
  remember_image "$WHOLE_SERVER"
}

# Not pushed to the registry: only this machine's engine runs it.
ensure_whole_server() {
  local stamp
  stamp=$(inputs_of "$REPO_ROOT/scripts/test-bed/images/server")
  [[ $(label_of image "$WHOLE_SERVER" config) == "$stamp" ]] || step "build $WHOLE_SERVER" build_whole_server "$stamp"
}

build_bare_server() {
  build_image "$REPO_ROOT/scripts/test-bed/images/server" "$BARE_SERVER" --label "kaleem.inputs=$1" \
    --file "$REPO_ROOT/scripts/test-bed/images/bare-server/Dockerfile"
  remember_image "$BARE_SERVER"
}

# Nothing but sshd: what `kaleem-deploy setup` prepares. It has the whole server's units that lead to the registry.
ensure_bare_server() {
  local stamp
  stamp=$(inputs_of "$REPO_ROOT/scripts/test-bed/images" -path './*server/*')
  [[ $(label_of image "$BARE_SERVER" config) == "$stamp" ]] || step "build $BARE_SERVER" build_bare_server "$stamp"
}

# Connections to a unix socket go on to the registry: a server has a network of its own, and no way to our loopback. (On
# the host's network a second engine would take this machine's docker0 away.)
forward_registry() {
  exec node -e '
    const { connect, createServer } = require("node:net");
    const [host, port] = process.argv[1].split(":");
    createServer((near) => {
      const far = connect(Number(port), host);
      near.pipe(far).pipe(near);
      near.on("error", () => far.destroy());
      far.on("error", () => near.destroy());
    }).listen(process.argv[2]);' "$(registry_address)" "$1"
}

# Pulled, not loaded: only what was pulled has a digest. Side by side, since unpacking is what takes time.
fill_disk() {
  local stamp=$1 shared container forwarder status=0
  shift
  shared=$(mktemp -d "$BED/server.XXXXXX")
  printf '{ "registry-mirrors": ["http://%s"] }\n' "$(registry_address)" >"$shared/daemon.json"
  printf '[Socket]\nListenStream=\nListenStream=%s\n' "$(registry_address)" >"$shared/address.conf"
  forward_registry "$shared/registry.sock" &
  forwarder=$!
  docker volume rm -f "$WHOLE_SERVER_DISK"
  docker volume create --label "kaleem.inputs=$stamp" "$WHOLE_SERVER_DISK"
  container=$(docker run -d --privileged --cgroupns=private --tmpfs /run --tmpfs /run/lock --tmpfs /tmp \
    -v "$WHOLE_SERVER_DISK:/var/lib/docker" -v "$shared:/srv/engine" -v "$shared/daemon.json:/etc/docker/daemon.json:ro" \
    -v "$shared/address.conf:/etc/systemd/system/registry.socket.d/address.conf:ro" "$WHOLE_SERVER")
  # shellcheck disable=SC2016 # the container's shell expands it
  docker exec "$container" bash -euc '
    for _ in {1..300}; do docker info >/dev/null 2>&1 && break; sleep 0.1; done
    pulls=()
    for image; do docker pull -q "$image" & pulls+=($!); done
    for pull in "${pulls[@]}"; do wait "$pull"; done' pull "$@" || status=$?
  docker stop -t 20 "$container"
  docker rm -f "$container"
  kill "$forwarder"
  rm -rf "$shared"
  # A half-filled one must not be taken for a full one.
  ((status == 0)) || docker volume rm -f "$WHOLE_SERVER_DISK"
  return "$status"
}

# image_id NAME: of the machine's own copy, which is what the registry holds; the name alone where it has none.
image_id() { docker image inspect --format '{{.Id}}' "$1" 2>/dev/null || printf '%s' "$1"; }

ensure_server_disk() {
  local image stamp api
  api=$(registry_address)/kaleem/kaleem-api:v0.0.1
  stamp=$(label_of image "$WHOLE_SERVER" config)
  for image in mongo:7 redis:7 nginx:1.27; do stamp+=" $(image_id "$image")"; done
  stamp+=" $api $(cat "$BED/stamps/kaleem-kaleem-api-v0.0.1")"
  stamp=$(sha256sum <<<"$stamp" | cut -c1-16)
  [[ $(label_of volume "$WHOLE_SERVER_DISK") == "$stamp" ]] ||
    step 'fill the disk of a whole server' fill_disk "$stamp" mongo:7 redis:7 nginx:1.27 "$api"
}
