# shellcheck shell=bash
# The demo application's images, good and faulty, in the registry as kaleem/kaleem-api:TAG and kaleem/kaleem-frontend:TAG.

# TAG=FAULT: what is broken on purpose in each (see compose/api/faults.js); v0.0.3 also corrupts data as it starts.
readonly API_TAGS=(
  v0.0.1= v0.0.2= v0.0.3=health-500 v0.0.5=
  v0.0.4-crash-loop=crash-loop v0.0.4-hang=hang v0.0.4-error-body=error-body v0.0.4-slow=slow
  v0.0.4-exit=exit v0.0.4-broken-readonly=health-500
)
readonly FRONTEND_TAGS=(v0.0.1 v0.0.2 v0.0.3 v0.0.5)

# The sources and their installed dependencies, outside the working tree.
stage_api() {
  local folder=$BED/build/api
  mkdir -p "$folder"
  cp "$REPO_ROOT"/compose/api/{*.js,package.json,package-lock.json,.npmrc,Dockerfile,.dockerignore} "$folder/"
  if ! cmp -s "$folder/package-lock.json" "$folder/node_modules/.installed-from"; then
    (cd "$folder" && npm ci --omit=dev --no-audit --no-fund --ignore-scripts --prefer-offline)
    cp "$folder/package-lock.json" "$folder/node_modules/.installed-from"
  fi
}

build_and_push_application() {
  local folder=$1 target=$2
  build_image "$folder" "$target" "${@:3}"
  docker push -q "$target"
  remember_image "$target"
}

# ensure_application NAME TAG STAMP FOLDER [BUILD ARGS...]. An image that only the registry has is enough: deploys pull it.
ensure_application() {
  local name=$1 tag=$2 stamp="$3 ${*:5}" folder=$4
  published_is_current "$name" "$tag" "$stamp" && return 0
  step "build $name:$tag" build_and_push_application "$folder" "$(registry_address)/$name:$tag" "${@:5}"
  remember_published "$name" "$tag" "$stamp"
}

ensure_api() {
  local entry stamp
  stage_api >"$BED/log/stage-api.log" 2>&1 || {
    tail -n 20 "$BED/log/stage-api.log" >&2
    die "npm ci of compose/api failed"
  }
  stamp=$(inputs_of "$BED/build/api" -maxdepth 1)
  for entry in "${API_TAGS[@]}"; do
    ensure_application kaleem/kaleem-api "${entry%%=*}" "$stamp" "$BED/build/api" \
      --build-arg "NODE_IMAGE=$(node_image)" --build-arg "VERSION=${entry%%=*}" --build-arg "FAULT=${entry#*=}"
  done
}

ensure_frontend() {
  local tag stamp
  stamp=$(inputs_of "$REPO_ROOT/compose/frontend")
  for tag in "${FRONTEND_TAGS[@]}"; do
    ensure_application kaleem/kaleem-frontend "$tag" "$stamp" "$REPO_ROOT/compose/frontend" --build-arg "VERSION=$tag"
  done
}
