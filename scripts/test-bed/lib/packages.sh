# shellcheck shell=bash
# Debian packages for the host. The machine's own apt configuration is copied, never changed: bookworm's Docker is too
# old, so trixie's is reached through a private copy of the sources that has one more suite.

distribution() { (. /etc/os-release && printf '%s-%s' "$ID" "${VERSION_CODENAME:-}"); }

# The machine's own sources, in either of apt's two formats; its first stanza is the main repository.
apt_sources() { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{sources,list} 2>/dev/null || true; }
apt_repository() {
  apt_sources | sed -nE 's/^URIs: *([^ ]+).*/\1/p; s/^deb +(\[[^]]*\] +)?([^ ]+).*/\2/p' | awk 'NR == 1'
}
apt_key() {
  local key
  key=$(apt_sources | sed -nE 's/^[^#]*signed-by[:=] *(\/[^] ]+).*/\1/Ip' | awk 'NR == 1')
  printf '%s' "${key:-/usr/share/keyrings/debian-archive-keyring.gpg}"
}

private_apt_configuration() {
  mkdir -p "$BED/apt/lists/partial" "$BED/apt/sources.list.d" "$BED/apt/preferences.d"
  cp -L /etc/apt/sources.list.d/*.{sources,list} "$BED/apt/sources.list.d/" 2>/dev/null || true
  if [[ -s /etc/apt/sources.list ]]; then cp /etc/apt/sources.list "$BED/apt/sources.list.d/host.list"; fi
  cp /etc/apt/preferences.d/* "$BED/apt/preferences.d/" 2>/dev/null || true
  if [[ $(distribution) == debian-bookworm ]]; then
    cat >"$BED/apt/sources.list.d/trixie.sources" <<SOURCE
Types: deb
URIs: $(apt_repository)
Suites: trixie
Components: main
Signed-By: $(apt_key)
SOURCE
    printf 'Package: *\nPin: release n=trixie\nPin-Priority: 100\n' >"$BED/apt/preferences.d/trixie"
  fi
  cat >"$BED/apt/apt.conf" <<CONF
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$BED/apt/sources.list.d";
Dir::Etc::PreferencesParts "$BED/apt/preferences.d";
Dir::State::Lists "$BED/apt/lists";
CONF
}

# bed_apt ARGS...: apt-get with the private configuration; services that packages bring are not started.
bed_apt() {
  APT_CONFIG=$BED/apt/apt.conf DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

update_package_lists() {
  [[ -e $BED/apt/apt.conf ]] || private_apt_configuration
  # An hour-old list is fresh enough, and a second run asks nobody.
  [[ -z $(find "$BED/apt/updated" -mmin -60 2>/dev/null) ]] || return 0
  bed_apt update
  touch "$BED/apt/updated"
}

# A package's own service (Docker's, a registry's) must not start: what runs is started here, with our settings.
without_services() {
  local policy=/usr/sbin/policy-rc.d status=0
  if [[ -e $policy ]]; then
    "$@"
    return
  fi
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  "$@" || status=$?
  rm -f "$policy"
  return "$status"
}

install_packages() {
  update_package_lists
  without_services bed_apt install --no-install-recommends "$@"
}

# need_command COMMAND PACKAGE...: installs the packages when the command is missing.
need_command() {
  local command=$1
  shift
  if command -v "$command" >/dev/null; then return 0; fi
  step "install $*" install_packages "$@"
}

# What tests use beside Docker: age, and what the torture suites make faults with: failing system calls, wrong clocks, file systems in a file, connections that are cut.
ensure_tools() {
  need_command ssh openssh-client
  need_command strace strace
  need_command mkfs.ext4 e2fsprogs
  need_command mkfs.xfs xfsprogs
  need_command losetup mount
  need_command faketime faketime
  need_command age age
}

# What the tests of off-site copies copy to. The tests start it themselves, on ports of their own.
ensure_sshd() {
  if [[ ! -x /usr/sbin/sshd ]]; then step 'install openssh-server' install_packages openssh-server; fi
}
