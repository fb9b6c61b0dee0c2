# shellcheck shell=bash
# Base images without an image registry: debootstrap, with the machine's own way to its packages baked in.

# The same mirror, certificates and apt options as the host, so that apt works in a build the way it works here.
copy_package_access() {
  local root=$1 suite=$2
  rm -f "$root/etc/apt/sources.list"
  if [[ $suite == "$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")" ]]; then
    cp -L "$BED"/apt/sources.list.d/* "$root/etc/apt/sources.list.d/"
    rm -f "$root/etc/apt/sources.list.d/trixie.sources"
  else
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
      "$(apt_repository)" "$suite" "$(apt_key)" >"$root/etc/apt/sources.list.d/debian.sources"
  fi
  mkdir -p "$root$(dirname "$(apt_key)")" "$root/etc/ssl/certs"
  cp -L "$(apt_key)" "$root$(apt_key)"
  # The machine's certificates may include a proxy's own: as a bundle for now, and as the single files from which a later
  # installation of ca-certificates makes its bundle.
  if [[ -d /usr/local/share/ca-certificates ]]; then cp -rL /usr/local/share/ca-certificates "$root/usr/local/share/"; fi
  if [[ -s /etc/ssl/certs/ca-certificates.crt ]]; then
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  fi
  # Everything the host says under Acquire:: (proxies, validity checks); what follows keeps images small.
  {
    apt-config dump | grep -E '^Acquire::' || true
    printf 'Acquire::Check-Valid-Until "false";\nAPT::Install-Recommends "false";\nAcquire::Languages "none";\n'
  } >"$root/etc/apt/apt.conf.d/90test-bed"
  printf 'path-exclude /usr/share/doc/*\npath-exclude /usr/share/man/*\npath-exclude /usr/share/locale/*\n' \
    >"$root/etc/dpkg/dpkg.cfg.d/90test-bed"
}

import_base_image() {
  local suite=$1 root
  # A private PATH: users of pyenv, asdf and the like have shims that debootstrap should not meet.
  root=$(mktemp -d "$BED/debootstrap.XXXXXX")
  PATH=/usr/sbin:/usr/bin:/sbin:/bin debootstrap --variant=minbase --keyring="$(apt_key)" "$suite" "$root" "$(apt_repository)"
  copy_package_access "$root" "$suite"
  rm -rf "${root:?}"/var/cache/apt/*.bin "${root:?}"/var/cache/apt/archives/*.deb "${root:?}"/var/lib/apt/lists/*_*
  tar -C "$root" -c . | docker import --change 'CMD ["bash"]' - "debian:$suite"
  remember_image "debian:$suite"
  rm -rf "$root"
}

ensure_base_image() {
  docker image inspect "debian:$1" >/dev/null 2>&1 || step "base image debian:$1" import_base_image "$1"
}
