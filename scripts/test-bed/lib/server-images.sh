# shellcheck shell=bash
# The servers of the stack, under their usual names: the real images where they can be pulled, else substitutes built
# from packages, pushed to the registry (which is also the mirror of Docker Hub, so `docker pull mongo:7` works).

# shellcheck disable=SC2034 # used by up.sh
readonly REAL_IMAGES=(mongo:7 redis:7 rabbitmq:3-management qdrant/qdrant:latest nginx:1.27 node:22-bookworm-slim)
readonly FERRETDB=github.com/FerretDB/FerretDB/v2/cmd/ferretdb@v2.7.0
readonly VERSITYGW=github.com/versity/versitygw/cmd/versitygw@v1.8.0

# Decided once: asking Docker Hub for a manifest is quick either way. A pull would not do as the question: from the
# second run on the mirror would answer it with our own substitutes.
servers() {
  if [[ ! -s $BED/servers ]]; then
    if timeout 15 docker manifest inspect mongo:7 >/dev/null 2>&1; then
      echo images >"$BED/servers"
    else
      echo packages >"$BED/servers"
    fi
  fi
  cat "$BED/servers"
}

pull_real_image() {
  docker image inspect "$1" >/dev/null 2>&1 || step "pull $1" docker pull -q "$1"
}

# What `down.sh --purge` takes out of an engine that is not ours.
remember_image() { echo "$1" >>"$BED/images"; }

# What an image is made of: when neither this nor the registry's copy is gone, there is nothing to do.
# The folder's own place doesn't count: two checkouts of the same sources share their images.
# inputs_of FOLDER [FIND CONDITIONS...]
inputs_of() { (cd "$1" && find . "${@:2}" -type f -exec sha256sum {} + | sort | sha256sum | cut -c1-16); }

# build_image FOLDER TARGET [ARGS...]: the host's network and proxies, so that apt works in it as it does outside.
build_image() {
  local folder=$1 target=$2 name
  local -a proxies=()
  shift 2
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    if [[ -n ${!name:-} ]]; then proxies+=(--build-arg "$name"); fi
  done
  # One manifest per image and no attestations beside it: what a registry of a plain `docker push` holds.
  docker buildx build --builder default --network host --provenance=false --load "${proxies[@]}" -t "$target" "$@" "$folder"
}

# published_is_current NAME TAG STAMP: the registry holds what these inputs make.
published_is_current() {
  local name=$1 tag=$2 stamp=$3
  [[ $(cat "$BED/stamps/${name//\//-}-$tag" 2>/dev/null) == "$stamp" ]] && registry_has "$name" "$tag"
}
remember_published() {
  mkdir -p "$BED/stamps"
  echo "$3" >"$BED/stamps/${1//\//-}-$2"
}

# publish_server FOLDER TARGET [BUILD ARGS...]
publish_server() {
  local folder=$1 target=$2 name=${2%%:*} tag=${2##*:} hub
  hub=$name
  if [[ $hub != */* ]]; then hub=library/$hub; fi
  build_image "$folder" "$target" "${@:3}"
  docker tag "$target" "$(registry_address)/$hub:$tag"
  docker push -q "$(registry_address)/$hub:$tag"
  remember_image "$target"
  remember_image "$(registry_address)/$hub:$tag"
  # Through the mirror, so that the plain name has a digest as a pulled image has.
  if ours_runs "$BED/dockerd.pid" dockerd; then docker pull -q "$target"; fi
}

# ensure_server_image FOLDER TARGET [BUILD ARGS...]
ensure_server_image() {
  local folder=$1 target=$2 name=${2%%:*} tag=${2##*:} stamp
  if [[ $name != */* ]]; then name=library/$name; fi
  stamp="$(inputs_of "$folder") ${*:3}"
  if published_is_current "$name" "$tag" "$stamp"; then
    docker image inspect "$target" >/dev/null 2>&1 && return 0
    step "fetch $target from the registry" fetch_server "$name:$tag" "$target"
    return 0
  fi
  step "build $target" publish_server "$@"
  remember_published "$name" "$tag" "$stamp"
}

fetch_server() {
  docker pull -q "$(registry_address)/$1"
  docker tag "$(registry_address)/$1" "$2"
  remember_image "$2"
}

# go_install NAME MODULE: from the Go module proxy, with the host's Go where there is one, else with Debian's in a container.
go_install() {
  local name=$1 module=$2
  mkdir -p "$BED/bin"
  if command -v go >/dev/null; then
    (cd "$BED" && GOBIN=$BED/bin CGO_ENABLED=0 nice go install -ldflags='-s -w' "$module")
  else
    docker run --rm --network host -v "$BED/bin:/out" \
      -e GOPROXY -e GOSUMDB -e http_proxy -e https_proxy -e no_proxy -e HTTP_PROXY -e HTTPS_PROXY -e NO_PROXY \
      -e GOBIN=/out -e CGO_ENABLED=0 debian:sid bash -c \
      "apt-get update && apt-get install -y --no-install-recommends golang-go && go install -ldflags='-s -w' $module"
  fi
  mkdir -p "$BED/stamps"
  echo "$module" >"$BED/stamps/go-$name"
}

# ensure_go_program NAME MODULE: built once for each version.
ensure_go_program() {
  local name=$1 module=$2
  [[ -x $BED/bin/$name && $(cat "$BED/stamps/go-$name" 2>/dev/null) == "$module" ]] && return 0
  step "build $name" go_install "$name" "$module"
}

ensure_ferretdb() { ensure_go_program ferretdb "$FERRETDB"; }

# An S3-compatible server, for the tests of off-site copies; they start it themselves, over folders and ports of their own.
ensure_s3_server() { ensure_go_program versitygw "$VERSITYGW"; }

ensure_mongo() {
  local folder=$BED/build/mongo
  ensure_ferretdb
  mkdir -p "$folder"
  cp -p "$REPO_ROOT"/scripts/test-bed/images/mongo/* "$folder/"
  cp -p "$BED/bin/ferretdb" "$folder/"
  ensure_server_image "$folder" mongo:7
  touch "$BED/READY-mongo"
}

# node_image: the base of the application images and of the Qdrant stand-in.
node_image() { if [[ $(servers) == images ]]; then echo node:22-bookworm-slim; else echo kaleem-test-bed/node:base; fi; }

ensure_node_base() {
  local folder=$BED/build/node node
  node=$(node -p process.execPath)
  mkdir -p "$folder"
  cp "$REPO_ROOT/scripts/test-bed/images/node/Dockerfile" "$folder/"
  cmp -s "$node" "$folder/node" || cp "$node" "$folder/node"
  ensure_server_image "$folder" kaleem-test-bed/node:base
}

ensure_qdrant_stand_in() {
  ensure_server_image "$REPO_ROOT/scripts/test-bed/images/qdrant-stand-in" qdrant/qdrant:latest \
    --build-arg "NODE_IMAGE=$(node_image)"
}

# A server whose folder is all that it is made of.
ensure_simple() { ensure_server_image "$REPO_ROOT/scripts/test-bed/images/$1" "$2"; }
