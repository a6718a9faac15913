#!/usr/bin/env bash
# Run a command with a container engine of its own, and with a stand-in for the base image named in BASE_IMAGE.
#
#     integration_tests/image/with_engine.sh make test
#
# For a Debian machine that is thrown away afterwards, such as CI's: with root, Debian's packages and PyPI, but neither
# an engine nor a container registry. It installs packages and adds a bridge. Where `docker` works, `make test` needs
# none of this.
set -euo pipefail

[ $# -gt 0 ] || { echo "usage: $0 COMMAND [ARGUMENT...]" >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo "$0: an engine has to be started by root" >&2; exit 2; }

readonly BASE=local/python-connector-base:stand-in
readonly CA=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
readonly PACKAGES=(ca-certificates docker.io iptables mmdebstrap)
work=$(mktemp -d)

clean_up() {
    if [ -n "${engine:-}" ]; then
        kill "$engine" && wait "$engine" || true
        umount "$work"/exec/netns/* 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap clean_up EXIT

quietly() { # Run a command; show what it said only if it fails.
    "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; echo "$0: failed: $*" >&2; return 1; }
}

export DEBIAN_FRONTEND=noninteractive
readonly APT=(apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120)
quietly "${APT[@]}" update
quietly "${APT[@]}" install -y --no-install-recommends "${PACKAGES[@]}"
[ -x /usr/bin/docker ] || quietly "${APT[@]}" install -y --no-install-recommends docker-cli # from Debian 13 on

# Debian 13 has the Python of the official base image, and a virtual environment at /usr/local puts `python` and `pip`
# where they are there. The machine's certificates go into this base only, for the build behind a proxy.
in_base() { printf -- '--customize-hook=chroot "$1" sh -euc %q' "$1"; }
quietly mmdebstrap --variant=minbase --include=ca-certificates,tzdata,python3,python3-venv \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    "$(in_base 'python3 -m venv /usr/local')" \
    "$(in_base 'groupadd --gid 1000 airbyte')" \
    "$(in_base 'useradd --uid 1000 --gid airbyte --no-create-home --shell /usr/sbin/nologin airbyte')" \
    "$(in_base 'install --directory --owner airbyte --group airbyte /airbyte /config /secrets')" \
    --customize-hook="cp '$CA' \"\$1/etc/ssl/certs/ca-certificates.crt\"" \
    --customize-hook='printf "[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n" >"$1/etc/pip.conf"' \
    trixie "$work/base.tar"

# The client that belongs to the engine comes first on the path; nothing else there changes.
mkdir "$work/bin"
ln -s /usr/bin/docker "$work/bin/docker"
export PATH="$work/bin:$PATH:/usr/sbin:/sbin" DOCKER_HOST="unix://$work/docker.sock"
dockerd --data-root "$work/data" --exec-root "$work/exec" --host "$DOCKER_HOST" --pidfile "$work/pid" \
    >"$work/dockerd.log" 2>&1 &
engine=$!
for _ in $(seq 120); do
    docker info >/dev/null 2>&1 && break
    kill -0 "$engine" 2>/dev/null || break
    sleep 0.5
done
docker info >/dev/null 2>&1 || { cat "$work/dockerd.log" >&2; echo "$0: the engine did not start" >&2; exit 1; }

quietly docker import --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin' \
    "$work/base.tar" "$BASE"
rm "$work/base.tar"
export BASE_IMAGE=$BASE
docker version --format 'Docker engine {{.Server.Version}}, client {{.Client.Version}}'
"$@"
